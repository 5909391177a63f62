//! What the standard allows and is wrong all the same, and records to paste.

use std::net::IpAddr;

use super::parse::{Parsed, parse};
use super::record::{Kind, Mechanism, Qualifier};
use crate::mail::lookup::Text;

/// Characters of a record beyond which some resolvers and firewalls have trouble (§3.4).
const COMFORTABLE: usize = 450;
/// IPv4 networks shorter than this let more than a hoster's customers pass.
const SHORTEST_V4: u8 = 16;
/// IPv6 networks shorter than this are a registry's, not a user's.
const SHORTEST_V6: u8 = 29;

/// What kind of remark it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemarkKind {
    /// Everybody may send: `+all`, `ip4:0.0.0.0/0`.
    AllowsAll,
    /// A network that is far too large.
    TooWide,
    /// The record ends without a word about everybody else.
    NoAll,
    /// `?all`: it ends with a shrug.
    NeutralAll,
    /// `ptr`.
    Ptr,
    /// Text that no receiver reads: behind `all`, or a mechanism written as a modifier.
    Ignored,
    /// A private or reserved address.
    NotPublic,
    /// The record is long.
    TooLong,
    /// Two strings meet without a blank.
    Seam,
    /// Something stands twice.
    Twice,
}

/// Something that receivers take without complaint and that is wrong, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Which kind.
    pub kind: RemarkKind,
    /// The term, or the part of the text.
    pub term: String,
    /// What is wrong, in words.
    pub what: String,
}

/// Looks at a record that is read. `text` is the record with its strings apart; `special` says what an address is set aside
/// for, if it is.
pub fn advise(
    text: &Text,
    parsed: &Parsed,
    special: impl Fn(IpAddr) -> Option<&'static str>,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut remark = |kind, term: &str, what: String| {
        remarks.push(Remark {
            kind,
            term: term.to_owned(),
            what,
        });
    };
    let mut all: Option<Qualifier> = None;
    let mut redirect = false;
    let mut seen: Vec<String> = Vec::new();
    for term in &parsed.record.terms {
        let behind_all = all.is_some();
        match &term.kind {
            Kind::Directive(_, _) if behind_all => {
                remark(
                    RemarkKind::Ignored,
                    &term.text,
                    "it stands behind 'all', which matches everybody, so nobody reads it"
                        .to_owned(),
                );
                continue;
            }
            Kind::Redirect(_) => redirect = true,
            Kind::Unknown(name) if is_mechanism(name) => remark(
                RemarkKind::Ignored,
                &term.text,
                format!("receivers skip it: '{name}' takes a colon, not a '='"),
            ),
            Kind::Unknown(_) | Kind::Explanation(_) => {}
            Kind::Directive(qualifier, mechanism) => match mechanism {
                Mechanism::All => all = Some(*qualifier),
                Mechanism::Ptr(_) => remark(
                    RemarkKind::Ptr,
                    &term.text,
                    "'ptr' is slow, unreliable and should not be used any more (RFC 7208 §5.5); some receivers pass over it"
                        .to_owned(),
                ),
                Mechanism::Ip4 { address, prefix } => {
                    if *qualifier == Qualifier::Pass && *prefix == 0 {
                        remark(RemarkKind::AllowsAll, &term.text, "it lets every IPv4 address of the world pass".to_owned());
                    } else if *qualifier == Qualifier::Pass && *prefix < SHORTEST_V4 {
                        remark(RemarkKind::TooWide, &term.text, format!("it lets {} addresses pass", 1_u64 << (32 - u32::from(*prefix))));
                    } else if let Some(purpose) = special(IpAddr::V4(*address)) {
                        remark(RemarkKind::NotPublic, &term.text, format!("{address} is set aside for {purpose}: no receiver ever sees it"));
                    }
                }
                Mechanism::Ip6 { address, prefix } => {
                    if *qualifier == Qualifier::Pass && *prefix == 0 {
                        remark(RemarkKind::AllowsAll, &term.text, "it lets every IPv6 address of the world pass".to_owned());
                    } else if *qualifier == Qualifier::Pass && *prefix < SHORTEST_V6 {
                        remark(RemarkKind::TooWide, &term.text, format!("it lets a network of /{prefix} pass"));
                    } else if let Some(purpose) = special(IpAddr::V6(*address)) {
                        remark(RemarkKind::NotPublic, &term.text, format!("{address} is set aside for {purpose}: no receiver ever sees it"));
                    }
                }
                Mechanism::A { v4, .. } | Mechanism::Mx { v4, .. } if *v4 < SHORTEST_V4 => {
                    remark(RemarkKind::TooWide, &term.text, format!("it lets whole networks of /{v4} pass"));
                }
                Mechanism::A { .. } | Mechanism::Mx { .. } | Mechanism::Include(_) | Mechanism::Exists(_) => {}
            },
        }
        let folded = term.text.to_ascii_lowercase();
        if seen.contains(&folded) {
            remark(
                RemarkKind::Twice,
                &term.text,
                "it stands there twice".to_owned(),
            );
        }
        seen.push(folded);
    }
    match all {
        Some(Qualifier::Pass) => remark(
            RemarkKind::AllowsAll,
            "+all",
            "it lets the whole world send as this domain".to_owned(),
        ),
        Some(Qualifier::Neutral) => remark(
            RemarkKind::NeutralAll,
            "?all",
            "it says nothing about other addresses, so the record protects nobody".to_owned(),
        ),
        Some(_) if redirect => remark(
            RemarkKind::Ignored,
            "redirect=",
            "with 'all' in the record nobody follows it".to_owned(),
        ),
        Some(_) => {}
        None if redirect || !parsed.is_valid() => {}
        None => remark(
            RemarkKind::NoAll,
            "",
            "it does not end in '-all' or '~all', so it says nothing about other addresses"
                .to_owned(),
        ),
    }
    let joined = text.joined();
    if joined.len() > COMFORTABLE {
        remark(
            RemarkKind::TooLong,
            "",
            format!(
                "it has {} characters; above {COMFORTABLE} the answer may not fit into one UDP packet, and some firewalls drop it",
                joined.len()
            ),
        );
    }
    for pair in text.0.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if !before.ends_with(' ')
            && !after.starts_with(' ')
            && after
                .trim_start_matches(['+', '-', '~', '?'])
                .split([':', '=', ' '])
                .next()
                .is_some_and(|name| is_mechanism(&name.to_ascii_lowercase()) && after.len() > 3)
        {
            let end = before.split(' ').next_back().unwrap_or_default();
            let start = after.split(' ').next().unwrap_or_default();
            remark(
                RemarkKind::Seam,
                &format!("{end}{start}"),
                "two strings of the record meet here without a blank; they are joined as they are"
                    .to_owned(),
            );
        }
    }
    remarks
}

