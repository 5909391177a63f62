//! Signals about the hours: night work and bursts.

use super::super::signal::{Measure, Signal, judge, told};
use super::super::traffic::working_hours;
use super::super::wilson::lower_bound;
use super::{Input, counted, size};

/// T3: share of the failures outside working hours, by the wall clock of the site.
pub(super) fn t3_night(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T3")?;
    let night = &input.traffic.night;
    if night.timed == 0 && night.all > 0 {
        return told("T3", None, String::new());
    }
    let (from, to) = working_hours(input.site);
    let (share, least) = (definition.limit("share"), definition.count("failures"));
    judge(
        "T3",
        input.enough && night.timed >= least,
        Measure {
            over: lower_bound(night.outside, night.timed) >= share,
            cases: night.outside,
            measured: format!(
                "{} of {}",
                night.outside,
                counted(night.timed, "failure", "failures")
            ),
            expected: format!(
                "at least {:.0} % of at least {least}, outside {from}:00 to {to}:00 and at weekends",
                share * 100.0
            ),
            lines: night.samples.lines(),
        },
    )
}

/// T4: the busiest ten minutes against the usual ten minutes.
pub(super) fn t4_bursts(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T4")?;
    let bursts = &input.traffic.bursts;
    let (most, median) = (size(bursts.most), size(bursts.median()));
    let (count, factor) = (definition.count("count"), definition.count("times_median"));
    let over = most > count && most > factor * median;
    judge(
        "T4",
        input.enough,
        Measure {
            over,
            // A burst is a burst or none: a few failures are no half of one.
            cases: usize::from(over),
            measured: format!("{most} in the busiest ten minutes, usually {median}"),
            expected: format!("more than {count} and more than {factor} times the usual"),
            lines: match over {
                true => bursts.samples.lines(),
                false => Vec::new(),
            },
        },
    )
}
