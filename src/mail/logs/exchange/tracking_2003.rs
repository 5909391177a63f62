//! Message tracking of Exchange 2000 and 2003: tab-separated, a line for each recipient and step, times in GMT.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::header::Columns;
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Options, Out, Reader, What, Zone,
};
use crate::mail::logs::queue::Recent;

/// The format.
pub(in crate::mail) struct Tracking2003;

impl Format for Tracking2003 {
    fn name(&self) -> &'static str {
        "exchange-tracking-2003"
    }

    fn summary(&self) -> &'static str {
        "message tracking log of Exchange 2000 and 2003"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours = |line: &str| header(line).is_some();
        if head.text.lines().take(50).any(ours) {
            95
        } else {
            0
        }
    }

    fn reader(&self, _: &Options) -> Reader {
        Reader::Lines(Box::new(Rows {
            columns: Columns::default(),
            begun: Recent::default(),
        }))
    }
}

/// The columns of the header `# Date<tab>Time<tab>...`. Old copies write blanks or underscores in place of hyphens.
fn header(line: &str) -> Option<Columns> {
    let names = line
        .trim_start_matches('\u{feff}')
        .strip_prefix('#')?
        .trim();
    let plain = names.to_ascii_lowercase().replace([' ', '_'], "-");
    let ours = plain.starts_with("date\t") && plain.contains("\tmsgid\t");
    ours.then(|| Columns::new(plain.split('\t')))
}

struct Rows {
    columns: Columns,
    /// Messages whose first step has been told: by SMTP or from a mailbox.
    begun: Recent<Box<str>, ()>,
}

impl LineReader for Rows {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        if self.columns.expect(header(line), number, line, out) {
            let told = self.read(number, line, out);
            out.settle(number, line, told);
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        out.zone(Zone::Stated);
    }
}

impl Rows {
    /// `Some(true)` for an event, `Some(false)` for nothing that is looked for.
    fn read(&mut self, number: u32, line: &str, out: &mut Out<'_>) -> Option<bool> {
        let row: Vec<&str> = line.split('\t').collect();
        let value = |name: &str| self.columns.value(&row, name);
        let local = moment(value("date")?, value("time")?)?;
        let step: u32 = value("event-id")?.parse().ok()?;
        let id = value("msgid")?;
        let own = |text: &str| Some(Cow::Owned(text.to_owned()));
        let mut event = Event {
            time: local
                .to_zoned_datetime(TimeZone::UTC)
                .ok()
                .map(|at| at.timestamp()),
            source: own("exchange/tracking"),
            id: Some(step),
            computer: value("server-hostname").and_then(own),
            message_id: own(id.trim_matches(['<', '>'])),
            sender: value("sender-address").and_then(|who| own(if who == "<>" { "" } else { who })),
            size: value("total-bytes").and_then(|size| size.parse().ok()),
            text: Cow::Owned(line.to_owned()),
            ..Event::at(out.place(number, number))
        };
        let recipient = value("recipient-address").and_then(own);
        match step {
            // The first step of a message tells how it came in; the same message goes on to the other step as well.
            1019 | 1027 => {
                let key: Box<str> = id.into();
                if self.begun.get(key.clone()).is_some() {
                    return Some(false);
                }
                event.what = What::Received;
                let address = value("client-ip").and_then(|ip| ip.parse().ok());
                if step == 1019 && address.is_some() {
                    event.direction = Direction::Inbound;
                    event.address = address;
                    let name = value("client-hostname").or(value("client-ip"));
                    event.remote = name.and_then(own);
                } else {
                    event.direction = Direction::Local;
                    let author = event
                        .sender
                        .as_deref()
                        .filter(|who| step == 1027 && !who.is_empty());
                    event.account = author.and_then(own);
                }
                self.begun.insert(key, ());
            }
            1028 => {
                event.what = What::Delivered;
                event.direction = Direction::Local;
                event.recipient = recipient;
            }
            1031 => {
                event.what = What::Delivered;
                event.direction = Direction::Outbound;
                event.recipient = recipient;
                event.remote = value("partner-name").and_then(own);
            }
            1026 => {
                event.what = What::DeliveryFailed;
                event.recipient = recipient;
            }
            1030 => {
                event.what = What::Ndr;
                event.direction = Direction::Local;
                event.recipient = recipient;
            }
            _ => return Some(false),
        }
        out.event(&event);
        Some(true)
    }
}

/// `2004-1-13` and `0:1:12 GMT`.
fn moment(date: &str, time: &str) -> Option<DateTime> {
    let mut numbers = date.split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let clock = time.split(' ').next().unwrap_or_default();
    let mut numbers = clock.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (numbers.next()??, numbers.next()??, numbers.next()??);
    Some(date.to_datetime(Time::new(hour, minute, second, 0).ok()?))
}
