//! FETCH (RFC 3501 section 6.4.5): the items of one message.

use jiff::tz::TimeZone;

use super::parse::Word;
use crate::practice::mailbox::Message;

/// The untagged reply for one message, and whether fetching has made it read. `Err` names an item that is not known.
pub(super) fn fetch(
    message: &Message,
    sequence: usize,
    items: &[Word],
    by_uid: bool,
) -> Result<(Vec<u8>, bool), String> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut reads = false;
    let mut with_uid = false;
    for item in items.iter().flat_map(expanded) {
        let upper = item.to_ascii_uppercase();
        match upper.as_str() {
            "FLAGS" => parts
                .push(format!("FLAGS ({})", if message.seen { "\\Seen" } else { "" }).into_bytes()),
            "UID" => {
                with_uid = true;
                parts.push(format!("UID {}", message.uid).into_bytes());
            }
            "RFC822.SIZE" => {
                parts.push(format!("RFC822.SIZE {}", message.bytes.len()).into_bytes())
            }
            "INTERNALDATE" => {
                let date = message
                    .received
                    .to_zoned_datetime(TimeZone::UTC)
                    .strftime("%d-%b-%Y %H:%M:%S %z")
                    .to_string();
                parts.push(format!("INTERNALDATE \"{date}\"").into_bytes());
            }
            "RFC822" => {
                reads = true;
                parts.push(literal("RFC822", &message.bytes));
            }
            "RFC822.HEADER" => parts.push(literal("RFC822.HEADER", &header_of(&message.bytes))),
            "RFC822.TEXT" => {
                reads = true;
                parts.push(literal("RFC822.TEXT", &text_of(&message.bytes)));
            }
            _ => {
                let (section, partial, peek) =
                    body_section(&item).ok_or_else(|| format!("item {item} is not known"))?;
                let whole = section_of(&message.bytes, section)
                    .ok_or_else(|| format!("section {section} is not known"))?;
                reads |= !peek;
                parts.push(match partial {
                    Some((start, count)) => {
                        let start = start.min(whole.len());
                        let end = start.saturating_add(count).min(whole.len());
                        literal(&format!("BODY[{section}]<{start}>"), &whole[start..end])
                    }
                    None => literal(&format!("BODY[{section}]"), &whole),
                });
            }
        }
    }
    if by_uid && !with_uid {
        parts.insert(0, format!("UID {}", message.uid).into_bytes());
    }
    let mut reply = format!("* {sequence} FETCH (").into_bytes();
    reply.extend(parts.join(&b' '));
    reply.extend(b")\r\n");
    Ok((reply, reads && !message.seen))
}

/// Header block with its empty line.
pub(super) fn header_of(message: &[u8]) -> Vec<u8> {
    message[..body_start(message)].to_vec()
}

/// What follows the header's empty line.
pub(super) fn text_of(message: &[u8]) -> Vec<u8> {
    message[body_start(message)..].to_vec()
}

fn body_start(message: &[u8]) -> usize {
    message
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(message.len(), |at| at + 4)
}

/// The macros of section 6.4.5.
fn expanded(item: &Word) -> Vec<String> {
    let item = item.content();
    let names: &[&str] = match item.to_ascii_uppercase().as_str() {
        "FAST" | "ALL" => &["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
        _ => return vec![item.to_owned()],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// First octet and number of octets.
type Partial = (usize, usize);

/// The parts of `BODY[section]<start.count>` or `BODY.PEEK[...]`: section, partial, peek.
fn body_section(item: &str) -> Option<(&str, Option<Partial>, bool)> {
    let open = item.find('[')?;
    let close = item.rfind(']')?;
    let peek = match item[..open].to_ascii_uppercase().as_str() {
        "BODY" => false,
        "BODY.PEEK" => true,
        _ => return None,
    };
    let partial = match &item[close + 1..] {
        "" => None,
        rest => {
            let (start, count) = rest.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
            Some((start.parse().ok()?, count.parse().ok()?))
        }
    };
    Some((&item[open + 1..close], partial, peek))
}

fn section_of(message: &[u8], section: &str) -> Option<Vec<u8>> {
    let upper = section.to_ascii_uppercase();
    match upper.as_str() {
        "" => Some(message.to_vec()),
        "HEADER" => Some(header_of(message)),
        "TEXT" | "1" => Some(text_of(message)),
        _ => {
            let wanted = upper
                .strip_prefix("HEADER.FIELDS (")?
                .strip_suffix(')')?
                .split_ascii_whitespace()
                .collect::<Vec<_>>();
            Some(fields(&header_of(message), &wanted))
        }
    }
}

/// The header fields of these (upper-case) names with their continuation lines, and the empty line.
fn fields(header: &[u8], wanted: &[&str]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut keeping = false;
    for line in header.split_inclusive(|byte| *byte == b'\n') {
        if !matches!(line.first(), Some(b' ' | b'\t')) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).to_ascii_uppercase();
            keeping = wanted.contains(&name.as_str());
        }
        if keeping {
            kept.extend_from_slice(line);
        }
    }
    kept.extend(b"\r\n");
    kept
}

fn literal(name: &str, bytes: &[u8]) -> Vec<u8> {
    [format!("{name} {{{}}}\r\n", bytes.len()).as_bytes(), bytes].concat()
}