/// A record that lets `addresses` pass too: the one that is there with terms added before its end, or a new one.
pub fn allowing(record: Option<&str>, addresses: &[IpAddr]) -> String {
    let terms: Vec<String> = addresses
        .iter()
        .map(|address| match address {
            IpAddr::V4(v4) => format!("ip4:{v4}"),
            IpAddr::V6(v6) => format!("ip6:{v6}"),
        })
        .collect();
    let Some(record) = record else {
        return format!("v=spf1 {} -all", terms.join(" "));
    };
    let mut words: Vec<&str> = record.split(' ').filter(|word| !word.is_empty()).collect();
    let end = words
        .iter()
        .position(|word| {
            let bare = word
                .trim_start_matches(['+', '-', '~', '?'])
                .to_ascii_lowercase();
            bare == "all" || bare.starts_with("redirect=")
        })
        .unwrap_or(words.len());
    let missing: Vec<&str> = terms
        .iter()
        .map(String::as_str)
        .filter(|term| !words.contains(term))
        .collect();
    let at = end.max(1).min(words.len());
    words.splice(at..at, missing);
    words.join(" ")
}

/// Several records as the one that is allowed: all terms once, the strictest end. None when one of them has a fault.
pub fn merged(records: &[String]) -> Option<String> {
    let mut terms: Vec<String> = Vec::new();
    let mut end: Option<(u8, String)> = None;
    for record in records {
        let parsed = parse(record);
        if !parsed.is_valid() {
            return None;
        }
        for term in parsed.record.terms {
            match &term.kind {
                Kind::Directive(qualifier, Mechanism::All) => {
                    let strictness = match qualifier {
                        Qualifier::Fail => 3,
                        Qualifier::SoftFail => 2,
                        Qualifier::Neutral => 1,
                        Qualifier::Pass => 0,
                    };
                    if end.as_ref().is_none_or(|(known, _)| *known < strictness) {
                        end = Some((strictness, term.text));
                    }
                }
                // two records cannot both have the last word
                Kind::Redirect(_) => return None,
                _ if terms.contains(&term.text) => {}
                _ => terms.push(term.text),
            }
        }
    }
    terms.extend(end.map(|(_, text)| text));
    Some(format!("v=spf1 {}", terms.join(" ")))
}

fn is_mechanism(name: &str) -> bool {
    [
        "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists", "ipv4", "ipv6",
    ]
    .contains(&name)
}
