//! What became of a recipient: `to=<...>, relay=..., dsn=..., status=sent (250 ...)`.

use std::borrow::Cow;

use super::super::host::{Host, bracketed};
use crate::mail::events::{Direction, Event, What};

/// A delivery line, taken apart.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Delivery<'l> {
    recipient: &'l str,
    original: Option<&'l str>,
    relay: &'l str,
    dsn: &'l str,
    status: &'l str,
    reply: &'l str,
}

/// Reads what stands behind the queue id. `None` when it is no delivery.
pub(super) fn read(text: &str) -> Option<Delivery<'_>> {
    let (recipient, mut rest) = bracketed(text.strip_prefix("to=")?)?;
    let mut found = Delivery {
        recipient,
        ..Delivery::default()
    };
    loop {
        rest = rest.strip_prefix(", ")?;
        let (key, value) = rest.split_at(memchr::memchr(b'=', rest.as_bytes())?);
        let value = &value[1..];
        if key == "status" {
            let (status, reply) = value.split_once(' ').unwrap_or((value, ""));
            found.status = status.trim_end_matches(',');
            let reply = reply.trim();
            found.reply = reply
                .strip_prefix('(')
                .map_or(reply, |reply| reply.strip_suffix(')').unwrap_or(reply));
            return Some(found);
        }
        let end = if value.starts_with('<') {
            let (_, after) = bracketed(value)?;
            value.len() - after.len()
        } else {
            memchr::memchr(b',', value.as_bytes())?
        };
        match key {
            "orig_to" => found.original = bracketed(value).map(|(original, _)| original),
            "relay" => found.relay = &value[..end],
            "dsn" => found.dsn = &value[..end],
            _ => {}
        }
        rest = &value[end..];
    }
}

impl<'l> Delivery<'l> {
    /// Fills the event. `false` when the status is that of a probe or of nothing that happened.
    pub(super) fn fill(&self, local_service: bool, event: &mut Event<'l>) -> bool {
        let relay = (self.relay != "none")
            .then(|| Host::read(self.relay))
            .flatten();
        let named = relay.is_some_and(|relay| relay.address.is_some() || relay.name.contains('.'));
        // A socket of this machine: `mx1.acme.example[private/dovecot-lmtp]`.
        let socket = self.relay.contains("[private/") || self.relay.contains("[/");
        let local =
            local_service || socket || relay.is_some_and(|relay| relay.is_loopback() || !named);
        let answered =
            self.reply.contains(" said: ") || self.reply.contains("refused to talk to me");
        event.what = match (self.status, answered) {
            ("sent", _) => What::Delivered,
            ("deferred" | "bounced" | "expired", true) => What::Refused,
            ("deferred" | "bounced" | "expired", false) => What::DeliveryFailed,
            _ => return false,
        };
        event.direction = if local {
            Direction::Local
        } else {
            Direction::Outbound
        };
        let host = match relay {
            Some(host) if !local => Some(host),
            None => host_of(self.reply),
            _ => None,
        };
        if let Some(host) = host {
            event.remote = Some(Cow::Borrowed(host.name));
            event.address = host.address;
        }
        event.recipient = Some(Cow::Borrowed(self.recipient));
        event.original = self.original.map(Cow::Borrowed);
        event.status = self.dsn.parse().ok();
        event.reply = (!self.reply.is_empty()).then_some(Cow::Borrowed(self.reply));
        event.command = command(self.reply).map(Cow::Borrowed);
        if event.what == What::DeliveryFailed && !local {
            event.domain = domain_not_found(self.reply).map(Cow::Borrowed);
        }
        true
    }
}

/// The verb of `(in reply to RCPT TO command)`.
fn command(reply: &str) -> Option<&'static str> {
    let (_, tail) = reply.rsplit_once("(in reply to ")?;
    Some(match tail.split(' ').next()? {
        "RCPT" => "rcpt",
        "MAIL" => "mail",
        "DATA" => "data",
        "end" => "end of data",
        "EHLO" => "ehlo",
        "HELO" => "helo",
        "STARTTLS" => "starttls",
        "AUTH" => "auth",
        _ => return None,
    })
}

/// The host that is named in the reply where no relay is: `connect to mx.example.net[192.0.2.1]:25: ...`.
fn host_of(reply: &str) -> Option<Host<'_>> {
    let at = ["connect to ", "host ", "conversation with "]
        .iter()
        .find_map(|phrase| Some(reply.find(phrase)? + phrase.len()))?;
    let host = Host::read(reply[at..].split(' ').next()?)?;
    host.address.is_some().then_some(host)
}

/// The domain of `Host or domain name not found. Name service error for name=example.net type=MX`.
fn domain_not_found(reply: &str) -> Option<&str> {
    let (_, tail) = reply.split_once("for name=")?;
    tail.split([' ', ':', ','])
        .next()
        .filter(|name| !name.is_empty())
}
