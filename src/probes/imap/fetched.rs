//! One message, as fetched.

use imap_proto::{AttributeValue, Response};
use jiff::Timestamp;
use jiff::fmt::strtime;

/// How much of a message to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The header alone.
    Header,
    /// The beginning of the whole message, at most this many octets: enough to read a bounce.
    Beginning(u32),
}

impl Part {
    /// As FETCH names it; `.PEEK` leaves the message unread.
    pub(super) fn item(self) -> String {
        match self {
            Self::Header => "BODY.PEEK[HEADER]".to_owned(),
            Self::Beginning(octets) => format!("BODY.PEEK[]<0.{octets}>"),
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its number in the folder.
    pub uid: u32,
    /// When the mailbox took it in.
    pub internal_date: Option<Timestamp>,
    /// Octets of the whole message.
    pub size: Option<u32>,
    /// What was asked for: the header, or the beginning of all.
    pub bytes: Vec<u8>,
}

impl Fetched {
    /// None when the response is about something else, or a part is missing.
    pub(super) fn read(raw: &[u8]) -> Option<Self> {
        let Ok((_, Response::Fetch(_, values))) = Response::parse(raw) else {
            return None;
        };
        let (mut uid, mut internal_date, mut size, mut bytes) = (None, None, None, None);
        for value in values {
            match value {
                AttributeValue::Uid(number) => uid = Some(number),
                AttributeValue::InternalDate(text) => internal_date = date(&text),
                AttributeValue::Rfc822Size(octets) => size = Some(octets),
                AttributeValue::BodySection { data, .. } => {
                    bytes = data.map(|data| data.into_owned());
                }
                _ => {}
            }
        }
        Some(Self {
            uid: uid?,
            internal_date,
            size,
            bytes: bytes?,
        })
    }
}

/// `24-Nov-2026 08:00:00 +0000`; the day may be filled up with a blank.
fn date(text: &str) -> Option<Timestamp> {
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim())
        .and_then(|parsed| parsed.to_timestamp())
        .ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_fetched_header_with_its_date() {
        let raw = b"* 3 FETCH (UID 7 INTERNALDATE \" 4-Nov-2026 09:00:05 +0100\" RFC822.SIZE 900 BODY[HEADER] {14}\r\nSubject: hi\r\n\r\n)\r\n";
        let fetched = Fetched::read(&raw[..]);
        // Fifteen octets were announced as fourteen: the parser must not take the rest for its own.
        assert_eq!(fetched, None);
        let raw = b"* 3 FETCH (UID 7 INTERNALDATE \" 4-Nov-2026 09:00:05 +0100\" RFC822.SIZE 900 BODY[HEADER] {15}\r\nSubject: hi\r\n\r\n)\r\n";
        let fetched = Fetched::read(&raw[..]).unwrap();
        assert_eq!(
            (fetched.uid, fetched.size, fetched.internal_date),
            (7, Some(900), Some("2026-11-04T08:00:05Z".parse().unwrap()))
        );
        assert_eq!(fetched.bytes, b"Subject: hi\r\n\r\n");
        assert_eq!(Fetched::read(b"* 3 FETCH (FLAGS (\\Seen))\r\n"), None);
        assert_eq!(Fetched::read(b"* 3 EXISTS\r\n"), None);
    }
}
