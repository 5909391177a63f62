//! A record of a Windows event log before its description is read; shared by the Windows readers.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::description;
use super::model::{Event, Place};
use super::reader::{Options, Sheet};
use super::when::{self, DateOrder, RawTime};

/// The fields of one record as text.
#[derive(Debug, Default, Clone)]
pub(super) struct Record {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) when: RawTime,
    /// A time with a zone, from XML; wins over `when`.
    pub(super) exact: Option<Timestamp>,
    pub(super) number: Option<u64>,
    pub(super) source: Option<String>,
    pub(super) id: Option<u32>,
    pub(super) kind: Option<String>,
    pub(super) category: Option<String>,
    pub(super) computer: Option<String>,
    pub(super) description: String,
    /// Insertion strings, where the format keeps them apart.
    pub(super) strings: Vec<String>,
}

/// Turns the records of one file into events and adds them to the sheet.
pub(super) fn finish(file: &str, records: Vec<Record>, options: &Options, sheet: &mut Sheet) {
    let wall = || {
        records
            .iter()
            .filter(|r| r.exact.is_none())
            .map(|r| &r.when)
    };
    let (guessed, proven) = when::order_of(wall());
    let order = options.date_order.unwrap_or(guessed);
    let any_wall = wall().next().is_some();
    if any_wall && options.date_order.is_none() && !proven {
        sheet.notes.push(match order {
            DateOrder::MonthFirst => "the dates do not tell whether the day or the month comes first; the month is assumed".into(),
            DateOrder::DayFirst => "the dates do not tell whether the day or the month comes first; the day is assumed".into(),
        });
    }
    if any_wall && options.timezone.is_none() {
        sheet.notes.push(
            "the time zone of the log is not known; its times are taken as they stand".into(),
        );
    }
    let zone = options.timezone.clone().unwrap_or(TimeZone::UTC);
    let mut undated = 0_usize;
    for record in records {
        let local = match record.exact {
            Some(exact) => Some(exact.to_zoned_datetime(zone.clone()).datetime()),
            None => when::read(&record.when, order),
        };
        let time = record.exact.or_else(|| {
            local
                .and_then(|l| l.to_zoned_datetime(zone.clone()).ok())
                .map(|z| z.timestamp())
        });
        undated += usize::from(time.is_none());
        let place = Place {
            file: file.to_owned(),
            first: record.first,
            last: record.last,
        };
        let mut event = Event {
            time,
            local,
            record: record.number,
            source: record.source,
            id: record.id,
            kind: record.kind,
            category: record.category,
            computer: record.computer,
            text: description::one_line(&record.description),
            ..Event::at(place)
        };
        description::fill(&mut event, &record.strings);
        sheet.events.push(event);
    }
    if undated > 0 {
        sheet
            .notes
            .push(format!("{undated} events have no date that can be read"));
    }
    sheet.unparsed.sort_by_key(|u| u.line);
}

impl Record {
    /// Whether enough is known to call it an event.
    pub(super) fn is_usable(&self) -> bool {
        self.id.is_some() && (self.source.is_some() || !self.description.trim().is_empty())
    }
}
