//! Dates as Windows writes them in its user's locale; the order of day and month is found per file.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime, Time};
use regex::Regex;

/// Which of two small numbers is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// 1/18/2011.
    MonthFirst,
    /// 18/1/2011.
    DayFirst,
}

/// A date and a time, not yet understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RawTime {
    /// `1/18/2011`, also with the time behind it.
    pub(super) date: String,
    /// `7:33:29 AM`; empty when it is in `date`.
    pub(super) time: String,
}

static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\s*(?P<a>\d{1,4})\s?(?P<sep>[./\-])\s?(?P<b>\d{1,2})\s?[./\-]\s?(?P<c>\d{1,4})(?:[T,\s]\s*(?P<rest>.*))?$").ok()
});
static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\s*(?P<h>\d{1,2})[:.](?P<m>\d{2})(?:[:.](?P<s>\d{2}))?(?:\.\d+)?\s*(?P<half>[ap])?\.?m?\.?\s*$").ok()
});

/// What the dates of one file say about their order, and whether that is proven.
pub(super) fn order_of<'a>(times: impl Iterator<Item = &'a RawTime>) -> (DateOrder, bool) {
    let mut half_days = false;
    for raw in times {
        half_days |= raw.time.to_ascii_lowercase().ends_with('m')
            || raw.date.to_ascii_lowercase().ends_with('m');
        let Some(parts) = DATE.as_ref().and_then(|r| r.captures(&raw.date)) else {
            continue;
        };
        let number = |name: &str| parts[name].parse::<u32>().unwrap_or(0);
        if &parts["sep"] == "." && number("a") <= 31 {
            return (DateOrder::DayFirst, true);
        }
        match (number("a"), number("b")) {
            (32.., _) => return (DateOrder::MonthFirst, true),
            (13..=31, _) => return (DateOrder::DayFirst, true),
            (_, 13..=31) => return (DateOrder::MonthFirst, true),
            _ => {}
        }
    }
    // AM and PM are an American habit; otherwise it is an assumption that the caller must state.
    (DateOrder::MonthFirst, half_days)
}

/// Reads a date and time of the wall clock.
pub(super) fn read(raw: &RawTime, order: DateOrder) -> Option<DateTime> {
    let parts = DATE.as_ref()?.captures(&raw.date)?;
    let number = |name: &str| parts[name].parse::<i16>().ok();
    let (a, b, c) = (number("a")?, number("b")?, number("c")?);
    let (year, month, day) = match (a, order) {
        (32.., _) => (a, b, c),
        (_, DateOrder::MonthFirst) => (c, a, b),
        (_, DateOrder::DayFirst) => (c, b, a),
    };
    let year = match year {
        0..=69 => 2000 + year,
        70..=99 => 1900 + year,
        year => year,
    };
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let inline = parts.name("rest").map_or("", |m| m.as_str());
    let clock = if raw.time.trim().is_empty() {
        inline
    } else {
        raw.time.as_str()
    };
    let time = read_clock(clock)?;
    Some(date.to_datetime(time))
}

fn read_clock(text: &str) -> Option<Time> {
    let parts = TIME.as_ref()?.captures(text)?;
    let mut hour: i8 = parts["h"].parse().ok()?;
    match parts.name("half").map(|m| m.as_str().to_ascii_lowercase()) {
        Some(half) if half == "p" && hour < 12 => hour += 12,
        Some(half) if half == "a" && hour == 12 => hour = 0,
        _ => {}
    }
    let minute: i8 = parts["m"].parse().ok()?;
    let second: i8 = parts
        .name("s")
        .map_or(Some(0), |m| m.as_str().parse().ok())?;
    Time::new(hour, minute, second, 0).ok()
}
