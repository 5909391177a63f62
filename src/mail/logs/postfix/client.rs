//! What clients did: refused commands and log-ins that failed, by smtpd and postscreen.

use std::borrow::Cow;

use super::super::host::{Host, bracketed};
use crate::mail::events::{Direction, Event, What};

/// `reject: RCPT from name[ip]: 554 5.7.1 ...; from=<a> to=<b> proto=ESMTP helo=<c>`, with any queue id taken off.
pub(super) fn refused<'l>(text: &'l str, event: &mut Event<'l>) -> Option<()> {
    let rest = text
        .strip_prefix("reject: ")
        .or_else(|| text.strip_prefix("milter-reject: "))?;
    let (verb, rest) = rest.split_once(" from ")?;
    let (host, rest) = rest.split_once(": ")?;
    let host = Host::read(host)?;
    event.what = What::RefusedClient;
    event.direction = Direction::Inbound;
    event.remote = Some(Cow::Borrowed(host.name));
    event.address = host.address;
    event.command = Some(verb_of(verb));
    // The last one: a reply may hold the word itself.
    let (reply, envelope) = match rest.rfind("; from=<") {
        Some(at) => (&rest[..at], &rest[at + 2..]),
        None => match rest.rfind("; proto=") {
            Some(at) => (&rest[..at], &rest[at + 2..]),
            None => (rest, ""),
        },
    };
    event.reply = Some(Cow::Borrowed(reply));
    let field = |name: &str| {
        let at = envelope.find(name)?;
        bracketed(&envelope[at + name.len()..]).map(|(value, _)| Cow::Borrowed(value))
    };
    event.sender = field("from=");
    event.recipient = field("to=");
    event.helo = field("helo=");
    Some(())
}

/// `warning: name[ip]: SASL LOGIN authentication failed: reason, sasl_username=user`.
pub(super) fn login_failed<'l>(text: &'l str, event: &mut Event<'l>) -> Option<()> {
    let rest = text.strip_prefix("warning: ")?;
    let (host, rest) = rest.split_once(": SASL ")?;
    let (method, reason) = rest.split_once(" authentication failed")?;
    let host = Host::read(host)?;
    event.what = What::AuthFailed;
    event.direction = Direction::Inbound;
    event.remote = Some(Cow::Borrowed(host.name));
    event.address = host.address;
    event.auth_method = Some(Cow::Borrowed(method));
    event.account = reason
        .split_once("sasl_username=")
        .map(|(_, account)| Cow::Borrowed(account.trim()))
        .filter(|account| !account.is_empty());
    Some(())
}

fn verb_of(verb: &str) -> Cow<'_, str> {
    match verb {
        "RCPT" => Cow::Borrowed("rcpt"),
        "MAIL" => Cow::Borrowed("mail"),
        "CONNECT" => Cow::Borrowed("connect"),
        "EHLO" => Cow::Borrowed("ehlo"),
        "HELO" => Cow::Borrowed("helo"),
        "DATA" => Cow::Borrowed("data"),
        "END-OF-MESSAGE" | "BDAT" => Cow::Borrowed("end of data"),
        verb => Cow::Owned(verb.to_ascii_lowercase()),
    }
}
