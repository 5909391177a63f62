//! Whether a list, and the resolver in front of it, may be believed.
//!
//! A list proves itself by control queries, asked before anything else and by the same path: an entry that must be listed
//! (RFC 5782 §5: 127.0.0.2, `TEST`, `::FFFF:7F00:2`, or what the operator publishes) and two that must not be. Without the
//! first, "not listed" may come from a dead zone, a silent refusal or a resolver that filters 127.0.0.0/8; without the
//! second, "listed" may come from an abandoned zone that lists the world.
//!
//! When many lists fail in one way, it is not the lists: see [`judge_resolver`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::decode::{Reply, Verdict};
use super::entry::{Kind, List, Target};
use super::query::{NameError, Question, a_labels, at_zone, ipv4_labels, ipv6_labels};

/// One control query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// The address or name in question, as people write it.
    pub subject: String,
    /// What to ask.
    pub question: Question,
    /// What a working list answers.
    pub expect: Expect,
}

/// What a working list answers to a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expect {
    /// An address: the entry always exists.
    Listed,
    /// Nothing: the operator promises it, or RFC 5782 does.
    NotListed,
    /// Nothing, as far as anyone knows; nobody promises it. Counts against the list only together with the other one.
    ProbablyNot,
}

/// What the controls say about a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Both controls hold: its answers count.
    Healthy,
    /// The operator publishes no test entry, so only half is proved: a hit counts, "not listed" is weak.
    Weak,
    /// The test entry does not answer. With many lists alike the resolver is blind; else the list is dead or refuses silently.
    Silent,
    /// Answers come from outside 127.0.0.0/8. With many lists alike the resolver rewrites; else the zone is parked.
    Foreign(String),
    /// It lists what must not be listed.
    ListsTheWorld(String),
    /// It refuses this resolver or this key.
    Refused(String),
    /// The controls could not be asked, with the reason.
    Unknown(String),
}

impl Health {
    /// Whether answers of the list are worth asking for.
    pub fn usable(&self) -> bool {
        matches!(self, Health::Healthy | Health::Weak)
    }

    /// Why its answers are not believed; None where they are.
    pub fn reason(&self) -> Option<String> {
        match self {
            Health::Healthy | Health::Weak => None,
            Health::Silent => Some(
                "its test entry does not answer: the zone is dead, refuses this resolver without saying so, or the resolver drops answers in 127.0.0.0/8".to_owned(),
            ),
            Health::Foreign(what) | Health::ListsTheWorld(what) | Health::Unknown(what) => {
                Some(what.clone())
            }
            Health::Refused(what) => Some(format!("refused: {what}")),
        }
    }
}

/// What the controls of all lists say about the resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolver {
    /// Nothing speaks against it.
    Fit,
    /// It answers "no such name" with an address of its own: every list would say "listed".
    Rewriting(String),
    /// It drops answers in 127.0.0.0/8, or lists refuse it silently: every list would say "clean".
    Blind(String),
    /// Lists refuse it; holds their ids. Other lists may still be believed.
    Refusing(Vec<String>),
    /// Nothing comes back at all.
    Mute(String),
}

