//! Failures over time, for a picture: by hour, and where that would be too fine by day or week.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::mail::reply::Class;

/// Columns of a picture, at most.
const MOST: i64 = 240;

/// The length of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// An hour.
    #[default]
    Hour,
    /// A day, in UTC.
    Day,
    /// Seven days from Monday, in UTC.
    Week,
}

impl Unit {
    fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
        }
    }

    /// The first hour of the period around `hour`. Hours are counted from a Thursday, 1 January 1970.
    fn start(self, hour: i64) -> i64 {
        let monday = if self == Self::Week { -3 * 24 } else { 0 };
        (hour - monday).div_euclid(self.hours()) * self.hours() + monday
    }
}

/// The failures of one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Its beginning.
    pub start: Timestamp,
    /// How many, by class.
    pub classes: BTreeMap<Class, u64>,
}

/// Failures over time; periods without one are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The length of a period.
    pub unit: Unit,
    /// The periods: the last 240 at most.
    pub points: Vec<Point>,
}

impl Timeline {
    /// Of failures by hour since 1970.
    pub(super) fn of(hours: &BTreeMap<i64, BTreeMap<Class, u64>>) -> Self {
        let (Some(first), Some(last)) = (hours.keys().next(), hours.keys().next_back()) else {
            return Self::default();
        };
        let fits = |unit: &Unit| (last - first) / unit.hours() < MOST;
        let unit = [Unit::Hour, Unit::Day].into_iter().find(fits);
        let unit = unit.unwrap_or(Unit::Week);
        let mut periods: BTreeMap<i64, BTreeMap<Class, u64>> = BTreeMap::new();
        for (hour, classes) in hours {
            let period = periods.entry(unit.start(*hour)).or_default();
            for (class, count) in classes {
                *period.entry(*class).or_insert(0) += count;
            }
        }
        let newest = unit.start(*last);
        let points = periods
            .into_iter()
            .filter(|(start, _)| (newest - start) / unit.hours() < MOST)
            .filter_map(|(start, classes)| {
                let start = Timestamp::from_second(start * 3600).ok()?;
                Some(Point { start, classes })
            });
        Self {
            unit,
            points: points.collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_told_by_weeks_that_start_on_monday() {
        let hour = |at: &str| at.parse::<Timestamp>().unwrap().as_second() / 3600;
        // Sunday evening, Monday morning, and a year later
        let times = [
            "2024-03-03T23:00:00Z",
            "2024-03-04T00:00:00Z",
            "2025-03-05T12:00:00Z",
        ];
        let hours = times.map(|at| (hour(at), BTreeMap::from([(Class::Rate, 1)])));
        let timeline = Timeline::of(&hours.into());
        let starts: Vec<String> = timeline
            .points
            .iter()
            .map(|p| p.start.to_string())
            .collect();
        assert_eq!(timeline.unit, Unit::Week);
        assert_eq!(
            starts,
            [
                "2024-02-26T00:00:00Z",
                "2024-03-04T00:00:00Z",
                "2025-03-03T00:00:00Z"
            ]
        );
    }
}
