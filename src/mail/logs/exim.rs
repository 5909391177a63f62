//! Exim: mainlog and rejectlog.
//!
//! Arrivals `<=`, deliveries `=>` `->` `>>`, failures `**`, delays `==`, joined by message id. The rejectlog repeats the
//! refusals of the mainlog with the header lines of the message. Both may be given at once: who counts leaves out what
//! another file has told ([`Duplicates`](crate::mail::events::Duplicates)).

mod fields;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::host::bracketed;
use super::queue::{Key, Origin, Recent};
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Open, Options, Out, Reader, What, Why, Zone,
    span_of, taken,
};
use fields::*;

/// The format.
pub(in crate::mail) struct Exim;

impl Format for Exim {
    fn name(&self) -> &'static str {
        "exim"
    }

    fn summary(&self) -> &'static str {
        "mainlog or rejectlog of Exim"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours = |line: &str| {
            stamp(line).is_some_and(|(_, _, rest)| {
                message_id(rest).is_some()
                    || KNOWN.iter().any(|known| rest.starts_with(known))
                    || rest.contains(" rejected ")
            })
        };
        if head.text.lines().any(ours) { 85 } else { 0 }
    }

    fn span(&self, head: &Head<'_>, options: &Options) -> Option<(Timestamp, Timestamp)> {
        span_of(head.text.lines().filter_map(|line| {
            let (local, offset, _) = stamp(line)?;
            moment(local, offset, options.timezone.as_ref())
        }))
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(MainLog {
            zone: options.timezone.clone(),
            queue: Recent::default(),
            stated: false,
            wall: false,
            header: false,
        }))
    }
}

/// Lines without a message id that tell nothing that is looked for.
const KNOWN: &[&str] = &[
    "Start queue run",
    "End queue run",
    "exim ",
    "SMTP connection ",
    "SMTP protocol ",
    "SMTP command ",
    "SMTP data timeout",
    "SMTP call ",
    "no host name found",
    "no IP address found",
    "TLS error",
    "TLS client disconnected",
    "unexpected disconnection",
    "Connection from ",
    "refused connection",
    "H=",
    "Warning: ",
    "daemon: ",
    "cwd=",
    "ident connection",
    "sender verify ",
    "host name alias",
    "too many connections",
    "no MAIL in SMTP connection",
];

struct MainLog {
    zone: Option<TimeZone>,
    queue: Recent<Key, Origin>,
    stated: bool,
    wall: bool,
    /// Within the header lines that a rejectlog quotes.
    header: bool,
}

struct At<'l> {
    number: u32,
    line: &'l str,
    local: DateTime,
    offset: Option<Offset>,
}

impl LineReader for MainLog {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        let Some((local, offset, rest)) = stamp(line) else {
            // A rejectlog quotes the header of the message below its line and closes it with a rule.
            let quoted =
                self.header || line.starts_with("Envelope-from:") || line.starts_with("----");
            self.header = quoted && !line.starts_with("----");
            if line.trim().is_empty() {
                return;
            }
            if quoted {
                out.passed(1);
            } else {
                out.unparsed(number, line, Why::Outside);
            }
            return;
        };
        self.header = false;
        let at = At {
            number,
            line,
            local,
            offset,
        };
        let told = self.read(&at, rest, out);
        out.settle(number, line, told);
    }

    fn leave(&mut self) -> Option<Open> {
        Some(Box::new(std::mem::take(&mut self.queue)))
    }

    fn take_over(&mut self, open: Open) {
        self.queue = taken(open).unwrap_or_default();
    }

    fn end(&mut self, out: &mut Out<'_>) {
        match (self.wall, &self.zone) {
            (false, _) if self.stated => out.zone(Zone::Stated),
            (_, Some(_)) => out.zone(Zone::Given),
            (true, None) => {
                out.note("the time zone of the log is not known; its times are taken as they stand")
            }
            (false, None) => {}
        }
    }
}

