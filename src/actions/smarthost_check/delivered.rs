//! H18 to H26: what became of a real message. This check sends none; `delivery.probe` does, after an approval, and what it saw
//! in the same run is read here.

use serde_json::Value;

use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::standing;
use crate::actions::Context;
use crate::mail::findings;
use crate::record::Severity;

/// Later than this is slow, for one hop and for all (seconds).
const LATE: u64 = 300;

/// Fills the stages that only a message can tell.
pub(super) async fn read(ladder: &mut Ladder, plan: &Plan, context: &Context<'_>) {
    ladder.add(
        "H18",
        Step::new(
            Mark::NotApplicable,
            "the test message is plain text; send one with an attachment from the mail program",
        ),
    );
    let seen = context.facts.latest_outputs("delivery.probe");
    let Some(seen) = seen.filter(|seen| seen["via"] == plan.host.as_str()) else {
        let detail =
            "no message is sent here: delivery.probe sends one, in a run and after an approval";
        for id in ["H19", "H20", "H22", "H23", "H24", "H25", "H26"] {
            ladder.add(id, Step::new(Mark::NotApplicable, detail));
        }
        return ladder.add("H21", hops(plan, None));
    };
    let reason = seen["reason"].as_str().unwrap_or_default();
    match seen["accepted"].as_bool() {
        Some(true) => ladder.add("H19", Step::new(Mark::Good, "a marked message was taken")),
        Some(false) => return lost(ladder, plan, "H19", "delivery-refused", reason),
        None => {
            let detail =
                "the connection was lost after the message: whether it was taken is not known";
            ladder.add("H19", Step::new(Mark::Unknown, detail));
        }
    }
    if seen["arrived"].as_bool() != Some(true) {
        return match seen["accepted"].as_bool() {
            Some(true) => lost(ladder, plan, "H20", "delivery-lost", reason),
            _ => ladder.add("H20", Step::new(Mark::Unknown, reason)),
        };
    }
    ladder.add("H20", arrival(&seen));
    ladder.add("H21", hops(plan, Some(&seen)));
    authentication(ladder, &seen["authentication"]);
    standing::judge(ladder, plan, context, seen["egress"].as_str()).await;
}

/// A message that did not go through. The finding is the one that delivery.probe has, so that it ends with it.
fn lost(ladder: &mut Ladder, plan: &Plan, id: &'static str, code: &'static str, reason: &str) {
    let fault = Fault {
        code,
        severity: Severity::Critical,
        summary: format!(
            "A marked message did not go through {}: {reason}",
            plan.host
        ),
        remedy: findings::find(code).map_or_else(String::new, |known| known.remedy.clone()),
    };
    let step = Step::new(Mark::Failed, reason).about(plan.host.as_str());
    ladder.fault(
        id,
        step,
        fault,
        ("note", format!("delivery.probe: {reason}")),
    );
}

/// H20: accepted is not arrived.
fn arrival(seen: &Value) -> Step {
    let folder = seen["folder"].as_str().unwrap_or("INBOX");
    let seconds = seen["seconds"].as_u64();
    let detail = match seconds {
        Some(seconds) => format!("arrived in {folder} after {seconds} s"),
        None => format!("arrived in {folder}"),
    };
    let in_order = folder.eq_ignore_ascii_case("INBOX") && seconds.is_none_or(|s| s <= LATE);
    Step::new(if in_order { Mark::Good } else { Mark::Warning }, detail)
}

/// H21: the way that the message went. From elsewhere it began elsewhere, and says nothing about the site's own server.
fn hops(plan: &Plan, seen: Option<&Value>) -> Step {
    if plan.is_elsewhere() {
        let detail =
            "whether the site's server uses the smarthost shows in a message that it sent itself";
        return Step::new(Mark::NotFromHere, detail);
    }
    let Some(seen) = seen else {
        return Step::new(Mark::NotApplicable, "no message was followed");
    };
    let hops = seen["hops"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let slow = hops
        .iter()
        .filter_map(|hop| hop["seconds"].as_u64().filter(|seconds| *seconds > LATE))
        .max();
    match slow {
        Some(seconds) => Step::new(
            Mark::Warning,
            format!("{} hops, one took {seconds} s", hops.len()),
        ),
        None => Step::new(Mark::Good, format!("{} hops", hops.len())),
    }
}

/// H22 to H25, as the receiver wrote them into the header (RFC 8601). delivery.probe has the findings.
fn authentication(ladder: &mut Ladder, results: &Value) {
    let told = |method: &str| results[method].as_str();
    let all: Vec<String> = ["spf", "dkim", "dmarc"]
        .iter()
        .filter_map(|method| told(method).map(|word| format!("{method}={word}")))
        .collect();
    let step = match all.is_empty() {
        true => Step::new(
            Mark::NotApplicable,
            "the receiver says nothing about SPF, DKIM and DMARC",
        ),
        false => Step::new(Mark::Good, format!("the receiver says {}", all.join(", "))),
    };
    ladder.add("H22", step);
    let silent = |method: &str| {
        Step::new(
            Mark::NotApplicable,
            format!("the receiver says nothing about {method}"),
        )
    };
    let step = match told("spf") {
        Some("pass") => Step::new(Mark::Good, "spf=pass"),
        Some(word) => Step::new(
            Mark::Warning,
            format!("spf={word}: the sender's SPF record does not allow the smarthost"),
        ),
        None => silent("SPF"),
    };
    ladder.add("H23", step);
    let step = match (told("spf"), told("dmarc")) {
        (_, Some("pass")) => Step::new(Mark::Good, "a domain that passed is the sender's"),
        (Some("pass"), Some(word)) => Step::new(
            Mark::Warning,
            format!("spf=pass with dmarc={word}: it passed for the provider's own bounce domain"),
        ),
        _ => Step::new(
            Mark::NotApplicable,
            "not to be seen without spf=pass and a word about DMARC",
        ),
    };
    ladder.add("H24", step);
    let step = match (told("dmarc"), told("dkim")) {
        (Some("pass"), _) => Step::new(Mark::Good, "dmarc=pass"),
        (Some("none") | None, Some("pass")) => {
            Step::new(Mark::Good, "dkim=pass; the sender's domain has no DMARC")
        }
        (Some("none") | None, Some(word)) => Step::new(
            Mark::Warning,
            format!("dkim={word}: let the provider sign with the site's own domain"),
        ),
        (Some(word), _) => Step::new(
            Mark::Warning,
            format!("dmarc={word}: let the provider sign with the site's own domain"),
        ),
        (None, None) => silent("DKIM and DMARC"),
    };
    ladder.add("H25", step);
}
