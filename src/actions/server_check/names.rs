//! The names the server calls itself by, in its greeting and its reply to EHLO (RFC 5321 4.2, 4.3.1).

use std::net::IpAddr;

use super::inspection::{Fault, Inspection, the_session};
use super::remedy;
use crate::actions::Context;
use crate::mail::dnsbl::askable;
use crate::mail::ptr;
use crate::probes::dns::{Question, RecordKind};
use crate::probes::smtp::Capabilities;
use crate::record::{Severity, Verdict};

/// The first word of a reply's text: the name.
pub(super) fn first_word(text: &str) -> Option<String> {
    text.split_whitespace().next().map(str::to_owned)
}

/// What a greeting shows beside the name.
pub(super) fn greeting_detail(text: &str) -> String {
    match first_word(text) {
        Some(name) => format!("calls itself {name}"),
        None => "gives no name".to_owned(),
    }
}

/// Whether a firewall has written over it (`220 ****`, `XXXXXXXA`).
fn is_masked(text: &str) -> bool {
    let filler = text.chars().filter(|c| matches!(c, '*' | 'X')).count();
    filler >= 4 && filler * 2 > text.len()
}

/// Judges the names: are they names, do they agree, do they lead to the server?
pub(super) async fn judge(context: &Context<'_>, seen: &mut Inspection, said: &Capabilities) {
    seen.ehlo_name = first_word(&said.name);
    let masked = said.masked();
    let greeting = seen.greeting_name.clone().unwrap_or_default();
    if is_masked(&greeting) || !masked.is_empty() {
        let lines = std::iter::once(greeting.as_str())
            .filter(|name| is_masked(name))
            .chain(masked)
            .collect::<Vec<_>>()
            .join(", ");
        let fault = Fault {
            code: "server-masked",
            severity: Severity::Major,
            what: format!("something in front of it writes over what it says ({lines})"),
            remedy: remedy::MASKED.to_owned(),
        };
        return seen.fault("names", fault, the_session(), None);
    }
    let names: Vec<String> = [seen.greeting_name.clone(), seen.ehlo_name.clone()]
        .into_iter()
        .flatten()
        .collect();
    let Some(name) = names.first().cloned() else {
        return seen.add("names", Verdict::Unknown, "it says no name");
    };
    if let Err(wrong) = ptr::helo(&name) {
        let fault = Fault {
            code: "server-name",
            severity: Severity::Informational,
            what: format!("it calls itself '{name}': {wrong}"),
            remedy: remedy::NAME.to_owned(),
        };
        return seen.fault("names", fault, the_session(), None);
    }
    let mut remarks = Vec::new();
    if let Some(other) = names
        .get(1)
        .filter(|other| !other.eq_ignore_ascii_case(&name))
    {
        remarks.push(format!("greets as {name} and answers EHLO as {other}"));
    }
    let (leads, proof) = leads_to(context, seen, &name).await;
    match leads {
        Some(false) => {
            let fault = Fault {
                code: "server-name",
                severity: Severity::Informational,
                what: format!(
                    "it calls itself {name}, which is neither its name in the site file nor leads to {}",
                    seen.address
                ),
                remedy: remedy::NAME.to_owned(),
            };
            seen.fault("names", fault, ("dns", proof), None);
        }
        Some(true) => seen.add("names", Verdict::Good, joined(&name, &remarks)),
        None => {
            remarks.push("whether the name leads to the server could not be asked".to_owned());
            seen.add("names", Verdict::Good, joined(&name, &remarks));
        }
    }
}

fn joined(name: &str, remarks: &[String]) -> String {
    std::iter::once(name.to_owned())
        .chain(remarks.iter().cloned())
        .collect::<Vec<_>>()
        .join("; ")
}

/// Whether the name is the site file's, the reverse name of the address, or leads to the address. None: could not be asked.
async fn leads_to(context: &Context<'_>, seen: &Inspection, name: &str) -> (Option<bool>, String) {
    let same = |other: &str| other.trim_end_matches('.').eq_ignore_ascii_case(name);
    let site = context.site;
    if same(&seen.host) || site.outbound.helo.as_deref().is_some_and(same) {
        return (Some(true), String::new());
    }
    // Behind address translation neither the name nor the reverse name can lead to the address we use.
    if askable(seen.address, false).is_err() && !site.laboratory {
        return (None, String::new());
    }
    let dns = &context.probes.dns;
    let kind = match seen.address {
        IpAddr::V4(_) => RecordKind::A,
        IpAddr::V6(_) => RecordKind::Aaaa,
    };
    let (forward, reverse) = (Question::new(name, kind), Question::ptr(seen.address));
    let (forward, reverse) = tokio::join!(dns.query(&forward), dns.query(&reverse));
    let proof = format!("{forward}\n{reverse}");
    if forward.addresses().contains(&seen.address) || reverse.names().iter().any(|ptr| same(ptr)) {
        return (Some(true), proof);
    }
    let told = forward.outcome.is_conclusive() && reverse.outcome.is_conclusive();
    (told.then_some(false), proof)
}
