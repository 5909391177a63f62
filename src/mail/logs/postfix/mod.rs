//! Postfix: the lines of its daemons in a mail log, joined by queue id.
//!
//! `smtpd` tells who brought a message, `qmgr` its sender, `smtp` and the other delivery agents what became of each recipient.
//! A message that a content filter gives back is the same message: it is known by its original queue id or its Message-ID.

mod client;
mod delivery;

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;

use super::host::{Host, bracketed};
use super::queue::{Key, Origin, Recent};
use super::syslog::{Clock, SyslogLine, split, stamps};
use crate::mail::events::{
    Direction, Event, Format, Head, LineReader, Open, Options, Out, Reader, What, Why, taken,
};

/// The format.
pub(in crate::mail) struct Postfix;

impl Format for Postfix {
    fn name(&self) -> &'static str {
        "postfix"
    }

    fn summary(&self) -> &'static str {
        "mail log of Postfix (syslog, with classic or RFC 3339 stamps)"
    }

    fn recognise(&self, head: &Head<'_>) -> u8 {
        let ours = |line: &str| split(line).is_some_and(|line| service(line.program).is_some());
        if head.text.lines().any(ours) { 95 } else { 0 }
    }

    fn span(&self, head: &Head<'_>, options: &Options) -> Option<(Timestamp, Timestamp)> {
        stamps(head, options)
    }

    fn reader(&self, options: &Options) -> Reader {
        Reader::Lines(Box::new(MailLog {
            clock: Clock::new(options),
            messages: Messages::default(),
        }))
    }
}

/// The daemon, when a program is one of Postfix's: `postfix/smtpd`, `postfix-out/submission/smtpd`.
fn service(program: &str) -> Option<&str> {
    let (name, service) = program.rsplit_once('/')?;
    name.starts_with("postfix").then_some(service)
}

struct MailLog {
    clock: Clock,
    messages: Messages,
}

/// The messages in the queue.
#[derive(Default)]
struct Messages {
    queue: Recent<Key, Origin>,
    /// Messages by the hash of their Message-ID.
    message_ids: Recent<u64, Key>,
    hasher: RandomState,
}

impl LineReader for MailLog {
    fn line(&mut self, number: u32, line: &str, out: &mut Out<'_>) {
        let Some(parts) = split(line) else {
            if !line.trim().is_empty() {
                out.unparsed(number, line, Why::Outside);
            }
            return;
        };
        let Some(service) = service(parts.program) else {
            out.stranger(parts.program);
            return;
        };
        let at = At {
            number,
            line,
            parts,
            service,
        };
        match self.read(&at, out) {
            Some(Read::Told) => {}
            Some(Read::Passed) => out.passed(1),
            None => out.unparsed(number, line, Why::Malformed),
        }
    }

    fn end(&mut self, out: &mut Out<'_>) {
        self.clock.end(out);
    }

    fn leave(&mut self) -> Option<Open> {
        Some(Box::new(std::mem::take(&mut self.messages)))
    }

    fn take_over(&mut self, open: Open) {
        self.messages = taken(open).unwrap_or_default();
    }
}

/// A line where it stands.
struct At<'l> {
    number: u32,
    line: &'l str,
    parts: SyslogLine<'l>,
    service: &'l str,
}

/// What a line was good for.
enum Read {
    /// An event.
    Told,
    /// Nothing by itself.
    Passed,
}

impl MailLog {
    fn read(&mut self, at: &At<'_>, out: &mut Out<'_>) -> Option<Read> {
        let text = at.parts.text;
        let Some((id, rest)) = queue_id(text) else {
            return self.without_queue(at, text, out);
        };
        let key = Key::new(id)?;
        if rest.starts_with("to=") {
            return self.delivery(at, id, key, rest, out);
        }
        if let Some(client) = rest.strip_prefix("client=") {
            return self.client(at, id, key, client, out);
        }
        if let Some(tail) = rest.strip_prefix("from=") {
            return self.active(at, id, key, tail, out);
        }
        if rest == "removed" {
            self.messages.queue.remove(key);
            return Some(Read::Passed);
        }
        if let Some(message_id) = rest.strip_prefix("message-id=") {
            self.cleanup(key, message_id);
            return Some(Read::Passed);
        }
        if rest.starts_with("uid=") {
            self.messages.queue.insert(
                key,
                Origin {
                    fresh: true,
                    ..Origin::default()
                },
            );
            return Some(Read::Passed);
        }
        if rest.starts_with("reject: ") || rest.starts_with("milter-reject: ") {
            let mut event = self.event(at, out);
            client::refused(rest, &mut event)?;
            event.queue = Some(Cow::Borrowed(id));
            if let Some(origin) = self.messages.queue.get(key) {
                event.account = origin.account.as_deref().map(Cow::Borrowed);
            }
            out.event(&event);
            return Some(Read::Told);
        }
        const KNOWN: &[&str] = &[
            "sender non-delivery notification:",
            "sender delay notification:",
            "sender delivery status notification:",
            "postmaster non-delivery notification:",
            "resent-message-id=",
            "warning: ",
            "replace: ",
            "prepend: ",
            "filter: ",
            "hold: ",
            "discard: ",
            "redirect: ",
            "info: ",
            "milter-hold: ",
            "milter-discard: ",
            "host ",
            "lost connection with ",
            "conversation with ",
            "enabling PIX workarounds",
            "breaking line ",
            "Cannot start TLS",
            "TLS is required",
            "skipped, still being delivered",
            "expired, returned to sender",
            "forced expiration",
            "reject_warning: ",
            "permit: ",
            "header ",
        ];
        KNOWN
            .iter()
            .any(|known| rest.starts_with(known))
            .then_some(Read::Passed)
    }

