//! Lines of syslog: stamp, host, program, text; and the two forms of stamps.
//!
//! The classic stamp (RFC 3164) has no year and no zone: the year follows from the date after which the log cannot be, and
//! goes on at each turn of the year; the zone must be told. The newer one (RFC 3339, RFC 5424) has both.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::mail::events::{Head, Options, Out, Zone, span_of};

/// A line of syslog, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SyslogLine<'l> {
    /// The stamp as it stands.
    pub(super) stamp: &'l str,
    /// The computer.
    pub(super) host: &'l str,
    /// The program without its process id.
    pub(super) program: &'l str,
    /// The process id; empty without one.
    pub(super) pid: &'l str,
    /// What the program wrote.
    pub(super) text: &'l str,
}

/// Takes a line apart. `None` when it is no line of syslog.
pub(super) fn split(line: &str) -> Option<SyslogLine<'_>> {
    let mut line = line;
    // A priority that a collector left in front.
    if line.starts_with('<') {
        let end = line.as_bytes().iter().take(6).position(|b| *b == b'>')?;
        line = &line[end + 1..];
    }
    let bytes = line.as_bytes();
    let end = match bytes.first()? {
        b'A'..=b'Z' if bytes.len() > 16 && bytes[15] == b' ' && bytes[12] == b':' => 15,
        b'0'..=b'9' if bytes.len() > 20 && bytes[10] == b'T' => memchr::memchr(b' ', bytes)?,
        _ => return None,
    };
    let stamp = line.get(..end)?;
    let rest = line.get(end + 1..)?;
    let (host, rest) = rest.split_at(memchr::memchr(b' ', rest.as_bytes())?);
    let rest = &rest[1..];
    let colon = memchr::memchr(b':', rest.as_bytes())?;
    let tag = &rest[..colon];
    let text = rest[colon + 1..].trim_start_matches(' ');
    let (program, pid) = match memchr::memchr(b'[', tag.as_bytes()) {
        Some(open) => (&tag[..open], tag[open + 1..].trim_end_matches(']')),
        None => (tag, ""),
    };
    if program.is_empty()
        || program.len() > 64
        || memchr::memchr(b' ', program.as_bytes()).is_some()
    {
        return None;
    }
    // Solaris puts a message id in front.
    let text = match text.strip_prefix("[ID ") {
        Some(rest) => rest.split_once("] ").map_or(text, |(_, text)| text),
        None => text,
    };
    Some(SyslogLine {
        stamp,
        host,
        program,
        pid,
        text,
    })
}

