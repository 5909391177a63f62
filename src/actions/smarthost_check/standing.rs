//! H26: the standing of the address that the smarthost's mail leaves from: its name, and the same lists as `blacklist.scan`
//! asks. Many share such an address; a listing is for the provider to settle, not for the site.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use crate::actions::{Args, Context, Next};
use crate::record::Severity;

/// Looks at the address, if the receiver told it.
pub(super) async fn judge(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    egress: Option<&str>,
) {
    let Some(address) = egress.and_then(|text| text.parse::<IpAddr>().ok()) else {
        let detail = "the receiver does not say which address it came from";
        return ladder.add("H26", Step::new(Mark::NotApplicable, detail));
    };
    let name = name(context, address).await;
    let left = format!("it left from {address} ({name})");
    let seen = match scan(context, address).await {
        Ok(seen) => seen,
        Err(why) => {
            let detail = format!("{left}; the lists could not be asked: {why}");
            return ladder.add("H26", Step::new(Mark::Unknown, detail));
        }
    };
    let heavy: Vec<&Value> = listings(&seen)
        .filter(|listing| matches!(listing["severity"].as_str(), Some("critical" | "major")))
        .collect();
    let told = |listings: &[&Value]| {
        let names = listings
            .iter()
            .filter_map(|listing| listing["name"].as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    if !heavy.is_empty() {
        let fault = Fault {
            code: "smarthost-egress-listed",
            severity: Severity::Major,
            summary: format!(
                "Mail by {} leaves from {address}, which is on {}.",
                plan.host,
                told(&heavy)
            ),
            remedy: remedy::EGRESS.to_owned(),
        };
        let proof = heavy.iter().map(|listing| {
            let word = |key: &str| listing[key].as_str().unwrap_or_default().to_owned();
            format!("{} {} {}", word("zone"), listing["codes"], word("text"))
        });
        let proof = proof.collect::<Vec<_>>().join("\n");
        let step = Step::new(Mark::Warning, format!("{left}; listed by {}", told(&heavy)));
        return ladder.fault("H26", step, fault, ("dns", proof));
    }
    let light: Vec<&Value> = listings(&seen).collect();
    let step = match seen["targets"][0]["verdict"].as_str() {
        Some("listed") => Step::new(
            Mark::Good,
            format!("{left}; on lists of little weight alone: {}", told(&light)),
        ),
        Some("clean") => Step::new(Mark::Good, format!("{left}; on no list that counts")),
        _ => Step::new(
            Mark::Unknown,
            format!(
                "{left}; whether it is listed could not be told from this resolver ({})",
                seen["resolver"]["verdict"].as_str().unwrap_or("no answers")
            ),
        ),
    };
    ladder.add("H26", step);
}

fn listings(seen: &Value) -> impl Iterator<Item = &Value> {
    seen["listed"].as_array().into_iter().flatten()
}

/// The outputs of a scan of this address alone.
async fn scan(context: &Context<'_>, address: IpAddr) -> Result<Value, String> {
    let asked = json!({"addresses": [address], "domains": []});
    let args = Args(asked.as_object().cloned().unwrap_or_default());
    let Some(action) = crate::actions::find("blacklist.scan") else {
        return Err("this version has no blacklist.scan".to_owned());
    };
    let context = Context {
        args: &args,
        ..*context
    };
    match action.carry_out(&context).await {
        Ok(Next::Done(report)) => Ok(Value::Object(report.outputs)),
        Ok(Next::Wait(_)) => Err("the scan waits".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Its name, and whether that leads back (forward-confirmed reverse DNS).
async fn name(context: &Context<'_>, address: IpAddr) -> String {
    let answer = context.probes.dns.ptr(address).await;
    let Some(name) = answer.names().into_iter().next() else {
        return format!("reverse name: {}", answer.outcome.word());
    };
    let name = name.trim_end_matches('.').to_owned();
    let forward = match address {
        IpAddr::V4(_) => context.probes.dns.a(&name).await,
        IpAddr::V6(_) => context.probes.dns.aaaa(&name).await,
    };
    if forward.addresses().contains(&address) {
        name
    } else {
        format!("{name}, which does not lead back to it")
    }
}
