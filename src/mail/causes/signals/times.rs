//! Signals about the hours: night work and bursts.

use std::collections::BTreeMap;

use jiff::civil::Weekday;

use super::super::definition::definitions;
use super::super::failure::Failure;
use super::super::signal::{Measure, Signal, judge};
use super::super::wilson::lower_bound;
use super::{Input, counted, places};

/// T3: share of the failures outside working hours, by the wall clock of the log.
pub(super) fn t3_night(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T3")?;
    let timed: Vec<&Failure<'_>> = input
        .failures
        .iter()
        .filter(|f| f.is_outbound() && f.event.local.is_some())
        .collect();
    let (from, to) = (definition.count("from_hour"), definition.count("to_hour"));
    let outside: Vec<&Failure<'_>> = timed
        .iter()
        .copied()
        .filter(|f| {
            f.event.local.is_some_and(|l| {
                let hour = usize::try_from(l.hour()).unwrap_or(0);
                let weekend = matches!(l.weekday(), Weekday::Saturday | Weekday::Sunday);
                weekend || hour < from || hour >= to
            })
        })
        .collect();
    let (share, least) = (definition.limit("share"), definition.count("failures"));
    judge(
        "T3",
        input.enough && timed.len() >= least,
        Measure {
            over: lower_bound(outside.len(), timed.len()) >= share,
            cases: outside.len(),
            measured: format!(
                "{} of {}",
                outside.len(),
                counted(timed.len(), "failure", "failures")
            ),
            expected: format!(
                "at least {:.0} % of at least {least}, outside {from}:00 to {to}:00 and at weekends",
                share * 100.0
            ),
            places: places(outside),
        },
    )
}

/// T4: the busiest ten minutes against the usual ten minutes.
pub(super) fn t4_bursts(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T4")?;
    let mut buckets: BTreeMap<i64, Vec<&Failure<'_>>> = BTreeMap::new();
    for failure in input.failures.iter().filter(|f| f.is_outbound()) {
        if let Some(time) = failure.event.time {
            buckets
                .entry(time.as_second().div_euclid(600))
                .or_default()
                .push(failure);
        }
    }
    let mut sizes: Vec<usize> = buckets.values().map(Vec::len).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    let most = sizes.last().copied().unwrap_or(0);
    let (count, factor) = (definition.count("count"), definition.count("times_median"));
    let over = most > count && most > factor * median;
    let busiest = buckets
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default();
    judge(
        "T4",
        input.enough,
        Measure {
            over,
            // A burst is a burst or none: a few failures are no half of one.
            cases: usize::from(over),
            measured: format!("{most} in the busiest ten minutes, usually {median}"),
            expected: format!("more than {count} and more than {factor} times the usual"),
            places: if over { places(busiest) } else { Vec::new() },
        },
    )
}
