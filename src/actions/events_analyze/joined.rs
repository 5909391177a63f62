//! What is known besides the logs: the site file, and what other checks of the run have found.

use serde_json::Value;

use crate::actions::Context;
use crate::mail::causes::{Facts, RelayFact, SiteFacts};

/// The site as the analysis needs it.
pub(super) fn site(context: &Context<'_>) -> SiteFacts {
    let site = context.site;
    let mut smarthosts: Vec<String> = Vec::new();
    if let Some(smarthost) = &site.smarthost {
        smarthosts.push(smarthost.host.clone());
        smarthosts.extend(smarthost.address.map(|address| address.to_string()));
    }
    let servers = site.servers.iter().filter_map(|server| server.address);
    SiteFacts {
        mailboxes: site.mailboxes,
        domains: site
            .domains
            .iter()
            .map(|domain| domain.to_ascii_lowercase())
            .collect(),
        addresses: site
            .outbound
            .addresses
            .iter()
            .copied()
            .chain(servers)
            .collect(),
        inside: site.logs.inside.clone(),
        smarthosts,
        ..SiteFacts::default()
    }
}

/// The verdicts of other checks of this run. What was not checked stays unknown.
pub(super) fn facts(context: &Context<'_>) -> Facts {
    let known = context.facts;
    let relay = known
        .latest_outputs("relay.test")
        .and_then(|outputs| relay(&outputs));
    let accepts_unknown = known
        .open_findings()
        .iter()
        .any(|finding| finding.code == "accepts-unknown-recipients")
        .then_some(true);
    let scan = known.latest_outputs("blacklist.scan");
    let listings = scan
        .as_ref()
        .and_then(|outputs| lists_of(outputs, |_| true));
    let exploit_listings = scan
        .as_ref()
        .and_then(|outputs| lists_of(outputs, is_exploit));
    let rdns_ok = known
        .latest_outputs("rdns.verify")
        .and_then(|outputs| rdns(&outputs));
    Facts {
        relay,
        accepts_unknown,
        listings,
        exploit_listings,
        rdns_ok,
        resolver_ok: None,
        dead_domains: None,
    }
}

/// Only the two verdicts that say something: a test from inside, or without controls, is none.
fn relay(outputs: &Value) -> Option<RelayFact> {
    match outputs.get("verdict")?.as_str()? {
        "open" => Some(RelayFact::Open),
        "closed" => Some(RelayFact::Closed),
        _ => None,
    }
}

/// The lists that hold an address for what it did; those about address space say nothing about causes.
fn lists_of(outputs: &Value, is: fn(&Value) -> bool) -> Option<Vec<String>> {
    let mut lists: Vec<String> = Vec::new();
    for listing in outputs.get("listed")?.as_array()? {
        let policy = listing
            .get("policy")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let list = listing.get("list").and_then(Value::as_str);
        if let Some(list) =
            list.filter(|list| !policy && is(listing) && !lists.iter().any(|known| known == list))
        {
            lists.push(list.to_owned());
        }
    }
    Some(lists)
}

/// Lists and parts of lists that name infected machines.
fn is_exploit(listing: &Value) -> bool {
    let names = listing
        .get("parts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .chain(listing.get("list"));
    let mut words = names.filter_map(Value::as_str).map(str::to_ascii_lowercase);
    words.any(|word| {
        ["xbl", "cbl", "exploit"]
            .iter()
            .any(|known| word.contains(known))
    })
}

/// In order only when every address passes; an address that could not be judged leaves it open.
fn rdns(outputs: &Value) -> Option<bool> {
    let verdicts: Vec<&str> = outputs
        .get("addresses")?
        .as_array()?
        .iter()
        .filter_map(|address| address.get("verdict")?.as_str())
        .collect();
    if verdicts
        .iter()
        .any(|verdict| matches!(*verdict, "none" | "fail" | "generic"))
    {
        return Some(false);
    }
    (!verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == "pass")).then_some(true)
}
