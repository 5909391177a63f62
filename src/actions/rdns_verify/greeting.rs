//! The name after HELO: valid by the standard, and leading to the addresses that use it.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::reverse::{Reverse, told};
use crate::actions::Context;
use crate::mail::ptr::{Helo, Look, helo, look};
use crate::probes::dns::Answer;

/// How a HELO name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Valid, and it leads to every address.
    Pass,
    /// No name that may stand there, or a literal, which many receivers refuse.
    Invalid,
    /// Valid, but it leads elsewhere or nowhere.
    Mismatch,
    /// It could not be asked.
    Unknown,
    /// No name was given.
    NotApplicable,
}

/// What is known about a HELO name.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Greeting {
    /// As it was given.
    pub(super) name: Option<String>,
    /// The server that says it; none when it was given or is the site file's.
    pub(super) said_by: Option<String>,
    /// How it stands.
    pub(super) verdict: Verdict,
    /// Where it leads.
    pub(super) addresses: Vec<IpAddr>,
    /// Sending addresses it does not lead to.
    pub(super) missing: Vec<IpAddr>,
    /// What is odd, but no fault by itself.
    pub(super) warnings: Vec<String>,
    /// Why it stands so, in words.
    pub(super) detail: String,
    /// A legal address literal.
    #[serde(skip)]
    pub(super) literal: bool,
    /// What was asked and came back, a line each.
    #[serde(skip)]
    pub(super) answers: Vec<String>,
    /// When it was looked at.
    #[serde(skip)]
    pub(super) at: Timestamp,
    /// Who answered.
    #[serde(skip)]
    pub(super) from: Option<String>,
}

impl Greeting {
    /// No HELO name is known.
    pub(super) fn absent() -> Greeting {
        Greeting {
            name: None,
            said_by: None,
            verdict: Verdict::NotApplicable,
            addresses: Vec::new(),
            missing: Vec::new(),
            warnings: Vec::new(),
            detail: "no HELO name is known: put outbound.helo into the site file".to_owned(),
            literal: false,
            answers: Vec::new(),
            at: Timestamp::UNIX_EPOCH,
            from: None,
        }
    }
}

/// Judges a HELO name for the addresses that use it.
pub(super) async fn look_up(
    context: &Context<'_>,
    text: &str,
    addresses: &[IpAddr],
    reverses: &[Reverse],
) -> Greeting {
    let mut greeting = Greeting {
        name: Some(text.trim().to_owned()),
        at: context.now(),
        detail: String::new(),
        ..Greeting::absent()
    };
    let name = match helo(text) {
        Err(fault) => {
            greeting.verdict = Verdict::Invalid;
            greeting.detail = fault.to_string();
            return greeting;
        }
        Ok(Helo::Literal(literal)) => {
            greeting.verdict = Verdict::Invalid;
            greeting.literal = true;
            greeting.addresses = vec![literal];
            greeting.detail = "it is an address literal: allowed to hosts without a name, refused by many receivers".to_owned();
            return greeting;
        }
        Ok(Helo::Name(name)) => name,
    };
    let dns = &context.probes.dns;
    let (v4, v6) = tokio::join!(dns.a(&name), dns.aaaa(&name));
    greeting.at = v4.asked_at;
    greeting.from = v4.server.map(|server| format!("resolver {server}"));
    greeting.answers = vec![told(&v4), told(&v6)];
    greeting.addresses = [v4.addresses(), v6.addresses()].concat();
    let answer_for = |address: &IpAddr| if address.is_ipv4() { &v4 } else { &v6 };
    let unasked = addresses
        .iter()
        .map(answer_for)
        .chain([&v4])
        .find(|answer| !answer.outcome.is_conclusive());
    greeting.missing = addresses
        .iter()
        .copied()
        .filter(|address| {
            answer_for(address).outcome.is_conclusive() && !greeting.addresses.contains(address)
        })
        .collect();
    (greeting.verdict, greeting.detail) = verdict(&name, &greeting, unasked);
    warn(&mut greeting, &name, addresses, reverses);
    greeting
}

fn verdict(name: &str, greeting: &Greeting, unasked: Option<&Answer>) -> (Verdict, String) {
    if !greeting.missing.is_empty() {
        let missing: Vec<String> = greeting.missing.iter().map(ToString::to_string).collect();
        let leads: Vec<String> = greeting.addresses.iter().map(ToString::to_string).collect();
        let where_to = if leads.is_empty() {
            "nowhere".to_owned()
        } else {
            format!("to {}", leads.join(", "))
        };
        return (
            Verdict::Mismatch,
            format!("{name} leads {where_to}, not to {}", missing.join(", ")),
        );
    }
    if let Some(answer) = unasked {
        return (
            Verdict::Unknown,
            format!("{name} could not be asked: {}", answer.outcome),
        );
    }
    if greeting.addresses.is_empty() {
        return (
            Verdict::Mismatch,
            format!("{name} leads nowhere: it has neither A nor AAAA"),
        );
    }
    (
        Verdict::Pass,
        format!("{name} leads to the addresses that use it"),
    )
}

/// A HELO name need not be the reverse name, and need not look like anything; but filters add points where it does not.
fn warn(greeting: &mut Greeting, name: &str, addresses: &[IpAddr], reverses: &[Reverse]) {
    for reverse in reverses {
        if !reverse.ptr.is_empty() && !reverse.ptr.iter().any(|ptr| ptr == name) {
            greeting.warnings.push(format!(
                "the reverse name of {} is {}, not {name}: allowed, but the same name in both places is the safe choice",
                reverse.address,
                reverse.ptr.join(", ")
            ));
        }
    }
    if let Some(address) = addresses.first()
        && let Look::Generic { signs, .. } = look(name, *address)
    {
        let signs: Vec<String> = signs.iter().map(ToString::to_string).collect();
        greeting
            .warnings
            .push(format!("{name} looks generic: {}", signs.join(", ")));
    }
}
