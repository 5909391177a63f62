//! A record of a Windows event log before its description is read; shared by the Windows readers.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::description;
use super::log::Zone;
use super::model::Event;
use super::reader::{Options, Out};
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

/// Records by which the order of day and month is found, at most; it is settled with them at the latest.
const TO_SETTLE: usize = 5_000;

/// Turns the records of one file into events. The order of day and month is a matter of the whole file, so records wait
/// until one of them proves it, up to a limit.
pub(super) struct Records {
    options: Options,
    zone: TimeZone,
    pending: Vec<Record>,
    order: Option<DateOrder>,
    /// Some time was a wall clock's.
    wall: bool,
    undated: u64,
}

impl Records {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            zone: options.timezone.clone().unwrap_or(TimeZone::UTC),
            pending: Vec::new(),
            order: options.date_order,
            wall: false,
            undated: 0,
        }
    }

    /// The next record.
    pub(super) fn push(&mut self, record: Record, out: &mut Out<'_>) {
        let wall = record.exact.is_none();
        self.wall |= wall;
        if self.order.is_none() && wall {
            let (order, proven) = when::order_of(std::iter::once(&record.when));
            if proven {
                self.order = Some(order);
                self.release(order, out);
            }
        }
        match self.order {
            Some(order) => self.emit(record, order, out),
            None if !wall && self.pending.is_empty() => {
                self.emit(record, DateOrder::MonthFirst, out);
            }
            None => {
                self.pending.push(record);
                if self.pending.len() >= TO_SETTLE {
                    self.settle(out);
                }
            }
        }
    }

    /// The file has ended.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        if !self.pending.is_empty() {
            self.settle(out);
        }
        match (self.wall, &self.options.timezone) {
            (true, None) => {
                out.zone(Zone::Unknown);
                out.note(
                    "the time zone of the log is not known; its times are taken as they stand",
                );
            }
            (true, Some(_)) => out.zone(Zone::Given),
            (false, _) => out.zone(Zone::Stated),
        }
        if self.undated > 0 {
            out.note(format!(
                "{} events have no date that can be read",
                self.undated
            ));
        }
    }

    /// No date has proved the order: it is assumed, and said to be.
    fn settle(&mut self, out: &mut Out<'_>) {
        let (order, proven) = when::order_of(self.pending.iter().map(|r| &r.when));
        if !proven {
            out.note(match order {
                DateOrder::MonthFirst => "the dates do not tell whether the day or the month comes first; the month is assumed",
                DateOrder::DayFirst => "the dates do not tell whether the day or the month comes first; the day is assumed",
            });
        }
        self.order = Some(order);
        self.release(order, out);
    }

    fn release(&mut self, order: DateOrder, out: &mut Out<'_>) {
        for record in std::mem::take(&mut self.pending) {
            self.emit(record, order, out);
        }
    }

    fn emit(&mut self, record: Record, order: DateOrder, out: &mut Out<'_>) {
        let zone = || self.zone.clone();
        let named = self.options.timezone.is_some();
        let local = match record.exact {
            // Without a named zone an exact time says nothing of the wall clock: noon in UTC is night elsewhere.
            Some(exact) => named.then(|| exact.to_zoned_datetime(zone()).datetime()),
            None => when::read(&record.when, order),
        };
        let time = record.exact.or_else(|| {
            let zoned = local?.to_zoned_datetime(zone()).ok()?;
            Some(zoned.timestamp())
        });
        self.undated += u64::from(time.is_none());
        let own = |text: Option<String>| text.map(Cow::Owned);
        let mut event = Event {
            time,
            local,
            record: record.number,
            source: own(record.source),
            id: record.id,
            kind: own(record.kind),
            category: own(record.category),
            computer: own(record.computer),
            text: Cow::Owned(description::one_line(&record.description)),
            ..Event::at(out.place(record.first, record.last))
        };
        description::fill(&mut event, &record.strings);
        out.event(&event);
    }
}

impl Record {
    /// Whether enough is known to call it an event.
    pub(super) fn is_usable(&self) -> bool {
        self.id.is_some() && (self.source.is_some() || !self.description.trim().is_empty())
    }
}
