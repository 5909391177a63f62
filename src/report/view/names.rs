//! What DNS says: the names of the sending addresses, and the proofs that mail is the site's own.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::latest;
use super::read::{get, list, some_text, text, texts};
use super::site::SiteView;
use super::words::{self, Word};
use crate::record::{Event, RunState};

/// Reverse DNS of one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddressView {
    /// The address.
    pub address: String,
    /// Its verdict.
    pub verdict: Word,
    /// Names that reverse DNS gives; empty: none, or not known.
    pub names: String,
    /// Which of them lead back to the address.
    pub confirmed: String,
    /// The name it should have, from the site file.
    pub wanted: Option<String>,
    /// True when somebody must set or change the name.
    pub to_change: bool,
    /// What is to become of the name: the one to set, `keep`, or what to do first.
    pub to_set: String,
    /// Anything odd.
    pub warnings: Vec<String>,
    /// When it was looked up.
    pub when: When,
}

/// Mail authentication of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainView {
    /// The domain.
    pub domain: String,
    /// SPF, DKIM, DMARC, MX, MTA-STS, TLS-RPT: what was seen of each.
    pub proofs: Vec<ProofView>,
    /// When it was looked up.
    pub when: When,
}

/// One proof of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProofView {
    /// `SPF`, `DKIM`, ...
    pub name: String,
    /// Its verdict.
    pub verdict: Word,
    /// What was found, in short.
    pub detail: String,
    /// The record, as published.
    pub record: Option<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// Reverse DNS as it was looked up last.
pub(super) fn reverse(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
    site: &SiteView,
) -> Vec<AddressView> {
    let mut addresses: Vec<AddressView> = Vec::new();
    for seen in latest(events, state, "rdns.verify") {
        for address in list(&seen.outputs, "addresses") {
            let verdict = text(address, "verdict");
            let mut word = words::verdict(&verdict);
            if verdict == "none" {
                word.text = "no name".to_owned();
            } else if verdict == "fail" {
                word.text = "the name does not lead back".to_owned();
            }
            let name = text(address, "address");
            let to_change = matches!(verdict.as_str(), "none" | "fail" | "generic");
            let to_set = match (to_change, verdict.as_str()) {
                (true, _) => site
                    .wanted_name()
                    .unwrap_or_else(|| "as agreed with the site".to_owned()),
                (false, "pass") => "keep".to_owned(),
                (false, _) => "not known yet: look it up again".to_owned(),
            };
            addresses.retain(|known| known.address != name);
            addresses.push(AddressView {
                address: name,
                verdict: word,
                names: texts(address, "ptr").join(", "),
                confirmed: texts(address, "confirmed").join(", "),
                wanted: site.wanted_name(),
                to_change,
                to_set,
                warnings: texts(address, "warnings"),
                when: calendar.when(seen.at),
            });
        }
    }
    addresses
}

/// Mail authentication as it was looked up last.
pub(super) fn authentication(
    events: &[Event],
    state: &RunState,
    calendar: &Calendar,
) -> Vec<DomainView> {
    let mut domains = Vec::new();
    for seen in latest(events, state, "mailauth.check") {
        let when = calendar.when(seen.at);
        match get(&seen.outputs, "domains") {
            Value::Array(items) => domains.extend(
                items
                    .iter()
                    .map(|item| domain(text(item, "domain"), item, &when)),
            ),
            Value::Object(items) => domains.extend(
                items
                    .iter()
                    .map(|(name, item)| domain(super::read::line(name), item, &when)),
            ),
            _ => {}
        }
    }
    domains.retain(|domain| !domain.domain.is_empty() && !domain.proofs.is_empty());
    domains
}

fn domain(name: String, value: &Value, when: &When) -> DomainView {
    let proofs = [
        ("spf", "SPF"),
        ("dkim", "DKIM"),
        ("dmarc", "DMARC"),
        ("mx", "MX"),
        ("mta_sts", "MTA-STS"),
        ("tls_rpt", "TLS-RPT"),
    ]
    .into_iter()
    .flat_map(|(key, name)| match get(value, key) {
        Value::Null => Vec::new(),
        Value::Array(items) if items.is_empty() => vec![ProofView {
            detail: "nothing was found to look at".to_owned(),
            ..proof(name, &Value::Null)
        }],
        Value::Array(items) => items.iter().map(|item| proof(name, item)).collect(),
        one => vec![proof(name, one)],
    })
    .collect();
    DomainView {
        domain: name,
        proofs,
        when: when.clone(),
    }
}

fn proof(name: &str, value: &Value) -> ProofView {
    let verdict = match value {
        Value::String(_) => super::read::plain(value),
        _ => super::read::first_text(value, &["verdict", "result", "outcome"]),
    };
    let mut detail = Vec::new();
    for (key, say) in [
        ("result", "result"),
        ("policy", "policy"),
        ("selector", "selector"),
        ("hosts", "hosts"),
        ("mode", "mode"),
        ("bits", "key bits"),
        ("lookups", "look-ups"),
        ("void_lookups", "of them empty"),
        ("reason", "reason"),
    ] {
        if let Some(text) = some_text(value, &[key]) {
            detail.push(format!("{say} {text}"));
        }
    }
    ProofView {
        name: name.to_owned(),
        verdict: words::verdict(&verdict),
        detail: detail.join(", "),
        record: some_text(value, &["record"]),
        warnings: texts(value, "warnings"),
    }
}