/// The times of the first and the last line of the beginning of a log.
pub(super) fn stamps(head: &Head<'_>, options: &Options) -> Option<(Timestamp, Timestamp)> {
    let mut clock = Clock::new(options);
    let lines = head.text.lines().filter_map(split);
    span_of(lines.filter_map(|line| clock.read(line.stamp).0))
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads stamps. The hour is worked out once and kept: a log has many lines in each.
pub(super) struct Clock {
    zone: Option<TimeZone>,
    until: Option<DateTime>,
    year: Option<i16>,
    month: i8,
    hour: Option<Hour>,
    stated: bool,
    wall: bool,
    too_long: bool,
}

/// One hour of the log: all stamps that begin and end with the same text.
struct Hour {
    /// The beginning as it stands, and zeros.
    head: [u8; 16],
    tail: Box<str>,
    date: Date,
    hour: i8,
    /// Seconds of its beginning.
    base: Option<i64>,
}

impl Clock {
    pub(super) fn new(options: &Options) -> Self {
        let zone = options.timezone.clone();
        let shown = zone.clone().unwrap_or(TimeZone::UTC);
        Self {
            until: options
                .until
                .map(|until| until.to_zoned_datetime(shown).datetime()),
            zone,
            year: None,
            month: 0,
            hour: None,
            stated: false,
            wall: false,
            too_long: false,
        }
    }

    /// The time of a stamp and its wall clock.
    pub(super) fn read(&mut self, stamp: &str) -> (Option<Timestamp>, Option<DateTime>) {
        let bytes = stamp.as_bytes();
        // Where minutes and seconds stand, and what stands behind them.
        let (minutes, tail) = match bytes.first() {
            Some(b'0'..=b'9') => {
                let zone = bytes
                    .iter()
                    .skip(19)
                    .position(|b| !matches!(b, b'.' | b',' | b'0'..=b'9'));
                (
                    14,
                    zone.map_or("", |at| stamp.get(19 + at..).unwrap_or_default()),
                )
            }
            _ => (10, ""),
        };
        let (Some(minute), Some(second)) = (two(bytes, minutes), two(bytes, minutes + 3)) else {
            return (None, None);
        };
        let mut head = [0; 16];
        let Some(start) = bytes.get(..minutes - 1) else {
            return (None, None);
        };
        head[..start.len()].copy_from_slice(start);
        let known = self.hour.as_ref().is_some_and(|hour| {
            // Numbers are compared, and texts only where there are some: this is done for each line.
            let same = u128::from_ne_bytes(hour.head) == u128::from_ne_bytes(head);
            same && hour.tail.len() == tail.len() && (tail.is_empty() || *hour.tail == *tail)
        });
        if !known {
            self.hour = self.begin(head, start.len(), tail);
        }
        let Some(hour) = &self.hour else {
            return (None, None);
        };
        // A leap second counts as the one before it.
        let second = second.min(59);
        let seconds = i64::from(minute) * 60 + i64::from(second);
        let time = hour
            .base
            .and_then(|base| Timestamp::from_second(base + seconds).ok());
        let local = DateTime::new(
            hour.date.year(),
            hour.date.month(),
            hour.date.day(),
            hour.hour,
            minute,
            second,
            0,
        );
        // A stamp in UTC says nothing of the site's wall clock.
        let utc = matches!(&*hour.tail, "Z" | "+00:00" | "+0000");
        (time, local.ok().filter(|_| !utc))
    }

    fn begin(&mut self, head: [u8; 16], length: usize, tail: &str) -> Option<Hour> {
        if length == 13 {
            let text = std::str::from_utf8(&head[..length]).ok()?;
            let date: Date = text.get(..10)?.parse().ok()?;
            let hour = two(&head, 11)?;
            self.stated = true;
            let start: Timestamp = format!("{}:00:00{tail}", text).parse().ok()?;
            return Some(Hour {
                head,
                tail: tail.into(),
                date,
                hour,
                base: Some(start.as_second()),
            });
        }
        let name = head.get(..3)?;
        let month = MONTHS.iter().position(|month| month.as_bytes() == name)? + 1;
        let month = i8::try_from(month).ok()?;
        let day = two(&head, 4)?;
        let hour = two(&head, 7)?;
        self.wall = true;
        let year = self.year_of(month, day)?;
        // The day before a leap day's year is no fault of the log's: the last year that has it.
        let date = (0..4).find_map(|back| Date::new(year - back, month, day).ok())?;
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let base = DateTime::new(date.year(), month, day, hour, 0, 0, 0)
            .ok()
            .and_then(|start| start.to_zoned_datetime(zone).ok())
            .map(|start| start.timestamp().as_second());
        Some(Hour {
            head,
            tail: "".into(),
            date,
            hour,
            base,
        })
    }

    /// The year of a date without one. The first date is the last such day before `until`; then dates go on.
    fn year_of(&mut self, month: i8, day: i8) -> Option<i16> {
        let until = self.until?;
        let Some(year) = self.year else {
            // A day of grace for clocks that are fast.
            let limit = until.date().tomorrow().ok()?;
            let later = (month, day) > (limit.month(), limit.day());
            let year = limit.year() - i16::from(later);
            (self.year, self.month) = (Some(year), month);
            return Some(year);
        };
        if month + 6 < self.month {
            self.too_long |= year >= until.year();
            (self.year, self.month) = (Some(year + 1), month);
            return Some(year + 1);
        }
        if month > self.month + 6 {
            // A late line from before the turn of the year.
            return Some(year - 1);
        }
        self.month = self.month.max(month);
        Some(year)
    }

    /// Says what had to be assumed.
    pub(super) fn end(&self, out: &mut Out<'_>) {
        if !self.wall {
            out.zone(Zone::Stated);
            return;
        }
        if self.zone.is_some() {
            out.zone(Zone::Given);
        } else {
            out.note("the time zone of the log is not known; its times are taken as they stand");
        }
        match self.year {
            None => out.note("the dates have no year and nothing tells it: no event has a time"),
            Some(year) => out.note(format!(
                "the dates have no year: the last one is taken for {year}, by the date of the file"
            )),
        }
        if self.too_long {
            out.note(
                "the log spans more than a year, and its dates have none: some are a year late",
            );
        }
        if self.stated {
            out.note("some dates have a time zone and some have none");
        }
    }
}

/// Two digits; the first may be a blank.
fn two(bytes: &[u8], at: usize) -> Option<i8> {
    let digit = |b: u8| b.is_ascii_digit().then(|| (b - b'0') as i8);
    let tens = match *bytes.get(at)? {
        b' ' => 0,
        b => digit(b)?,
    };
    Some(tens * 10 + digit(*bytes.get(at + 1)?)?)
}
