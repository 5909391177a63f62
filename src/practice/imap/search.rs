//! SEARCH (RFC 3501 section 6.4.4): the keys that look at flags, headers and text.

use super::fetch::{header_of, text_of};
use super::parse::{Word, in_set, is_set};
use crate::practice::mailbox::Message;

/// The sequence numbers (from 1) of the messages that match all keys; `Err` names a key that is not known.
pub(super) fn search(messages: &[Message], keys: &[Word]) -> Result<Vec<usize>, String> {
    let mut found = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let mut rest = keys;
        let mut matches = true;
        while !rest.is_empty() {
            let (holds, after) = key(messages, place, message, rest)?;
            matches &= holds;
            rest = after;
        }
        if matches {
            found.push(place + 1);
        }
    }
    Ok(found)
}

fn key<'a>(
    messages: &[Message],
    place: usize,
    message: &Message,
    keys: &'a [Word],
) -> Result<(bool, &'a [Word]), String> {
    let Some((first, rest)) = keys.split_first() else {
        return Ok((true, keys));
    };
    let name = first.content().to_ascii_uppercase();
    let argument = |at: usize| {
        rest.get(at)
            .map(Word::content)
            .ok_or_else(|| format!("{name} lacks its argument"))
    };
    let sequence = u32::try_from(place + 1).unwrap_or(u32::MAX);
    let count = u32::try_from(messages.len()).unwrap_or(u32::MAX);
    let last_uid = messages.last().map_or(0, |last| last.uid);
    Ok(match name.as_str() {
        "ALL" | "UNDELETED" | "UNANSWERED" | "UNFLAGGED" | "UNDRAFT" | "NEW" | "RECENT" => {
            (true, rest)
        }
        "DELETED" | "ANSWERED" | "FLAGGED" | "DRAFT" | "OLD" => (false, rest),
        "SEEN" => (message.seen, rest),
        "UNSEEN" => (!message.seen, rest),
        "HEADER" => (
            header_holds(message, argument(0)?, argument(1)?),
            &rest[2..],
        ),
        "SUBJECT" | "FROM" | "TO" | "CC" => {
            (header_holds(message, &name, argument(0)?), &rest[1..])
        }
        "BODY" => (holds(&text_of(&message.bytes), argument(0)?), &rest[1..]),
        "TEXT" => (holds(&message.bytes, argument(0)?), &rest[1..]),
        // Practice mail is minutes old: every message is since any date and before none.
        "SINCE" | "SENTSINCE" => (argument(0).map(|_| true)?, &rest[1..]),
        "BEFORE" | "SENTBEFORE" => (argument(0).map(|_| false)?, &rest[1..]),
        "CHARSET" => (argument(0).map(|_| true)?, &rest[1..]),
        "UID" => (in_set(argument(0)?, message.uid, last_uid), &rest[1..]),
        "NOT" => {
            let (holds, after) = key(messages, place, message, rest)?;
            (!holds, after)
        }
        "OR" => {
            let (left, after) = key(messages, place, message, rest)?;
            let (right, after) = key(messages, place, message, after)?;
            (left || right, after)
        }
        set if is_set(set) => (in_set(set, sequence, count), rest),
        _ => return Err(format!("search key {name} is not known")),
    })
}

/// Whether a header field of this name holds `wanted`; an empty string asks for the field alone.
fn header_holds(message: &Message, field: &str, wanted: &str) -> bool {
    let header = String::from_utf8_lossy(&header_of(&message.bytes))
        .replace("\r\n ", " ")
        .replace("\r\n\t", " ");
    header.lines().any(|line| match line.split_once(':') {
        Some((name, value)) => name.eq_ignore_ascii_case(field) && holds(value.as_bytes(), wanted),
        None => false,
    })
}

fn holds(bytes: &[u8], wanted: &str) -> bool {
    String::from_utf8_lossy(bytes)
        .to_lowercase()
        .contains(&wanted.to_lowercase())
}
