//! Moments as people read them: in the site's time zone, with UTC beside it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// A moment, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct When {
    /// RFC 3339, UTC.
    pub at: Timestamp,
    /// `24 November 2026, 09:15 CET (08:15 UTC)`.
    pub text: String,
    /// For tables: `24 Nov 2026 09:15`, in the zone that [`Zone`] names.
    pub short: String,
    /// The day alone: `24 November 2026`.
    pub day: String,
}

/// The time zone in which the document tells times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// IANA name, or `UTC`.
    pub name: String,
    /// False when the site names no zone, or one that this machine does not know; times are UTC then.
    pub local: bool,
}

/// Turns timestamps into [`When`].
#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    zone: TimeZone,
    local: bool,
    name: String,
}

impl Calendar {
    /// The calendar of the zone with this IANA name; UTC when there is none.
    pub(crate) fn new(name: Option<&str>) -> Self {
        let known = name
            .filter(|name| !name.eq_ignore_ascii_case("utc") && !name.is_empty())
            .and_then(|name| Some((name, TimeZone::get(name).ok()?)));
        match known {
            Some((name, zone)) => Calendar {
                zone,
                local: true,
                name: name.to_owned(),
            },
            None => Calendar {
                zone: TimeZone::UTC,
                local: false,
                name: "UTC".to_owned(),
            },
        }
    }

    /// The zone in use.
    pub(crate) fn zone(&self) -> Zone {
        Zone {
            name: self.name.clone(),
            local: self.local,
        }
    }

    /// A moment for people.
    pub(crate) fn when(&self, at: Timestamp) -> When {
        let here = at.to_zoned_datetime(self.zone.clone());
        let text = if self.local {
            let utc = at.to_zoned_datetime(TimeZone::UTC);
            let there = if utc.date() == here.date() {
                utc.strftime("%H:%M UTC").to_string()
            } else {
                utc.strftime("%-d %b %H:%M UTC").to_string()
            };
            format!("{} ({there})", here.strftime("%-d %B %Y, %H:%M %Z"))
        } else {
            here.strftime("%-d %B %Y, %H:%M UTC").to_string()
        };
        When {
            at,
            text,
            short: here.strftime("%-d %b %Y %H:%M").to_string(),
            day: here.strftime("%-d %B %Y").to_string(),
        }
    }
}

/// `3 seconds`, `2 minutes`, `5 hours`, `10 days`: the largest unit that fits, rounded down.
pub(crate) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds.unsigned_abs() {
        s @ 0..=119 => (s, "second"),
        s @ 120..=7_199 => (s / 60, "minute"),
        s @ 7_200..=172_799 => (s / 3_600, "hour"),
        s => (s / 86_400, "day"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{s}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_zone_of_the_site_and_in_utc() {
        let at: Timestamp = "2026-11-24T23:15:30Z".parse().unwrap();
        assert_eq!(
            Calendar::new(Some("Europe/Rome")).when(at).text,
            "25 November 2026, 00:15 CET (24 Nov 23:15 UTC)"
        );
        for unknown in [None, Some("Mars/Olympus"), Some("UTC"), Some("")] {
            let calendar = Calendar::new(unknown);
            assert_eq!(calendar.when(at).text, "24 November 2026, 23:15 UTC");
            assert!(!calendar.zone().local);
        }
    }

    #[test]
    fn spans_use_the_largest_unit_that_fits() {
        for (seconds, expected) in [
            (1, "1 second"),
            (90, "90 seconds"),
            (120, "2 minutes"),
            (3_600, "60 minutes"),
            (86_400, "24 hours"),
            (864_000, "10 days"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }
}