/// The controls of one zone of a list for one kind of target.
///
/// `avoid` holds the addresses under examination: no negative control is taken from their network. A `laboratory` has its
/// servers in the documentation networks, so there the benchmarking networks stand in for them.
///
/// # Errors
/// When the zone needs a key and there is none.
pub fn controls(
    list: &List,
    zone: &str,
    target: Target,
    key: Option<&str>,
    avoid: &[IpAddr],
    laboratory: bool,
) -> Result<Vec<Control>, NameError> {
    let points = list.test_points.clone().unwrap_or_default();
    let documentation = points.negative.as_deref() == Some("documentation");
    let mut wanted: Vec<(String, String, Expect)> = Vec::new();
    let v4 = |address: Ipv4Addr, expect| (address.to_string(), ipv4_labels(address), expect);
    let v6 = |address: Ipv6Addr, expect| (address.to_string(), ipv6_labels(address), expect);
    match target {
        Target::Ipv4 => {
            if let Some(address) = points
                .positive
                .as_deref()
                .and_then(|text| text.parse().ok())
            {
                wanted.push(v4(address, Expect::Listed));
            }
            let mut unlisted = unlisted4(avoid, laboratory).into_iter();
            if !documentation {
                // 127.0.0.1 is kept free by RFC 5782 §5, unless the list gives it a meaning.
                let promised = points
                    .negative
                    .as_deref()
                    .and_then(|text| text.parse().ok());
                wanted.push(v4(
                    promised.unwrap_or(Ipv4Addr::LOCALHOST),
                    Expect::NotListed,
                ));
            }
            let missing = if documentation { 2 } else { 1 };
            wanted.extend(
                unlisted
                    .by_ref()
                    .take(missing)
                    .map(|a| v4(a, Expect::ProbablyNot)),
            );
        }
        Target::Ipv6 => {
            if let Some(address) = points.ipv6_positive {
                wanted.push(v6(address, Expect::Listed));
            }
            if !documentation {
                let promised = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
                wanted.push(v6(promised, Expect::NotListed));
            }
            let missing = if documentation { 2 } else { 1 };
            wanted.extend(
                unlisted6(laboratory)
                    .into_iter()
                    .take(missing)
                    .map(|a| v6(a, Expect::ProbablyNot)),
            );
        }
        Target::Domain => {
            let is_name = |text: &&str| text.parse::<IpAddr>().is_err();
            if let Some(name) = points.positive.as_deref().filter(is_name) {
                wanted.push((name.to_owned(), a_labels(name)?, Expect::Listed));
            }
            let promised = points.negative.as_deref().filter(is_name);
            match promised.filter(|_| !documentation) {
                Some(name) => wanted.push((name.to_owned(), a_labels(name)?, Expect::NotListed)),
                None => wanted.push((
                    "example.com".to_owned(),
                    "example.com".to_owned(),
                    Expect::ProbablyNot,
                )),
            }
            if !wanted.iter().any(|(_, labels, _)| labels == "invalid") {
                wanted.push((
                    "INVALID".to_owned(),
                    "invalid".to_owned(),
                    Expect::ProbablyNot,
                ));
            }
        }
    }
    wanted
        .into_iter()
        .map(|(subject, labels, expect)| {
            Ok(Control {
                subject,
                question: at_zone(&labels, zone, key)?,
                expect,
            })
        })
        .collect()
}

/// Judges a list by its controls and what came back for each.
pub fn judge(list: &List, answered: &[(Control, Reply)]) -> Health {
    let read: Vec<(&Control, Verdict)> = answered
        .iter()
        .map(|(control, reply)| (control, list.read(reply).verdict))
        .collect();
    for (control, verdict) in &read {
        if let Verdict::Broken(why) = verdict {
            return Health::Foreign(format!("asked about {}, it {why}", control.subject));
        }
    }
    for (_, verdict) in &read {
        if let Verdict::Refused(why) = verdict {
            return Health::Refused(why.clone());
        }
    }
    let negatives: Vec<_> = read
        .iter()
        .filter(|(control, _)| control.expect != Expect::Listed)
        .collect();
    // An answer is a failure where it would be taken for news: on a reputation zone only bad news is, for a neutral value
    // of an unknown address is a proper answer there.
    let fails = |verdict: &Verdict| match list.kind {
        Kind::Blocklist => *verdict == Verdict::Listed,
        Kind::Allowlist => *verdict == Verdict::Allowed,
        Kind::Reputation => false,
    };
    let holds = |verdict: &Verdict| !fails(verdict) && !matches!(verdict, Verdict::Unknown(_));
    let promised = negatives
        .iter()
        .find(|(control, verdict)| control.expect == Expect::NotListed && fails(verdict));
    let none_holds = negatives.iter().any(|(_, verdict)| fails(verdict))
        && !negatives.iter().any(|(_, verdict)| holds(verdict));
    if let Some((control, _)) = promised.or(negatives.first().filter(|_| none_holds)) {
        return Health::ListsTheWorld(format!(
            "it lists {}, which must not be listed: the zone lists everything, and its answers mean nothing",
            control.subject
        ));
    }
    let unanswered = read.iter().find_map(|(control, verdict)| match verdict {
        Verdict::Unknown(why) => Some(format!(
            "no answer to the control query for {}: {why}",
            control.subject
        )),
        _ => None,
    });
    let proved = negatives.iter().any(|(_, verdict)| holds(verdict));
    let positive = read
        .iter()
        .find(|(control, _)| control.expect == Expect::Listed);
    match positive {
        Some((_, Verdict::Unknown(_))) => Health::Unknown(unanswered.unwrap_or_default()),
        Some((_, Verdict::NotListed)) => Health::Silent,
        _ if !proved => Health::Unknown(
            unanswered.unwrap_or_else(|| "no control query was answered".to_owned()),
        ),
        Some(_) => Health::Healthy,
        None => Health::Weak,
    }
}