impl MainLog {
    /// `Some(true)` for an event, `Some(false)` for nothing that is looked for.
    fn read(&mut self, at: &At<'_>, rest: &str, out: &mut Out<'_>) -> Option<bool> {
        // The process id, where it is logged.
        let rest = match rest.strip_prefix('[') {
            Some(pid) if pid.as_bytes().first().is_some_and(u8::is_ascii_digit) => {
                pid.split_once("] ").map_or(rest, |(_, rest)| rest)
            }
            _ => rest,
        };
        let Some((id, tail)) = message_id(rest) else {
            return self.without_message(at, rest, out);
        };
        let key = Key::new(id)?;
        let (op, tail) = tail.split_once(' ').unwrap_or((tail, ""));
        match op {
            "<=" => self.arrival(at, id, key, tail, out),
            "=>" | "->" | ">>" => self.delivery(at, id, key, tail, What::Delivered, out),
            "**" | "==" => self.delivery(at, id, key, tail, What::DeliveryFailed, out),
            "*>" => Some(false),
            "Completed" => {
                self.queue.remove(key);
                Some(false)
            }
            // Remarks about a message: retries, frozen, unfrozen, errors of a host that is tried.
            _ => {
                if rest.contains(" rejected ") {
                    return self.without_message(at, tail_after(rest, id), out);
                }
                Some(false)
            }
        }
    }

    fn arrival(
        &mut self,
        at: &At<'_>,
        id: &str,
        key: Key,
        tail: &str,
        out: &mut Out<'_>,
    ) -> Option<bool> {
        let (sender, fields) = tail.split_once(' ').unwrap_or((tail, ""));
        let sender = if sender == "<>" { "" } else { sender };
        let host = host_of(fields);
        let (account, method) = login_of(fields);
        let protocol = field(fields, "P=");
        let user = field(fields, "U=").filter(|_| protocol == Some("local"));
        let origin = Origin {
            client: host.map(|host| host.name.into()),
            client_address: host.and_then(|host| host.address),
            helo: helo_of(fields).map(Box::from),
            account: account.or(user).map(Box::from),
            auth_method: method.map(Box::from),
            sender: Some(sender.into()),
            message_id: field(fields, "id=").map(Box::from),
            size: field(fields, "S=").and_then(|size| size.parse().ok()),
            fresh: true,
            told: true,
        };
        self.queue.insert(key, origin);
        let mut event = self.event(at, out);
        event.what = What::Received;
        event.direction = match host.is_some_and(|host| !host.is_loopback()) {
            true => Direction::Inbound,
            false => Direction::Local,
        };
        event.queue = Some(Cow::Borrowed(id));
        self.queue.get(key)?.arrive(&mut event);
        out.event(&event);
        Some(true)
    }

    fn delivery(
        &mut self,
        at: &At<'_>,
        id: &str,
        key: Key,
        tail: &str,
        what: What,
        out: &mut Out<'_>,
    ) -> Option<bool> {
        let mut event = self.event(at, out);
        event.queue = Some(Cow::Borrowed(id));
        event.what = what;
        let (recipient, fields) = recipient_of(tail)?;
        event.recipient = Some(Cow::Borrowed(recipient));
        // An alias or a forwarding names the address it began with.
        let led_on = tail.split_once(" <").map(|(first, _)| first) == Some(recipient);
        let original = bracketed(fields).filter(|_| led_on);
        event.original = original.map(|(original, _)| Cow::Borrowed(original));
        let host = host_of(fields);
        let transport = field(fields, "T=").unwrap_or_default();
        let remote = host.is_some_and(|host| !host.is_loopback());
        let failed = what == What::DeliveryFailed;
        // A failure without a host is ours to deliver only where a local transport is named.
        let local =
            !remote && (!failed || transport.contains("local") || transport.contains("lmtp"));
        event.direction = if local {
            Direction::Local
        } else {
            Direction::Outbound
        };
        if remote {
            event.remote = host.map(|host| Cow::Borrowed(host.name));
            event.address = host.and_then(|host| host.address);
        }
        if failed {
            let text = reason(fields);
            if let Some(at) = text.find("SMTP error from remote ") {
                event.what = What::Refused;
                event.reply = Some(Cow::Borrowed(&text[at..]));
                event.command = command(&text[at..]).map(Cow::Borrowed);
            } else {
                event.reply = (!text.is_empty()).then_some(Cow::Borrowed(text));
            }
        } else {
            event.reply = quoted(fields, "C=\"").map(Cow::Borrowed);
        }
        event.sender = field(fields, "F=")
            .and_then(bracketed)
            .map(|(sender, _)| Cow::Borrowed(sender));
        if let Some(origin) = self.queue.get(key) {
            origin.complete(&mut event);
        }
        out.event(&event);
        Some(true)
    }