    /// A line that is about no message: connections, refusals, log-ins, the daemons themselves.
    fn without_queue(&mut self, at: &At<'_>, text: &str, out: &mut Out<'_>) -> Option<Read> {
        if let Some(rest) = text.strip_prefix("NOQUEUE: ") {
            if rest.starts_with("reject: ") || rest.starts_with("milter-reject: ") {
                let mut event = self.event(at, out);
                client::refused(rest, &mut event)?;
                out.event(&event);
                return Some(Read::Told);
            }
            // What a test setting would have done, and where a message was sent another way.
            return Some(Read::Passed);
        }
        if at.service == "smtpd" && text.starts_with("warning: ") && text.contains(": SASL ") {
            let mut event = self.event(at, out);
            if client::login_failed(text, &mut event).is_some() {
                out.event(&event);
                return Some(Read::Told);
            }
        }
        const KNOWN: &[&str] = &[
            "connect from ",
            "disconnect from ",
            "lost connection after ",
            "timeout after ",
            "Anonymous TLS connection established",
            "Trusted TLS connection established",
            "Untrusted TLS connection established",
            "Verified TLS connection established",
            "setting up TLS connection",
            "SSL_accept error",
            "SSL_connect error",
            "SSL_accept:",
            "TLS SNI ",
            "initializing the ",
            "improper command pipelining",
            "too many errors after ",
            "concurrency limit exceeded",
            "warning: ",
            "fatal: ",
            "error: ",
            "panic: ",
            "statistics: ",
            "connect to ",
            "host ",
            "CONNECT from ",
            "DISCONNECT ",
            "discarding EHLO keywords",
            "PASS ",
            "PREGREET ",
            "DNSBL rank ",
            "HANGUP ",
            "WHITELIST",
            "BLACKLIST",
            "ALLOWLIST",
            "DENYLIST",
            "COMMAND ",
            "NON-SMTP COMMAND ",
            "BARE NEWLINE ",
            "NOQUEUE:",
            "cache ",
            "close database ",
            "addr ",
            "daemon started",
            "reload",
            "terminating on signal",
            "starting the Postfix",
            "stopping the Postfix",
            "refreshing the Postfix",
            "table ",
            "using backwards-compatible",
            "To disable backwards",
            "See http",
            "certificate verification failed",
            "Host offered STARTTLS",
            "proxy-accept: ",
            "proxy-reject: ",
            "verify ",
            "mapping DNS",
            "Postfix is ",
        ];
        let own = matches!(
            at.service,
            "master" | "postfix-script" | "postlog" | "postmap" | "postsuper"
        );
        (own || KNOWN.iter().any(|known| text.starts_with(known))).then_some(Read::Passed)
    }

    /// `client=name[ip], sasl_method=PLAIN, sasl_username=user`.
    fn client(
        &mut self,
        at: &At<'_>,
        id: &str,
        key: Key,
        text: &str,
        out: &mut Out<'_>,
    ) -> Option<Read> {
        let mut fields = text.split(", ");
        let host = Host::read(fields.next()?)?;
        let (mut account, mut method, mut before) = (None, None, None);
        for field in fields {
            match field.split_once('=') {
                Some(("sasl_username", value)) => account = Some(value),
                Some(("sasl_method", value)) => method = Some(value),
                Some(("orig_queue_id", value)) => before = Some(value),
                _ => {}
            }
        }
        // A content filter gives it back: who brought it first counts.
        let returned = before
            .and_then(Key::new)
            .and_then(|before| self.messages.queue.get(before).cloned());
        if let Some(returned) = returned {
            self.messages.queue.insert(
                key,
                Origin {
                    told: true,
                    ..returned
                },
            );
            return Some(Read::Passed);
        }
        let origin = Origin {
            client: Some(host.name.into()),
            client_address: host.address,
            account: account.map(Box::from),
            auth_method: method.map(Box::from),
            fresh: true,
            ..Origin::default()
        };
        self.messages.queue.insert(key, origin);
        let Some(account) = account else {
            return Some(Read::Passed);
        };
        let mut event = self.event(at, out);
        event.what = What::Authenticated;
        event.direction = Direction::Inbound;
        event.queue = Some(Cow::Borrowed(id));
        event.remote = Some(Cow::Borrowed(host.name));
        event.address = host.address;
        event.account = Some(Cow::Borrowed(account));
        event.auth_method = method.map(Cow::Borrowed);
        out.event(&event);
        Some(Read::Told)
    }

