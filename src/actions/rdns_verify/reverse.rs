//! The way from an address to its names and back.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use crate::actions::reverse_zone::{self, Zone};
use crate::mail::ptr::{Look, look};
use crate::probes::Dns;
use crate::probes::dns::{Answer, reverse_name};

/// Names looked at for one address; more than a handful is a mistake in itself.
const MOST_NAMES: usize = 10;

/// How an address stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::actions) enum Verdict {
    /// A name that leads back and looks like a server's.
    Pass,
    /// No name.
    None,
    /// Names, but none leads back.
    Fail,
    /// A name that leads back, but looks like a line's or is no host name.
    Generic,
    /// It could not be told.
    Unknown,
}

/// What is known about the name of one address.
#[derive(Debug, Clone, Serialize)]
pub(in crate::actions) struct Reverse {
    /// The address.
    pub(super) address: IpAddr,
    /// How it stands.
    pub(in crate::actions) verdict: Verdict,
    /// All its names, lower case.
    pub(in crate::actions) ptr: Vec<String>,
    /// The names that lead back to it.
    pub(super) confirmed: Vec<String>,
    /// What is odd, but no fault by itself.
    pub(super) warnings: Vec<String>,
    /// The reverse zone it lies in, and who runs it.
    pub(super) zone: Option<Zone>,
    /// Why it stands so, in words.
    pub(in crate::actions) detail: String,
    /// Whether a generic name also speaks for itself.
    #[serde(skip)]
    pub(super) softened: bool,
    /// What was asked and came back, a line each.
    #[serde(skip)]
    pub(super) answers: Vec<String>,
    /// When it was asked.
    #[serde(skip)]
    pub(super) at: Timestamp,
    /// Who answered.
    #[serde(skip)]
    pub(super) from: Option<String>,
}

/// One name of an address.
struct Named {
    name: String,
    look: Look,
    /// None: it could not be asked; says why.
    leads_back: Result<bool, String>,
}

/// Looks the names of an address up, and where they lead.
pub(in crate::actions) async fn look_up(dns: &Dns, address: IpAddr) -> Reverse {
    let answer = dns.ptr(address).await;
    let mut reverse = Reverse {
        address,
        verdict: Verdict::Unknown,
        ptr: Vec::new(),
        confirmed: Vec::new(),
        warnings: Vec::new(),
        zone: None,
        detail: String::new(),
        softened: false,
        answers: vec![told(&answer)],
        at: answer.asked_at,
        from: answer.server.map(|server| format!("resolver {server}")),
    };
    if !answer.outcome.is_conclusive() {
        reverse.detail = format!("its name could not be asked: {}", answer.outcome);
        return reverse;
    }
    for name in answer.names() {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if !reverse.ptr.contains(&name) {
            reverse.ptr.push(name);
        }
    }
    if let Some(target) = answer.chain.last() {
        reverse.warnings.push(format!(
            "the reverse name is delegated by an alias to {target} (RFC 2317)"
        ));
    }
    let name = answer
        .chain
        .last()
        .cloned()
        .unwrap_or_else(|| reverse_name(address));
    reverse.zone = reverse_zone::around(dns, name).await.unwrap_or_default();
    if reverse.ptr.is_empty() {
        reverse.verdict = Verdict::None;
        reverse.detail = "it has no reverse name".to_owned();
        return reverse;
    }
    if reverse.ptr.len() > MOST_NAMES {
        reverse.warnings.push(format!(
            "only the first {MOST_NAMES} of {} names were looked at",
            reverse.ptr.len()
        ));
    }
    let mut names = Vec::new();
    for name in reverse
        .ptr
        .iter()
        .take(MOST_NAMES)
        .cloned()
        .collect::<Vec<_>>()
    {
        names.push(follow(dns, &mut reverse, name).await);
    }
    judge(&mut reverse, &names);
    reverse
}

/// What was asked and what came back.
pub(super) fn told(answer: &Answer) -> String {
    format!("{} {}", answer.question, answer.outcome)
}

/// Asks where a name leads, over both families: a name without the right record may still have the other one, which says
/// that somebody forgot half.
async fn follow(dns: &Dns, reverse: &mut Reverse, name: String) -> Named {
    let (v4, v6) = tokio::join!(dns.a(&name), dns.aaaa(&name));
    reverse.answers.extend([told(&v4), told(&v6)]);
    let (own, other) = if reverse.address.is_ipv4() {
        (&v4, &v6)
    } else {
        (&v6, &v4)
    };
    let leads_back = if own.addresses().contains(&reverse.address) {
        Ok(true)
    } else if own.outcome.is_conclusive() {
        if own.records().is_empty() && !other.records().is_empty() {
            let missing = if reverse.address.is_ipv4() {
                "A"
            } else {
                "AAAA"
            };
            reverse.warnings.push(format!(
                "{name} has no {missing} record, only one of the other family"
            ));
        }
        Ok(false)
    } else {
        Err(own.outcome.to_string())
    };
    Named {
        look: look(&name, reverse.address),
        name,
        leads_back,
    }
}

fn judge(reverse: &mut Reverse, names: &[Named]) {
    let confirmed: Vec<&Named> = names
        .iter()
        .filter(|named| named.leads_back == Ok(true))
        .collect();
    reverse.confirmed = confirmed.iter().map(|named| named.name.clone()).collect();
    for named in names {
        match &named.leads_back {
            Err(why) => reverse
                .warnings
                .push(format!("{} could not be asked: {why}", named.name)),
            Ok(false) if !confirmed.is_empty() => {
                reverse.warnings.push(format!(
                    "{} does not lead back to {}",
                    named.name, reverse.address
                ));
            }
            Ok(_) => {}
        }
    }
    if confirmed.is_empty() {
        let failed = names
            .iter()
            .find_map(|named| named.leads_back.as_ref().err());
        (reverse.verdict, reverse.detail) = match failed {
            Some(why) => (
                Verdict::Unknown,
                format!("whether its name leads back could not be told: {why}"),
            ),
            None => (
                Verdict::Fail,
                format!("{} does not lead back to it", reverse.ptr.join(", ")),
            ),
        };
        return;
    }
    let proper = confirmed.iter().find(|named| named.look == Look::Proper);
    if let Some(named) = proper {
        reverse.verdict = Verdict::Pass;
        reverse.detail = format!("{} leads back to it", named.name);
        return;
    }
    reverse.verdict = Verdict::Generic;
    let named = confirmed[0];
    (reverse.detail, reverse.softened) = match &named.look {
        Look::Generic { signs, softened } => {
            let signs: Vec<String> = signs.iter().map(ToString::to_string).collect();
            (format!("{}: {}", named.name, signs.join(", ")), *softened)
        }
        Look::Invalid(fault) => (
            format!("{} is no name for a host: {fault}", named.name),
            false,
        ),
        Look::Proper => (String::new(), false),
    };
}