    fn without_message(&mut self, at: &At<'_>, rest: &str, out: &mut Out<'_>) -> Option<bool> {
        let mut event = self.event(at, out);
        event.direction = Direction::Inbound;
        if let Some((front, refusal)) = rest.split_once("rejected ")
            && front.contains("H=")
        {
            let host = host_of(front)?;
            event.what = What::RefusedClient;
            event.remote = Some(Cow::Borrowed(host.name));
            event.address = host.address;
            event.helo = helo_of(front).map(Cow::Borrowed);
            event.sender = field(front, "F=")
                .and_then(bracketed)
                .map(|(sender, _)| Cow::Borrowed(sender));
            event.account = login_of(front).0.map(Cow::Borrowed);
            let (verb, reason) = match refusal.split_once(": ") {
                Some((head, reason)) => (head.split(' ').next().unwrap_or_default(), reason),
                None => (refusal.split(' ').next().unwrap_or_default(), refusal),
            };
            if let Some(at) = refusal.find('<') {
                event.recipient = bracketed(&refusal[at..])
                    .filter(|_| verb == "RCPT")
                    .map(|(recipient, _)| Cow::Borrowed(recipient));
            }
            event.command = Some(Cow::Owned(verb.to_ascii_lowercase()));
            event.reply = Some(Cow::Borrowed(reason));
            out.event(&event);
            return Some(true);
        }
        if let Some((driver, tail)) = rest.split_once(" authenticator failed for ") {
            let host = host_of_client(tail)?;
            event.what = What::AuthFailed;
            event.remote = Some(Cow::Borrowed(host.name));
            event.address = host.address;
            event.auth_method = Some(Cow::Borrowed(driver));
            event.account = quoted_in(tail, "set_id=").map(Cow::Borrowed);
            out.event(&event);
            return Some(true);
        }
        KNOWN
            .iter()
            .any(|known| rest.starts_with(known))
            .then_some(false)
    }

    fn event<'l>(&mut self, at: &At<'l>, out: &Out<'_>) -> Event<'l> {
        match at.offset {
            Some(_) => self.stated = true,
            None => self.wall = true,
        }
        Event {
            time: moment(at.local, at.offset, self.zone.as_ref()),
            // A stamp in UTC says nothing of the site's wall clock.
            local: (at.offset != Some(Offset::UTC)).then_some(at.local),
            source: Some(Cow::Borrowed("exim")),
            text: Cow::Borrowed(at.line),
            ..Event::at(out.place(at.number, at.number))
        }
    }
}

/// A wall clock in its own zone, or in the given one where the line names none.
fn moment(local: DateTime, offset: Option<Offset>, zone: Option<&TimeZone>) -> Option<Timestamp> {
    let zone = offset.map(TimeZone::fixed).or_else(|| zone.cloned());
    let zone = zone.unwrap_or(TimeZone::UTC);
    let zoned = local.to_zoned_datetime(zone).ok()?;
    Some(zoned.timestamp())
}