    /// `message-id=<...>`: every message passes here once.
    fn cleanup(&mut self, key: Key, message_id: &str) {
        let message_id = message_id.trim_matches(['<', '>']);
        let hash = self.messages.hasher.hash_one(message_id);
        let loopback = |origin: &Origin| origin.client_address.is_some_and(|a| a.is_loopback());
        let from_filter = self
            .messages
            .queue
            .get(key)
            .is_some_and(|origin| loopback(origin));
        if from_filter
            && !message_id.is_empty()
            && let Some(before) = self
                .messages
                .message_ids
                .get(hash)
                .copied()
                .filter(|before| *before != key)
            && let Some(returned) = self.messages.queue.get(before).cloned()
        {
            self.messages.queue.insert(
                key,
                Origin {
                    told: true,
                    ..returned
                },
            );
            return;
        }
        match self.messages.queue.get(key) {
            Some(origin) => origin.message_id = Some(message_id.into()),
            None => self.messages.queue.insert(
                key,
                Origin {
                    message_id: Some(message_id.into()),
                    fresh: true,
                    ..Origin::default()
                },
            ),
        }
        if !message_id.is_empty() {
            self.messages.message_ids.insert(hash, key);
        }
    }

    /// `from=<sender>, size=1, nrcpt=1 (queue active)`.
    fn active(
        &mut self,
        at: &At<'_>,
        id: &str,
        key: Key,
        text: &str,
        out: &mut Out<'_>,
    ) -> Option<Read> {
        let (sender, rest) = bracketed(text)?;
        if self.messages.queue.get(key).is_none() {
            self.messages.queue.insert(key, Origin::default());
        }
        let (time, local) = self.clock.read(at.parts.stamp);
        let origin = self.messages.queue.get(key)?;
        if origin.sender.as_deref() != Some(sender) {
            origin.sender = Some(sender.into());
        }
        let size = rest
            .strip_prefix(", size=")
            .and_then(|rest| rest.split(',').next()?.parse().ok());
        origin.size = size.or(origin.size);
        let first = origin.fresh && !std::mem::replace(&mut origin.told, true);
        if !first || size.is_none() {
            return Some(Read::Passed);
        }
        let mut event = Event {
            time,
            local,
            ..line_event(at, out)
        };
        event.what = What::Received;
        event.queue = Some(Cow::Borrowed(id));
        origin.arrive(&mut event);
        let within = event.address.is_none_or(|address| address.is_loopback());
        event.direction = if within {
            Direction::Local
        } else {
            Direction::Inbound
        };
        out.event(&event);
        Some(Read::Told)
    }

    fn delivery(
        &mut self,
        at: &At<'_>,
        id: &str,
        key: Key,
        text: &str,
        out: &mut Out<'_>,
    ) -> Option<Read> {
        let delivery = delivery::read(text)?;
        let local = matches!(at.service, "local" | "virtual" | "pipe" | "discard");
        let mut event = self.event(at, out);
        event.queue = Some(Cow::Borrowed(id));
        if !delivery.fill(local, &mut event) {
            return Some(Read::Passed);
        }
        if let Some(origin) = self.messages.queue.get(key) {
            origin.complete(&mut event);
        }
        out.event(&event);
        Some(Read::Told)
    }

    fn event<'l>(&mut self, at: &At<'l>, out: &Out<'_>) -> Event<'l> {
        let (time, local) = self.clock.read(at.parts.stamp);
        Event {
            time,
            local,
            ..line_event(at, out)
        }
    }
}

fn line_event<'l>(at: &At<'l>, out: &Out<'_>) -> Event<'l> {
    Event {
        source: Some(Cow::Borrowed(at.parts.program)),
        computer: Some(Cow::Borrowed(at.parts.host)),
        text: Cow::Borrowed(at.line),
        ..Event::at(out.place(at.number, at.number))
    }
}

/// `4C2B1F0A:` or `4XyZ12345Z:` in front of a text, and what follows it.
fn queue_id(text: &str) -> Option<(&str, &str)> {
    let head = &text.as_bytes()[..text.len().min(25)];
    let end = memchr::memchr(b':', head)?;
    let id = &text[..end];
    let fits = (5..=24).contains(&end) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let rest = text[end + 1..].strip_prefix(' ')?;
    // The daemons' own words look like ids too.
    let word = matches!(
        id,
        "warning" | "fatal" | "error" | "panic" | "statistics" | "NOQUEUE"
    );
    (fits && !word).then_some((id, rest))
}
