//! Message tracking of Exchange 2000 and 2003: tab-separated, a line for each recipient and step, times in GMT.

use std::borrow::Cow;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::header::Columns;
use super::tracking::{ADDRESSED, Arrived};
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Options, Out, Reader, What, Zone,
};
use crate::mail::logs::queue::{Origin, Recent};

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
    /// Messages whose first step has been told: by SMTP or from a mailbox. What becomes of them is joined to it.
    begun: Recent<Box<str>, Arrived>,
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
            queue: own(id),
            sender: value("sender-address").and_then(|who| own(if who == "<>" { "" } else { who })),
            size: value("total-bytes").and_then(|size| size.parse().ok()),
            text: Cow::Owned(line.to_owned()),
            ..Event::at(out.place(number, number))
        };
        let recipient = value("recipient-address");
        let begun = self.begun.get(id.into());
        match step {
            // The first step of a message tells how it came in; the same message goes on to the other step as well.
            1019 | 1027 => {
                // A row for each recipient.
                if let Some(begun) = begun {
                    begun.add(recipient);
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
                let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(Box::from);
                let mut arrived = Arrived {
                    origin: Origin {
                        client: text(&event.remote),
                        client_address: event.address,
                        account: text(&event.account),
                        ..Origin::default()
                    },
                    ..Arrived::default()
                };
                arrived.add(recipient);
                out.event(&event);
                self.begun.insert(id.into(), arrived);
                return Some(true);
            }
            1028 => {
                event.what = What::Delivered;
                event.direction = Direction::Local;
            }
            1031 => {
                event.what = What::Delivered;
                event.direction = Direction::Outbound;
                event.remote = value("partner-name").and_then(own);
            }
            1026 => event.what = What::DeliveryFailed,
            1030 => event.what = What::Ndr,
            _ => return Some(false),
        }
        event.recipient = recipient.and_then(own);
        if let Some(begun) = &begun {
            begun.origin.complete(&mut event);
            event.original = recipient
                .and_then(|recipient| begun.led_on_to(recipient))
                .and_then(own);
        }
        out.event(&event);
        Some(true)
    }
}

impl Arrived {
    /// One more recipient, as far as there is room.
    fn add(&mut self, recipient: Option<&str>) {
        let Some(recipient) = recipient.map(str::to_lowercase) else {
            return;
        };
        if self.recipients.len() < ADDRESSED && self.recipients.split(';').all(|to| to != recipient)
        {
            let gap = if self.recipients.is_empty() { "" } else { ";" };
            self.recipients = format!("{}{gap}{recipient}", self.recipients).into();
        }
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
