//! Bounces: messages as files (`.eml`, a Maildir's), or many in one mbox. Reports of non-delivery, complaints and the
//! reports of receivers are taken apart, other messages are passed over.

mod notice;
mod older;
mod status;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mail_parser::{Message, MessageParser, MimeHeaders};

use crate::mail::events::{Event, Format, Head, LineReader, Options, Out, Reader, Why, Zone};
use crate::mail::reports;

pub use notice::{Fate, Notice, notices};

/// The longest message that is looked into, in bytes: a report is small, and its beginning tells.
const LONGEST: usize = 16 << 20;

/// Fields of a header, some of which every message has.
const USUAL: &[&str] = &[
    "return-path",
    "received",
    "delivered-to",
    "date",
    "from",
    "to",
    "subject",
    "message-id",
    "mime-version",
    "content-type",
];

/// The format.
pub(in crate::mail) struct Mail;

impl Format for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn summary(&self) -> &'static str {
        "messages with bounces, complaints or reports in them: .eml, a file of a Maildir, or an mbox"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let mut usual = Vec::new();
        let mut lines = head.text.lines();
        if head.text.starts_with("From ") {
            lines.next();
        }
        for (at, line) in lines.take(200).enumerate() {
            if line.starts_with([' ', '\t']) && at > 0 {
                continue;
            }
            let Some((name, _)) = line.split_once(':') else {
                break;
            };
            let name = name.to_ascii_lowercase();
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_graphic()) {
                break;
            }
            if let Some(known) = USUAL.iter().find(|known| **known == name)
                && !usual.contains(known)
            {
                usual.push(known);
            }
        }
        if usual.len() >= 3 { 80 } else { 0 }
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(Messages {
            timezone: options.timezone.clone(),
            ..Messages::default()
        }))
    }
}

#[derive(Default)]
struct Messages {
    /// The site's zone, where it was named.
    timezone: Option<TimeZone>,
    text: String,
    first: u32,
    last: u32,
    /// Lines of this message that are not blank.
    filled: u64,
    /// The file is an mbox: a line `From ` after a blank one begins a message.
    many: bool,
    blank: bool,
    seen: u64,
    reports: u64,
}

impl LineReader for Messages {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        let begins = line.starts_with("From ");
        if self.first == 0 && self.seen == 0 && begins {
            self.many = true;
        }
        if self.many && begins && (self.blank || self.first == 0) {
            self.close(out);
            self.first = number;
            self.last = number;
            self.filled = 1;
            self.blank = false;
            return;
        }
        self.blank = line.trim().is_empty();
        if self.first == 0 {
            self.first = number;
        }
        self.last = number;
        self.filled += u64::from(!self.blank);
        if self.text.len() < LONGEST {
            self.text.push_str(line);
            self.text.push_str("\r\n");
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.close(out);
        out.zone(Zone::Stated);
        if self.seen > 0 {
            let messages = if self.seen == 1 {
                "message"
            } else {
                "messages"
            };
            out.note(format!(
                "{} {messages}, {} with a report",
                self.seen, self.reports
            ));
        }
    }
}

impl Messages {
    fn close(&mut self, out: &mut Out<'_>) {
        let text = std::mem::take(&mut self.text);
        let (first, last) = (std::mem::take(&mut self.first), self.last);
        let filled = std::mem::take(&mut self.filled);
        if filled == 0 {
            return;
        }
        self.seen += 1;
        let Some(message) = MessageParser::new().parse(&text) else {
            out.unparsed(
                first,
                text.lines().next().unwrap_or_default(),
                Why::Malformed,
            );
            out.passed(filled - 1);
            return;
        };
        let event = envelope(&message, Event::at(out.place(first, last)));
        let events = match reports::attached(&message, text.as_bytes(), &event) {
            Ok(Some(events)) => events,
            Ok(None) => {
                status::read(&message, &event).unwrap_or_else(|| older::read(&message, &event))
            }
            Err(why) => {
                out.unparsed(first, &event.text, Why::Malformed);
                out.passed(filled - 1);
                out.note(format!("the report in line {first} cannot be read: {why}"));
                return;
            }
        };
        if events.is_empty() {
            out.passed(filled);
            return;
        }
        self.reports += 1;
        for mut event in events {
            // The stamps of a message are those of its writer; the site's wall clock follows from its zone alone.
            event.local = event
                .time
                .zip(self.timezone.as_ref())
                .map(|(time, zone)| zone.to_datetime(time));
            out.event(&event);
        }
    }
}

/// What the message around a report tells of it: when it was written, for whom.
fn envelope(message: &Message<'_>, mut event: Event<'static>) -> Event<'static> {
    event.source = Some(Cow::Borrowed("bounce"));
    at(
        &mut event,
        message.date().map(mail_parser::DateTime::to_timestamp),
    );
    // A report goes to the sender of what was not delivered.
    let to = message
        .to()
        .and_then(|to| to.first())
        .and_then(|to| to.address());
    event.sender = to.map(|to| Cow::Owned(to.to_owned()));
    event.text = Cow::Owned(message.subject().unwrap_or_default().to_owned());
    original(message, &mut event);
    event
}

fn at(event: &mut Event<'_>, seconds: Option<i64>) {
    if let Some(time) = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        event.time = Some(time);
    }
}

/// The message that was not delivered, as far as the report quotes it: its id tells whether it was ours at all.
fn original(message: &Message<'_>, event: &mut Event<'static>) {
    for part in &message.parts {
        let quoted = part.message().is_some();
        let header = part.is_content_type("text", "rfc822-headers");
        if !quoted && !header {
            continue;
        }
        let inner = match part.message() {
            Some(inner) => Some(inner.clone()),
            None => MessageParser::new().parse_headers(part.contents()),
        };
        if let Some(inner) = inner {
            event.message_id = inner.message_id().map(|id| Cow::Owned(id.to_owned()));
            return;
        }
    }
}
