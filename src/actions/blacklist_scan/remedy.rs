//! What a finding of a scan says, and what to do about it.

use super::asking::{Heard, Unit, question};
use super::verdict::{filled, zone_shown};
use crate::mail::dnsbl::{Delisting, List, Method, Nature, Part, Resolver, Severity, Subject};
use crate::record::{self, Evidence, Finding};

/// The subject of findings about a target on a zone: `192.0.2.1 on zen.spamhaus.org`.
pub(super) fn listing_subject(subject: &Subject, zone: &str) -> String {
    format!("{subject} on {}", zone_shown(zone))
}

/// The findings of one hit. Parts about address space and names are told apart from parts about abuse: they have another
/// cause, another cure, and nobody was hacked.
pub(super) fn listed(unit: &Unit<'_>, subject: &Subject, heard: &Heard) -> Vec<Finding> {
    let (policy, abuse): (Vec<&Part>, Vec<&Part>) = heard
        .reading
        .listings()
        .partition(|part| part.nature == Some(Nature::Policy));
    [("listed", abuse), ("listed-policy", policy)]
        .into_iter()
        .filter(|(_, parts)| !parts.is_empty())
        .map(|(code, parts)| {
            let list = &unit.chosen.list;
            let worst = parts
                .iter()
                .map(|part| part.severity)
                .max()
                .unwrap_or(list.severity);
            Finding {
                code: code.to_owned(),
                severity: severity(worst),
                subject: listing_subject(subject, unit.zone),
                summary: match &heard.network {
                    Some(network) => format!(
                        "{subject} is on {} with its whole network {network}: {}",
                        list.name,
                        described(&parts)
                    ),
                    None => format!("{subject} is on {}: {}", list.name, described(&parts)),
                },
                evidence: evidence(unit, subject, heard).into_iter().collect(),
                remedy: match &heard.network {
                    Some(network) => format!(
                        "Look at everything that sends from {network}: the list does not say which address of it was seen. {}",
                        removal(list, &parts, subject)
                    ),
                    None => removal(list, &parts, subject),
                },
            }
        })
        .collect()
}

/// The finding about a list whose answers are not believed.
pub(super) fn broken(list: &List, zone: &str, reason: &str, proof: Evidence) -> Finding {
    Finding {
        code: "list-broken".to_owned(),
        severity: record::Severity::Informational,
        subject: zone_shown(zone),
        summary: format!("{} cannot be trusted at present: {reason}", list.name),
        evidence: vec![proof],
        remedy: format!(
            "Nothing to do at the site: its answers were left out. Look at the operator's page whether {} is still in service; \
             if it is, check from another resolver, and if it is not, take it out of the filters you look after.",
            list.name
        ),
    }
}

/// What a doubt about the scan as a whole is about.
pub(super) const TOGETHER: &str = "all blocklists together";

/// The finding about listings that look too bad to be true; None when there is nothing strange.
pub(super) fn doubtful(doubts: &[&str], proof: Evidence) -> Option<Finding> {
    (!doubts.is_empty()).then(|| Finding {
        code: "listings-doubtful".to_owned(),
        severity: record::Severity::Informational,
        subject: TOGETHER.to_owned(),
        summary: doubts.join("; "),
        evidence: vec![proof],
        remedy: "Before you act on these listings, look at one of them on the list's own page, or scan again through another \
                 resolver (--resolver). If they stay, treat them as real: something at the site sends, or the network was listed."
            .to_owned(),
    })
}

/// The finding about a resolver that does not show lists as they are; None when it does.
pub(super) fn resolver_unfit(
    resolver: &Resolver,
    matters: bool,
    subject: &str,
    proof: Evidence,
) -> Option<Finding> {
    let (severity, summary) = match resolver {
        Resolver::Fit => return None,
        Resolver::Rewriting(why) => (
            record::Severity::Major,
            format!(
                "the resolver rewrites \"no such name\": {why}; nothing it says about lists can be believed"
            ),
        ),
        Resolver::Blind(why) => (
            record::Severity::Major,
            format!("the resolver hides listings: {why}; everything would look clean through it"),
        ),
        Resolver::Mute(why) => (
            record::Severity::Major,
            format!("the resolver gives no usable answers about lists: {why}"),
        ),
        Resolver::Refusing(lists) => (
            if matters {
                record::Severity::Major
            } else {
                record::Severity::Informational
            },
            format!(
                "the resolver is refused by {}; these lists could not be asked",
                lists.join(", ")
            ),
        ),
    };
    Some(Finding {
        code: "resolver-unfit".to_owned(),
        severity,
        subject: subject.to_owned(),
        summary,
        evidence: vec![proof],
        remedy: "Ask through a recursive resolver of your own (unbound on the mail host is enough), not through a forwarder, a \
                 public one or the provider's, and without a filter for 127.0.0.0/8 (rebinding protection). Give it with \
                 --resolver or `resolver` in the site file. Where the operator refuses whole clouds, a list key in the site file helps."
            .to_owned(),
    })
}

