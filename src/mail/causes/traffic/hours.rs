//! When mail failed: within working hours or outside, and in bursts.

use jiff::civil::{DateTime, Weekday};

use super::super::facts::SiteFacts;
use super::samples::{OF_A_SIGNAL, Samples};
use super::table::{Count, Table};
use crate::mail::events::Event;

/// Stretches of ten minutes that are told apart, at least: a year of them; the busiest ones stay.
const STRETCHES: usize = 50_000;

const TEN_MINUTES: i64 = 600;

/// Wall clocks change their offset at such steps.
const QUARTER: i64 = 900;

/// Failures by the clock of the site.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Night {
    /// All of them, those of which the wall clock is known, and those of these that fell outside working hours.
    pub(in super::super) all: usize,
    pub(in super::super) timed: usize,
    pub(in super::super) outside: usize,
    pub(in super::super) samples: Samples,
    /// The quarter of an hour that was looked up last.
    last: Option<(i64, bool)>,
}

/// The hours in which the people of a site write mail.
pub(in super::super) fn working_hours(site: &SiteFacts) -> (usize, usize) {
    site.working_hours.unwrap_or_else(|| {
        let hour = |name| site.limits_of("T3").map_or(0, |t3| t3.count(name));
        (hour("from_hour"), hour("to_hour"))
    })
}

impl Night {
    /// A failure. A time in UTC counts only when the site's zone is known.
    pub(super) fn add(&mut self, event: &Event<'_>, site: &SiteFacts) {
        self.all += 1;
        let outside = match (&site.timezone, event.time) {
            (Some(zone), Some(time)) => {
                let quarter = time.as_second().div_euclid(QUARTER);
                let outside = match self.last {
                    Some((last, outside)) if last == quarter => outside,
                    _ => is_outside(time.to_zoned_datetime(zone.clone()).datetime(), site),
                };
                self.last = Some((quarter, outside));
                Some(outside)
            }
            _ => event.local.map(|local| is_outside(local, site)),
        };
        let Some(outside) = outside else { return };
        self.timed += 1;
        if outside {
            self.outside += 1;
            self.samples.keep(event, OF_A_SIGNAL);
        }
    }
}

fn is_outside(wall: DateTime, site: &SiteFacts) -> bool {
    let (from, to) = working_hours(site);
    let hour = usize::try_from(wall.hour()).unwrap_or(0);
    let weekend = matches!(wall.weekday(), Weekday::Saturday | Weekday::Sunday);
    weekend || hour < from || hour >= to
}

/// Failures by stretches of ten minutes.
#[derive(Debug, Clone)]
pub(in super::super) struct Bursts {
    stretches: Table<i64, Count>,
    busiest: i64,
    /// Failures of the busiest ten minutes.
    pub(in super::super) most: u64,
    /// Lines of the busiest ten minutes, from where they became that.
    pub(in super::super) samples: Samples,
}

impl Default for Bursts {
    fn default() -> Self {
        Self {
            stretches: Table::new(STRETCHES),
            busiest: 0,
            most: 0,
            samples: Samples::default(),
        }
    }
}

impl Bursts {
    pub(super) fn add(&mut self, event: &Event<'_>) {
        let Some(time) = event.time else { return };
        let stretch = time.as_second().div_euclid(TEN_MINUTES);
        let count = self.stretches.at(&stretch);
        count.0 += 1;
        if count.0 > self.most {
            if stretch != self.busiest {
                self.samples = Samples::default();
            }
            (self.busiest, self.most) = (stretch, count.0);
            self.samples.keep(event, OF_A_SIGNAL);
        }
    }

    /// The middle one of all stretches in which something failed.
    pub(in super::super) fn median(&self) -> u64 {
        let mut sizes: Vec<u64> = self.stretches.rows().map(|(_, count)| count.0).collect();
        sizes.sort_unstable();
        sizes.get(sizes.len() / 2).copied().unwrap_or(0)
    }

    pub(super) fn given_up(&self) -> u64 {
        self.stretches.given_up
    }
}
