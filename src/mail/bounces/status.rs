//! Delivery status notifications (RFC 3464): one event a recipient.

use std::borrow::Cow;

use mail_parser::{DateTime, Message, MimeHeaders};

use super::at;
use super::notice::{Fate, Notice};
use crate::mail::events::{Direction, Event, What, normalize_address};

/// The fields of a group, names in lower case.
type Fields = Vec<(String, String)>;

/// The recipients of the report. `None` when the message is none.
pub(super) fn read(message: &Message<'_>, about: &Event<'static>) -> Option<Vec<Event<'static>>> {
    let (whole, recipients) = groups(message)?;
    Some(
        recipients
            .iter()
            .filter_map(|group| recipient(&whole, group, about))
            .collect(),
    )
}

/// What the report says, in short: one notice a recipient. `None` when the message is none.
pub(super) fn notices(message: &Message<'_>) -> Option<Vec<Notice>> {
    let (whole, recipients) = groups(message)?;
    let own = |text: &str| typed(text).to_owned();
    let notice = |group: &Fields| {
        let diagnosis = value(group, "diagnostic-code");
        let kind = diagnosis.and_then(|text| text.split_once(';'));
        Some(Notice {
            fate: match value(group, "action")?.to_ascii_lowercase().as_str() {
                "failed" => Fate::Failed,
                "delayed" => Fate::Delayed,
                _ => Fate::Passed,
            },
            recipient: value(group, "final-recipient").and_then(normalize_address),
            reporter: value(&whole, "reporting-mta").map(own),
            remote: value(group, "remote-mta").map(own),
            status: value(group, "status").map(str::to_owned),
            reply: diagnosis.map(own),
            by_smtp: kind.is_some_and(|(kind, _)| kind.trim().eq_ignore_ascii_case("smtp")),
        })
    };
    Some(recipients.iter().filter_map(notice).collect())
}

/// The fields about the whole message, and those about each recipient.
fn groups(message: &Message<'_>) -> Option<(Fields, Vec<Fields>)> {
    let part = message.parts.iter().find(|part| {
        part.is_content_type("message", "delivery-status")
            || part.is_content_type("message", "global-delivery-status")
    })?;
    let text = String::from_utf8_lossy(part.contents()).replace('\r', "");
    let mut groups = text
        .split("\n\n")
        .map(fields)
        .filter(|group| !group.is_empty());
    Some((groups.next()?, groups.collect()))
}

fn recipient(
    whole: &[(String, String)],
    group: &[(String, String)],
    about: &Event<'static>,
) -> Option<Event<'static>> {
    let mut event = about.clone();
    let own = |text: &str| Some(Cow::Owned(text.to_owned()));
    event.what = match value(group, "action")?.to_ascii_lowercase().as_str() {
        "failed" => What::Ndr,
        "delayed" => What::DeliveryFailed,
        _ => What::Other,
    };
    event.direction = Direction::Outbound;
    event.kind = value(group, "action").and_then(own);
    let address = value(group, "final-recipient").or(value(group, "original-recipient"))?;
    event.recipient = normalize_address(address).map(Cow::Owned);
    event.status = value(group, "status")
        .and_then(|status| status.split(' ').next())
        .and_then(|status| status.parse().ok());
    event.reply = value(group, "diagnostic-code").and_then(|code| own(typed(code)));
    event.remote = value(group, "remote-mta").and_then(|host| own(typed(host)));
    event.computer = value(whole, "reporting-mta").and_then(|host| own(typed(host)));
    event.queue = value(group, "final-log-id")
        .or(value(whole, "original-envelope-id"))
        .and_then(own);
    let moment = value(group, "last-attempt-date").or(value(whole, "arrival-date"));
    at(
        &mut event,
        moment
            .and_then(DateTime::parse_rfc822)
            .map(|moment| moment.to_timestamp()),
    );
    Some(event)
}

/// The fields of a group, names in lower case, folded lines joined.
fn fields(group: &str) -> Fields {
    let mut out = Fields::new();
    for line in group.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = out.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            out.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    out
}

fn value<'g>(group: &'g [(String, String)], name: &str) -> Option<&'g str> {
    group
        .iter()
        .find(|(known, value)| known == name && !value.is_empty())
        .map(|(_, value)| value.as_str())
}

/// `smtp; 550 no` and `dns; mx.example.org` without the type in front.
fn typed(text: &str) -> &str {
    let (kind, rest) = text.split_once(';').unwrap_or(("", text));
    let plain = kind.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if plain { rest.trim() } else { text }
}