/// What came back, when, from whom; nothing where the answer was not kept.
pub(super) fn evidence(unit: &Unit<'_>, subject: &Subject, heard: &Heard) -> Option<Evidence> {
    let answer = heard.answer.as_deref()?;
    let shown = question(unit, subject)?.shown;
    let mut text = format!("{shown} A {}", answer.outcome);
    for part in heard.reading.listings() {
        text.push_str(&format!("\n{}", told(part)));
    }
    if let Some(network) = &heard.network {
        text.push_str(&format!("\nanother address of {network}: the same answer"));
    }
    for line in &heard.text {
        text.push_str(&format!("\n{shown} TXT \"{line}\""));
    }
    let proof = Evidence::new("dns", text, answer.asked_at);
    Some(match answer.server {
        Some(server) => proof.from(format!("resolver {server}")),
        None => proof,
    })
}

/// The field's severity as findings have it.
pub(super) fn severity(of: Severity) -> record::Severity {
    match of {
        Severity::None | Severity::Informational => record::Severity::Informational,
        Severity::Minor => record::Severity::Minor,
        Severity::Major => record::Severity::Major,
        Severity::Critical => record::Severity::Critical,
    }
}

fn told(part: &Part) -> String {
    let code = match part.bit {
        Some(bit) => format!("{} bit {bit}", part.code),
        None => part.code.to_string(),
    };
    match &part.list {
        Some(list) => format!("{code} = {list}: {}", part.meaning),
        None => format!("{code} = {}", part.meaning),
    }
}

fn described(parts: &[&Part]) -> String {
    let mut told: Vec<String> = parts
        .iter()
        .map(|part| match &part.list {
            Some(list) => format!("{list}, {}", part.meaning),
            None => part.meaning.clone(),
        })
        .collect();
    told.dedup();
    told.join("; ")
}

/// The cause first, then the way off the list, for these parts.
fn removal(list: &List, parts: &[&Part], subject: &Subject) -> String {
    let way = &list.delisting;
    let mut natures: Vec<Option<Nature>> = parts.iter().map(|part| part.nature).collect();
    natures.dedup();
    let mut sentences: Vec<String> = natures
        .into_iter()
        .map(|nature| cause(nature).to_owned())
        .collect();
    let mut told = false;
    for part in parts {
        if let Some((_, removal)) = way.by_code.iter().find(|(key, _)| key.matches(part.code)) {
            let name = part
                .list
                .as_ref()
                .map_or_else(|| part.code.to_string(), Clone::clone);
            sentences.push(format!("Removal from {name}: {}", removal.note));
            told = true;
        }
    }
    sentences.dedup();
    if told {
        sentences.extend(
            way.url
                .as_deref()
                .map(|url| format!("See {}", filled(url, subject))),
        );
    } else {
        sentences.push(way_off(way, subject));
    }
    sentences.extend(
        way.typical_time
            .as_ref()
            .map(|time| format!("Time: {time}")),
    );
    sentences.extend(way.policy_notes.clone());
    sentences
        .iter()
        .map(|text| sentence(text))
        .collect::<Vec<_>>()
        .join(" ")
}

/// With a capital letter and a full stop. After the address of a page there is none: it would be copied along.
fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let first = characters
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    let text = format!("{first}{}", characters.as_str());
    let page = text
        .rsplit(' ')
        .next()
        .is_some_and(|last| last.starts_with("http"));
    if page || text.ends_with('.') {
        text
    } else {
        format!("{text}.")
    }
}

fn cause(nature: Option<Nature>) -> &'static str {
    match nature {
        Some(Nature::Policy) => {
            "This is about the address space or its reverse name, not about abuse: give the address a reverse name of its own, or send through a relay."
        }
        Some(Nature::Compromise) => {
            "First find the malware or the stolen login that caused it, and stop it."
        }
        Some(Nature::Traffic) => {
            "First look at what was sent: mailing lists, forwarding, bounces to forged senders, a stolen account."
        }
        Some(Nature::Neighbourhood) => {
            "It is about neighbours in the network; hardly any receiver refuses for it. Only the network's operator can change it."
        }
        None => "First find what caused it, and stop it.",
    }
}

fn way_off(way: &Delisting, subject: &Subject) -> String {
    let at = match way.url.as_deref() {
        Some(url) => format!(" at {}", filled(url, subject)),
        None => String::new(),
    };
    match way.method {
        Method::SelfServiceForm => format!("Then ask for removal{at}"),
        Method::Email => match &way.email {
            Some(email) => format!("Then write to {email}"),
            None => format!("Then write to the operator{at}"),
        },
        Method::AutomaticExpiry => "Then wait: the entry ends by itself".to_owned(),
        Method::IspOnly => {
            "Only the operator of the network may ask for removal: write to its abuse desk"
                .to_owned()
        }
        Method::AccountRequired => format!("Then ask for removal with an account{at}"),
        Method::PaidExpressDiscouraged => "Then wait; do not pay for a faster removal".to_owned(),
        Method::None | Method::Unknown => {
            format!("No way of removal is known; look the entry up{at}")
        }
    }
}
