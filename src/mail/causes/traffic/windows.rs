//! How many different things came within a stretch of time, wherever that stretch begins.
//!
//! For each hour and thing the first and the last moment are kept: whatever window one lays over the log, the thing is in it
//! when one of the two is, or the window lies inside the hour and between them.

use std::collections::BTreeMap;

use super::table::{Table, Weighed};

/// Hours that are told apart, at least; the busiest ones stay.
const HOURS: usize = 4_000;

/// Different things of one hour that are told apart.
const AN_HOUR: usize = 256;

/// The things of a log by hour.
#[derive(Debug, Clone)]
pub(in super::super) struct Windows {
    hours: Table<i64, Hour>,
}

/// The things of one hour: by digest, the first and the last second within it.
#[derive(Debug, Clone, Default)]
struct Hour {
    things: BTreeMap<u64, (u16, u16)>,
    events: u64,
}

impl Weighed for Hour {
    fn weight(&self) -> u64 {
        self.events
    }
}

impl Default for Windows {
    fn default() -> Self {
        Self {
            hours: Table::new(HOURS),
        }
    }
}

impl Windows {
    /// A thing at a moment, in seconds since 1970.
    pub(super) fn add(&mut self, second: i64, thing: u64) {
        let hour = self.hours.at(&second.div_euclid(3600));
        let within = u16::try_from(second.rem_euclid(3600)).unwrap_or(0);
        hour.events += 1;
        if let Some((first, last)) = hour.things.get_mut(&thing) {
            *first = within.min(*first);
            *last = within.max(*last);
        } else if hour.things.len() < AN_HOUR {
            hour.things.insert(thing, (within, within));
        }
    }

    /// The largest number of different things in any window of so many seconds (an hour or more).
    pub(in super::super) fn most(&self, seconds: i64) -> usize {
        let mut moments: Vec<(i64, u64)> = Vec::new();
        for (hour, of_hour) in self.hours.rows() {
            for (thing, (first, last)) in &of_hour.things {
                moments.push((hour * 3600 + i64::from(*first), *thing));
                if first != last {
                    moments.push((hour * 3600 + i64::from(*last), *thing));
                }
            }
        }
        moments.sort_unstable();
        let mut inside: BTreeMap<u64, usize> = BTreeMap::new();
        let mut start = 0;
        let mut most = 0;
        for (second, thing) in &moments {
            *inside.entry(*thing).or_insert(0) += 1;
            while second - moments[start].0 > seconds {
                if let Some(n) = inside.get_mut(&moments[start].1) {
                    *n -= 1;
                    if *n == 0 {
                        inside.remove(&moments[start].1);
                    }
                }
                start += 1;
            }
            most = most.max(inside.len());
        }
        most
    }

    /// Hours that were given up for want of room.
    pub(super) fn given_up(&self) -> u64 {
        self.hours.given_up
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_most_of_all_windows(
            events in prop::collection::vec((0_i64..20_000, 0_u64..12), 0..60),
            window in prop::sample::select(vec![3600_i64, 7200, 10_000]),
        ) {
            let mut windows = Windows::default();
            for (second, thing) in &events {
                windows.add(*second, *thing);
            }
            let in_window = |end: i64| {
                let inside = |second: i64| second <= end && end - second <= window;
                let things: BTreeSet<u64> =
                    events.iter().filter(|(s, _)| inside(*s)).map(|(_, thing)| *thing).collect();
                things.len()
            };
            let most = events.iter().map(|(second, _)| in_window(*second)).max().unwrap_or(0);
            prop_assert_eq!(windows.most(window), most);
        }
    }
}
