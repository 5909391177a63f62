//! The file of one request: what to do with it, the text to send, and the evidence to keep at hand.

use serde_json::{Value, json};

use super::bundle::{Bundle, first_seen, reverse_name, sentence, without_mailboxes};
use super::network::Network;
use super::route::{Request, Way};
use crate::actions::{ActionError, Context};

/// Fills the templates. A template named after the list (`delisting/barracuda-brbl.txt`) goes before the general one.
pub(super) fn file(
    context: &Context<'_>,
    request: &Request<'_>,
    bundle: &Bundle,
    network: &Network,
    to: Option<&str>,
) -> Result<String, ActionError> {
    let values = values(context, request, bundle, network, to);
    let own = format!("delisting/{}.txt", request.list_id());
    let general = match (&request.way, request.is_policy()) {
        (Way::Neighbours, _) => "delisting/network-neighbours.txt",
        (Way::Owner, true) => "delisting/network-policy.txt",
        (Way::Owner, false) => "delisting/network-owner.txt",
        (_, true) => "delisting/policy.txt",
        _ => "delisting/request.txt",
    };
    let is_there = context.templates.names().contains(&own);
    let letter = fill(context, if is_there { &own } else { general }, &values)?;
    let mut values = values;
    // The letter stands between fences; nothing in it may close them.
    values["letter"] = json!(letter.replace("```", "'''").trim_end());
    fill(context, "delisting/file.md", &values)
}

fn fill(context: &Context<'_>, template: &str, values: &Value) -> Result<String, ActionError> {
    context.templates.render(template, values).map_err(|error| {
        ActionError::because("cannot write a delisting request", error).nothing_sent()
    })
}

fn values(
    context: &Context<'_>,
    request: &Request<'_>,
    bundle: &Bundle,
    network: &Network,
    to: Option<&str>,
) -> Value {
    let listing = request.listing;
    let delisting = request.list.map(|list| &list.delisting);
    let is_address = listing.target.parse::<std::net::IpAddr>().is_ok();
    let subject = match (is_address, bundle.host.is_empty()) {
        (true, false) => format!("Removal request for {} ({})", listing.target, bundle.host),
        _ => format!("Removal request for {}", listing.target),
    };
    let outlook = format!("{} {}", bundle.prevention, bundle.mail);
    let outlook = outlook.trim();
    json!({
        "bundle": bundle,
        "list": {
            "id": request.list_id(),
            "name": request.list_name(),
            "operator": request.operator(),
        },
        "target": listing.target,
        "is_address": is_address,
        "parts": request.parts.join(", "),
        "codes": request.codes.join(", "),
        "meanings": listing.meanings.iter().map(|text| without_mailboxes(text)).collect::<Vec<_>>(),
        "text": without_mailboxes(&listing.text),
        "reverse": reverse_name(context, &listing.target).unwrap_or_default(),
        "since": first_seen(context, &listing.target, &listing.list).unwrap_or_default(),
        "to": to.unwrap_or_default(),
        "url": request.url().unwrap_or_default(),
        "lookup_url": request.lookup_url().unwrap_or_default(),
        "subject": subject,
        "by_form": request.way == Way::Form,
        "by_owner": request.is_owners(),
        "by_neighbours": request.way == Way::Neighbours,
        "network": network,
        "how_to_find": network.how_to_find(&listing.target).map(|how| sentence(&how)).unwrap_or_default(),
        "needs_login": request.method_word() == "account-required",
        "notes": request.notes,
        "requirements": delisting.map(|way| way.requirements.clone()).unwrap_or_default(),
        "time": delisting.and_then(|way| way.typical_time.clone()).unwrap_or_default(),
        "policy_notes": delisting.and_then(|way| way.policy_notes.as_deref()).map(sentence).unwrap_or_default(),
        "outlook": outlook,
        "evidence": evidence(context, request),
        "drafted": context.now().to_string(),
        "laboratory": context.site.laboratory,
        "letter": "",
    })
}

/// What the scan saw, and what else the run knows about the target, with times and places.
fn evidence(context: &Context<'_>, request: &Request<'_>) -> Vec<Value> {
    let target = &request.listing.target;
    let about = |subject: &str| subject == target || subject.starts_with(&format!("{target} on "));
    let zones: Vec<&str> = request
        .list
        .map(|list| list.zones.iter().map(String::as_str).collect())
        .unwrap_or_default();
    let of_list = |subject: &str| {
        zones
            .iter()
            .any(|zone| subject.ends_with(zone.trim_start_matches("{key}.")))
    };
    let mut lines = Vec::new();
    for finding in context.facts.open_findings() {
        let code = if request.is_policy() {
            "listed-policy"
        } else {
            "listed"
        };
        if finding.code != code || !about(&finding.subject) || !of_list(&finding.subject) {
            continue;
        }
        for proof in &finding.evidence {
            let text: Vec<String> = proof.text.lines().map(without_mailboxes).collect();
            lines.push(json!({
                "at": proof.at.to_string(),
                "from": proof.from.clone().unwrap_or_default(),
                "text": text.join("\n").replace("```", "'''"),
            }));
        }
    }
    lines
}
