//! The parts of a line: stamp, message id, hosts, log-ins, recipients, reasons.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::super::host::{Host, bracketed};

/// `2024-05-05 10:20:30.123 +0200 ` in front of a line.
pub(super) fn stamp(line: &str) -> Option<(DateTime, Option<Offset>, &str)> {
    let bytes = line.as_bytes();
    if bytes.len() < 21
        || bytes[4] != b'-'
        || bytes[7] != b'-'
        || bytes[10] != b' '
        || bytes[13] != b':'
    {
        return None;
    }
    let number = |from: usize, to: usize| line.get(from..to)?.parse::<i8>().ok();
    let year: i16 = line.get(..4)?.parse().ok()?;
    let local = DateTime::new(
        year,
        number(5, 7)?,
        number(8, 10)?,
        number(11, 13)?,
        number(14, 16)?,
        number(17, 19)?.min(59),
        0,
    )
    .ok()?;
    let mut rest = line.get(19..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    rest = rest.strip_prefix(' ')?;
    let zone = rest.get(..6).filter(|zone| {
        matches!(zone.as_bytes()[0], b'+' | b'-')
            && zone.as_bytes()[5] == b' '
            && zone[1..5].bytes().all(|b| b.is_ascii_digit())
    });
    let Some(zone) = zone else {
        return Some((local, None, rest));
    };
    let (hours, minutes): (i32, i32) = (zone[1..3].parse().ok()?, zone[3..5].parse().ok()?);
    let seconds = (hours * 60 + minutes) * 60 * if zone.starts_with('-') { -1 } else { 1 };
    Some((local, Offset::from_seconds(seconds).ok(), &rest[6..]))
}

/// A message id of 16 characters (6-6-2) or, since 4.97, 23 (6-11-4), and what follows.
pub(super) fn message_id(rest: &str) -> Option<(&str, &str)> {
    let (id, tail) = rest.split_once(' ')?;
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    let fits = parts == [6, 6, 2] || parts == [6, 11, 4];
    (fits && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).then_some((id, tail))
}

pub(super) fn tail_after<'l>(rest: &'l str, id: &str) -> &'l str {
    rest.get(id.len() + 1..).unwrap_or_default()
}

/// The value of ` K=value`, up to the next blank.
pub(super) fn field<'l>(text: &'l str, key: &str) -> Option<&'l str> {
    let at = position(text, key)?;
    let value = &text[at + key.len()..];
    value
        .split(' ')
        .next()
        .map(|v| v.trim_end_matches(':'))
        .filter(|value| !value.is_empty())
}

/// Where a key stands as a word of its own.
pub(super) fn position(text: &str, key: &str) -> Option<usize> {
    if text.starts_with(key) {
        return Some(0);
    }
    text.match_indices(key)
        .find(|(at, _)| text.as_bytes().get(at.wrapping_sub(1)) == Some(&b' '))
        .map(|(at, _)| at)
}

pub(super) fn quoted<'l>(text: &'l str, key: &str) -> Option<&'l str> {
    let at = position(text, key)?;
    let rest = &text[at + key.len()..];
    Some(&rest[..rest.find('"').unwrap_or(rest.len())])
}

/// `(set_id=user)`.
pub(super) fn quoted_in<'l>(text: &'l str, key: &str) -> Option<&'l str> {
    let (_, rest) = text.split_once(key)?;
    rest.split([')', ' '])
        .next()
        .filter(|value| !value.is_empty())
}

/// `H=name (helo) [address]:port`.
pub(super) fn host_of(text: &str) -> Option<Host<'_>> {
    host_of_client(&text[position(text, "H=")? + 2..])
}

/// `name (helo) [address]`, `(helo) [address]`, `[address]`.
pub(super) fn host_of_client(text: &str) -> Option<Host<'_>> {
    // The name that the client gave itself may be an address in brackets, and is no proof of anything.
    let first = text.find('[')?;
    let behind_helo = text[..first]
        .find('(')
        .and_then(|helo| Some(helo + text[helo..].find(") [")? + 2));
    let open = behind_helo.unwrap_or(first);
    let close = open + text[open..].find(']')?;
    let name = text[..open].split(' ').next().unwrap_or_default();
    let address = &text[open + 1..close];
    let named = !name.is_empty() && !name.starts_with('(');
    Some(Host {
        name: if named { name } else { address },
        address: address.parse().ok(),
    })
}

pub(super) fn helo_of(text: &str) -> Option<&str> {
    let host = &text[position(text, "H=")? + 2..];
    let helo = host.find('(').filter(|helo| Some(*helo) < host.find('['))?;
    host[helo + 1..].split(')').next()
}

/// `A=login:user` or `A=plain`.
pub(super) fn login_of(text: &str) -> (Option<&str>, Option<&str>) {
    match field(text, "A=") {
        Some(value) => match value.split_once(':') {
            Some((driver, account)) => (Some(account), Some(driver)),
            None => (None, Some(value)),
        },
        None => (None, None),
    }
}

/// The recipient of a delivery line and what follows: `a@x.example <orig@y.example> R=...`.
pub(super) fn recipient_of(tail: &str) -> Option<(&str, &str)> {
    let end = tail.find(' ').unwrap_or(tail.len());
    let (first, rest) = tail.split_at(end);
    let rest = rest.trim_start();
    // Local parts and pipes are followed by the address they came from.
    match bracketed(rest) {
        Some((address, after)) if !first.contains('@') => Some((address, after.trim_start())),
        _ => Some((first.trim_end_matches(':'), rest)),
    }
    .filter(|(recipient, _)| !recipient.is_empty())
}

/// What a failure line says behind its fields.
pub(super) fn reason(fields: &str) -> &str {
    if let Some(at) = fields.find(": ") {
        return fields[at + 2..].trim();
    }
    if let Some((_, text)) = fields.split_once("defer (") {
        return text.split_once("): ").map_or(text, |(_, text)| text);
    }
    fields
}

pub(super) fn command(text: &str) -> Option<&'static str> {
    let (_, tail) = text.split_once(" after ")?;
    [
        ("RCPT TO", "rcpt"),
        ("pipelined sending of RCPT", "rcpt"),
        ("MAIL FROM", "mail"),
        ("end of data", "end of data"),
        ("DATA", "data"),
        ("EHLO", "ehlo"),
        ("HELO", "helo"),
        ("initial connection", "connect"),
    ]
    .iter()
    .find(|(words, _)| tail.starts_with(words))
    .map(|(_, verb)| *verb)
}
