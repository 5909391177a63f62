//! Signals about the hours: night work and bursts.

use std::collections::BTreeMap;

use jiff::civil::{DateTime, Weekday};

use super::super::definition::definitions;
use super::super::failure::Failure;
use super::super::signal::{Measure, Signal, judge, told};
use super::super::wilson::lower_bound;
use super::{Input, counted, places};
use crate::mail::events::Event;

/// T3: share of the failures outside working hours, by the wall clock of the site. A time in UTC counts only when the
/// site's zone is known.
pub(super) fn t3_night(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T3")?;
    let outbound = || input.failures.iter().filter(|f| f.is_outbound());
    let timed: Vec<(&Failure<'_>, DateTime)> = outbound()
        .filter_map(|f| Some((f, wall_clock(input, f.event)?)))
        .collect();
    if timed.is_empty() && outbound().next().is_some() {
        return told("T3", None, String::new());
    }
    let (from, to) = input
        .site
        .working_hours
        .unwrap_or((definition.count("from_hour"), definition.count("to_hour")));
    let outside: Vec<&Failure<'_>> = timed
        .iter()
        .filter(|(_, wall)| {
            let hour = usize::try_from(wall.hour()).unwrap_or(0);
            let weekend = matches!(wall.weekday(), Weekday::Saturday | Weekday::Sunday);
            weekend || hour < from || hour >= to
        })
        .map(|(failure, _)| *failure)
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

fn wall_clock(input: &Input<'_>, event: &Event<'_>) -> Option<DateTime> {
    match (&input.site.timezone, event.time) {
        (Some(zone), Some(time)) => Some(time.to_zoned_datetime(zone.clone()).datetime()),
        _ => event.local,
    }
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