/// Judges the resolver from the health of every list, by list id, and from what came back for a name that cannot exist
/// (below `.invalid`, RFC 6761), where that was asked.
///
/// Two lists or more must fail in one way, and not one may show by the same path that the resolver does not do it, before
/// the resolver is blamed: a filter for 127.0.0.0/8 lets no test entry through, a rewriter leaves no name without an address.
pub fn judge_resolver(lists: &[(&str, &Health)], impossible: Option<&Reply>) -> Resolver {
    if let Some(Reply::Addresses(addresses)) = impossible
        && let Some(address) = addresses.first()
    {
        return Resolver::Rewriting(format!("it answers {address} for a name that cannot exist"));
    }
    let count =
        |wanted: fn(&Health) -> bool| lists.iter().filter(|(_, health)| wanted(health)).count();
    let healthy = count(|health| *health == Health::Healthy);
    let weak = count(|health| *health == Health::Weak);
    let silent = count(|health| *health == Health::Silent);
    let foreign = count(|health| matches!(health, Health::Foreign(_)));
    let unknown = count(|health| matches!(health, Health::Unknown(_)));
    if foreign >= 2 && healthy + weak + silent == 0 {
        return Resolver::Rewriting(format!(
            "all {foreign} lists that answered seem to answer with addresses outside 127.0.0.0/8"
        ));
    }
    let world = count(|health| matches!(health, Health::ListsTheWorld(_)));
    if silent >= 2 && healthy + world == 0 {
        return Resolver::Blind(format!("not one of {silent} test entries shows through it"));
    }
    if unknown >= 2 && unknown == lists.len() {
        return Resolver::Mute(format!("none of {unknown} zones could be asked"));
    }
    // one zone alone may be dead; where no other name is answered either, it is not the zone
    if unknown == 1
        && lists.len() == 1
        && let Some(Reply::Silence(why)) = impossible
    {
        return Resolver::Mute(format!(
            "neither the list nor another name was answered: {why}"
        ));
    }
    let mut refusing: Vec<String> = lists
        .iter()
        .filter(|(_, health)| matches!(health, Health::Refused(_)))
        .map(|(id, _)| (*id).to_owned())
        .collect();
    refusing.dedup();
    if refusing.is_empty() {
        Resolver::Fit
    } else {
        Resolver::Refusing(refusing)
    }
}

/// Addresses that no list has a reason to hold, none of them next to an address under examination.
fn unlisted4(avoid: &[IpAddr], laboratory: bool) -> Vec<Ipv4Addr> {
    // RFC 5737, then RFC 2544; only the latter in a laboratory. Host parts away from those that examples use.
    let all = [
        [192, 0, 2, 201],
        [198, 51, 100, 83],
        [203, 0, 113, 149],
        [198, 18, 77, 201],
        [198, 19, 149, 83],
    ];
    let candidates = if laboratory { &all[3..] } else { &all[..] };
    let near = |candidate: &[u8; 4]| {
        avoid.iter().any(|address| match address {
            IpAddr::V4(v4) => v4.octets()[..3] == candidate[..3],
            IpAddr::V6(_) => false,
        })
    };
    candidates
        .iter()
        .filter(|candidate| !near(candidate))
        .map(|octets| Ipv4Addr::from(*octets))
        .collect()
}

/// The same for IPv6: RFC 3849, and RFC 5180 in a laboratory.
fn unlisted6(laboratory: bool) -> [Ipv6Addr; 2] {
    let (a, b) = if laboratory {
        (0x0002, 0)
    } else {
        (0x0db8, 0x6d6d)
    };
    [
        Ipv6Addr::new(0x2001, a, b, 0x77, 0, 0, 0, 0xc9),
        Ipv6Addr::new(0x2001, a, b, 0x95, 0, 0, 0, 0x53),
    ]
}
