//! Reports as Exchange wrote them in plain text, for readers and not for programs: 5.5 with its hexadecimal codes, 2000 and
//! 2003 with `<server #5.1.1>`, 2007 and later with `#550 5.1.1 ...##`.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::Message;
use regex::Regex;

use crate::mail::events::{Direction, Event, What, normalize_address};

/// Codes of Exchange 5.5 and the status that a later version would have given.
const CODES: &[(&str, &str)] = &[
    ("000C05A6", "5.1.1"),
    ("000C0595", "5.1.4"),
    ("000B09AA", "5.7.1"),
    ("00010256", "5.5.3"),
    ("00120270", "5.4.6"),
    ("000D06B5", "5.1.0"),
    ("00050311", "5.6.0"),
    ("000502CC", "5.6.0"),
];

static ADDRESS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[^\s<>'\x22:;(]+@[\w.-]+\.\w+").ok());
static TAGGED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^\s*<(?P<host>[\w.-]+) #(?P<status>[245]\.\d{1,3}\.\d{1,3})(?P<reply>[^\r\n]*?)>?\s*$",
    )
    .ok()
});
static MODERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"#(?:<\s*)?(?P<reply>[45]\d\d[ -](?P<status>[45]\.\d{1,3}\.\d{1,3})[^\r\n]*?)\s*##")
        .ok()
});
static CODED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"MSEXCH:\S.*\((?P<code>[0-9A-F]{8})\)\s*(?P<reply>[^\r\n]*)").ok()
});

/// The recipients of the report; none when the message is no report.
pub(super) fn read(message: &Message<'_>, about: &Event<'static>) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    let Some(text) = message.body_text(0) else {
        return events;
    };
    let mut recipient: Option<String> = None;
    for line in text.lines() {
        if let Some(mut event) = verdict(line, about) {
            event.what = What::Ndr;
            event.direction = Direction::Outbound;
            event.recipient = recipient.take().map(Cow::Owned);
            events.push(event);
            continue;
        }
        let found = ADDRESS.as_ref().and_then(|address| address.find(line));
        if let Some(found) = found {
            recipient = normalize_address(found.as_str());
        }
    }
    events
}

/// What a line of the report says about the recipient above it.
fn verdict(line: &str, about: &Event<'static>) -> Option<Event<'static>> {
    let mut event = about.clone();
    let own = |text: &str| Some(Cow::Owned(text.trim().to_owned()));
    if let Some(found) = TAGGED.as_ref().and_then(|tagged| tagged.captures(line)) {
        event.computer = own(&found["host"]);
        event.status = found["status"].parse().ok();
        let reply = found["reply"].trim();
        let reply = reply.strip_prefix("smtp;").unwrap_or(reply).trim();
        event.reply = own(reply).filter(|reply| !reply.is_empty());
    } else if let Some(found) = MODERN.as_ref().and_then(|modern| modern.captures(line)) {
        event.status = found["status"].parse().ok();
        event.reply = own(&found["reply"]);
    } else {
        let found = CODED.as_ref().and_then(|coded| coded.captures(line))?;
        let status = CODES.iter().find(|(code, _)| *code == &found["code"]);
        event.status = status.and_then(|(_, status)| status.parse().ok());
        event.reply = own(&found["reply"]);
    }
    Some(event)
}
