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
    /// Seven days.
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
            let period = periods.entry(hour.div_euclid(unit.hours())).or_default();
            for (class, count) in classes {
                *period.entry(*class).or_insert(0) += count;
            }
        }
        let newest = last.div_euclid(unit.hours());
        let points = periods
            .into_iter()
            .filter(|(period, _)| newest - period < MOST)
            .filter_map(|(period, classes)| {
                let start = Timestamp::from_second(period * unit.hours() * 3600).ok()?;
                Some(Point { start, classes })
            });
        Self {
            unit,
            points: points.collect(),
        }
    }
}
