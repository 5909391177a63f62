//! Signals about recipients: unknown ones, their spread, and domains that could not be resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::super::definition::definitions;
use super::super::failure::Failure;
use super::super::signal::{Measure, Signal, judge};
use super::super::wilson::lower_bound;
use super::{Input, counted, places};
use crate::mail::reply::Class;

/// T1: distinct unknown recipients on the worst day.
pub(super) fn t1_unknown(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T1")?;
    let unknown = unknown(input);
    let mut by_day: BTreeMap<Option<jiff::civil::Date>, BTreeSet<&str>> = BTreeMap::new();
    let mut hidden = 0;
    for failure in &unknown {
        match failure.event.recipient.as_deref() {
            Some(recipient) => {
                by_day
                    .entry(failure.event.day())
                    .or_default()
                    .insert(recipient);
            }
            None => hidden += 1,
        }
    }
    let worst = by_day.values().map(BTreeSet::len).max().unwrap_or(0);
    let floor = definition.count("floor");
    let per_mailbox = definition.count("per_mailbox");
    let limit = input
        .site
        .mailboxes
        .map_or(floor, |m| floor.max(per_mailbox * m as usize));
    let mut measured = format!(
        "{} about unknown recipients, {worst} distinct on the worst day",
        counted(unknown.len(), "reply", "replies")
    );
    if hidden > 0 {
        measured.push_str(&format!(", {hidden} without the address in the text"));
    }
    let site = match input.site.mailboxes {
        Some(m) => format!("for {m} mailboxes"),
        None => "the number of mailboxes is not known".to_owned(),
    };
    judge(
        "T1",
        input.enough,
        Measure {
            over: worst > limit,
            cases: unknown.len(),
            measured,
            expected: format!("more than {limit} distinct a day, {site}"),
            places: places(unknown),
        },
    )
}

/// T2: spread of the unknown recipients over domains.
pub(super) fn t2_dispersion(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T2")?;
    let unknown: Vec<&Failure<'_>> = unknown(input)
        .into_iter()
        .filter(|f| f.event.recipient.is_some())
        .collect();
    let recipients: BTreeSet<&str> = unknown
        .iter()
        .filter_map(|f| f.event.recipient.as_deref())
        .collect();
    let domains: BTreeSet<String> = unknown
        .iter()
        .filter_map(|f| f.event.recipient_domain())
        .collect();
    let (share, least) = (definition.limit("share"), definition.count("domains"));
    let over = domains.len() >= least && lower_bound(domains.len(), recipients.len()) >= share;
    judge(
        "T2",
        input.enough,
        Measure {
            over,
            cases: domains.len(),
            measured: format!(
                "{} in {}",
                counted(recipients.len(), "unknown recipient", "unknown recipients"),
                counted(domains.len(), "domain", "domains")
            ),
            expected: format!("at least {least} domains and {share} a recipient"),
            places: places(unknown),
        },
    )
}

/// T15: domains that failed for want of DNS, within an hour or as a share of all.
pub(super) fn t15_dns(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T15")?;
    let failed: Vec<&Failure<'_>> = input
        .failures
        .iter()
        .filter(|f| f.is_for_want_of_dns())
        .collect();
    let domains: BTreeSet<String> = failed
        .iter()
        .filter_map(|f| f.event.recipient_domain())
        .collect();
    let all: BTreeSet<String> = input
        .failures
        .iter()
        .filter(|f| f.is_outbound())
        .filter_map(|f| f.event.recipient_domain())
        .collect();
    let hidden = failed
        .iter()
        .filter(|f| f.event.recipient_domain().is_none())
        .count();
    let busiest = most_within_an_hour(&failed);
    let (an_hour, share) = (
        definition.count("domains_an_hour"),
        definition.limit("share"),
    );
    let over = busiest >= an_hour || lower_bound(domains.len(), all.len()) > share;
    let mut measured = format!(
        "{} for {}, at most {busiest} within an hour",
        counted(failed.len(), "failure", "failures"),
        counted(domains.len(), "domain", "domains")
    );
    if hidden > 0 {
        measured.push_str(&format!(", {hidden} without the domain in the text"));
    }
    judge(
        "T15",
        input.enough,
        Measure {
            over,
            cases: failed.len(),
            measured,
            expected: format!(
                "{an_hour} domains within an hour, or more than {:.0} % of all",
                share * 100.0
            ),
            places: places(failed),
        },
    )
}

/// T18: recipients in the order of a list.
pub(super) fn t18_order(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T18")?;
    let order = &input.traffic.order;
    let run = definition.count("run");
    judge(
        "T18",
        input.enough,
        Measure {
            over: order.longest_rising >= run || order.most_domains >= run,
            cases: order.places.len(),
            measured: format!(
                "the longest run at one domain in alphabetical order is {}, that of one name over domains is {}",
                order.longest_rising, order.most_domains
            ),
            expected: format!("a run of {run}"),
            places: order.places.clone(),
        },
    )
}

fn unknown<'a>(input: &'a Input<'_>) -> Vec<&'a Failure<'a>> {
    input
        .failures
        .iter()
        .filter(|f| f.is_outbound() && f.class == Class::RcptUnknown)
        .collect()
}

/// The largest number of distinct domains in any 60 minutes.
fn most_within_an_hour(failures: &[&Failure<'_>]) -> usize {
    let mut timed: Vec<(i64, String)> = failures
        .iter()
        .filter_map(|f| Some((f.event.time?.as_second(), f.event.recipient_domain()?)))
        .collect();
    timed.sort();
    let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
    let mut start = 0;
    let mut most = 0;
    for (second, domain) in &timed {
        *inside.entry(domain).or_insert(0) += 1;
        while second - timed[start].0 > 3600 {
            if let Some(n) = inside.get_mut(timed[start].1.as_str()) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(timed[start].1.as_str());
                }
            }
            start += 1;
        }
        most = most.max(inside.len());
    }
    most
}
