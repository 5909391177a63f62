//! Signals about receivers: how many hold our standing against us, and what they say is wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::super::definition::definitions;
use super::super::failure::Failure;
use super::super::signal::{Measure, Signal, judge};
use super::super::wilson::lower_bound;
use super::{Input, counted, places};
use crate::mail::reply::Class;

const DAY: i64 = 24 * 3600;

/// T14: receiver organisations that answer with rate, reputation or block, within any 24 hours.
pub(super) fn t14_standing(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T14")?;
    let hits: Vec<&Failure<'_>> = input
        .failures
        .iter()
        .filter(|f| f.is_outbound() && f.class.is_standing() && f.organisation.is_some())
        .collect();
    let within = most_organisations_in_a_day(&hits);
    let all: BTreeSet<&str> = hits
        .iter()
        .filter_map(|f| f.organisation.as_deref())
        .collect();
    let limit = definition.count("organisations");
    let mut measured = format!(
        "{} of {}",
        counted(hits.len(), "reply", "replies"),
        counted(
            within,
            "organisation within a day",
            "organisations within a day"
        )
    );
    if !all.is_empty() {
        let named: Vec<&str> = all.into_iter().take(6).collect();
        measured.push_str(&format!(" ({})", named.join("; ")));
    }
    judge(
        "T14",
        input.enough,
        Measure {
            over: within >= limit,
            cases: hits.len(),
            measured,
            expected: format!("at least {limit} organisations"),
            places: places(hits),
        },
    )
}

/// T17: remote hosts that could not be reached when they were tried last.
pub(super) fn t17_unreachable(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T17")?;
    let hosts = input.traffic.reach.ranked();
    let dead: Vec<_> = hosts.iter().filter(|(_, reach)| reach.dead).collect();
    let (share, least) = (definition.limit("share"), definition.count("hosts"));
    judge(
        "T17",
        input.enough && hosts.len() >= least,
        Measure {
            over: lower_bound(dead.len(), hosts.len()) > share,
            cases: dead.len(),
            measured: format!(
                "{} of {}",
                dead.len(),
                counted(hosts.len(), "remote host", "remote hosts")
            ),
            expected: format!("more than {:.0} % of at least {least}", share * 100.0),
            places: dead
                .iter()
                .flat_map(|(_, reach)| reach.places.iter().cloned())
                .collect(),
        },
    )
}

/// R1: reverse DNS is named.
pub(super) fn r1_reverse_name(input: &Input<'_>) -> Option<Signal> {
    said("R1", input, |f| f.class == Class::Ptr)
}

/// R2: SPF, DKIM or DMARC are named.
pub(super) fn r2_authentication(input: &Input<'_>) -> Option<Signal> {
    said("R2", input, |f| f.class == Class::Authpol)
}

/// R3: a block or list is named.
pub(super) fn r3_listing(input: &Input<'_>) -> Option<Signal> {
    said("R3", input, |f| {
        matches!(f.class, Class::BlockIp | Class::BlockDomain)
    })
}

/// R4: the next host does not relay for us.
pub(super) fn r4_relay(input: &Input<'_>) -> Option<Signal> {
    said("R4", input, |f| f.class == Class::Relay)
}

/// A signal by what receivers say. Their words need no minimum of other failures.
fn said(id: &str, input: &Input<'_>, is: fn(&Failure<'_>) -> bool) -> Option<Signal> {
    let definition = definitions().signal(id)?;
    let hits: Vec<&Failure<'_>> = input
        .failures
        .iter()
        .filter(|f| f.is_outbound() && is(f))
        .collect();
    let hosts: BTreeSet<&str> = hits
        .iter()
        .filter_map(|f| f.organisation.as_deref())
        .collect();
    let count = definition.count("count");
    let over = hits.len() >= count;
    judge(
        id,
        // One or two replies are seen, not judged; none at all in a long log is none.
        over || (input.enough && hits.is_empty()),
        Measure {
            over,
            cases: hits.len(),
            measured: format!(
                "{} of {}",
                counted(hits.len(), "reply", "replies"),
                counted(hosts.len(), "organisation", "organisations")
            ),
            expected: format!("at least {count} replies"),
            places: places(hits),
        },
    )
}

/// The largest number of distinct organisations in any 24 hours. Failures without a time count
/// together, as nothing says that they are apart.
fn most_organisations_in_a_day(failures: &[&Failure<'_>]) -> usize {
    let mut timed: Vec<(i64, &str)> = failures
        .iter()
        .filter_map(|f| {
            Some((
                f.event.time.map_or(0, |t| t.as_second()),
                f.organisation.as_deref()?,
            ))
        })
        .collect();
    timed.sort_unstable();
    let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
    let mut start = 0;
    let mut most = 0;
    for (second, organisation) in &timed {
        *inside.entry(organisation).or_insert(0) += 1;
        while second - timed[start].0 > DAY {
            if let Some(n) = inside.get_mut(timed[start].1) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(timed[start].1);
                }
            }
            start += 1;
        }
        most = most.max(inside.len());
    }
    most
}
