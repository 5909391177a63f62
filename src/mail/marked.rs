//! The marked message: a small, honest test message that can be told from all others, and found again.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

/// Hexadecimal digits that stand for `seed` and for nothing else, two for each of `octets`: the same at every try, so that a message
/// of an earlier one is known again, and a greylisting server sees the same names.
pub fn mark(seed: &str, octets: usize) -> String {
    let digest = Sha256::digest(seed.as_bytes());
    let digits = digest.iter().take(octets);
    digits.map(|octet| format!("{octet:02x}")).collect()
}

/// A test message. All parts are checked names: no line break can get into the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// Letters and digits that no other message holds.
    pub nonce: String,
    /// The domain behind the Message-ID.
    pub origin: String,
    /// The address in From.
    pub from: String,
    /// The address in To.
    pub to: String,
    /// What is tested, for the subject: `delivery test of Example Ltd`.
    pub about: String,
    /// Who does it, and how to reach them.
    pub operator: String,
}

impl Marked {
    /// The Message-ID with its angle brackets. The nonce alone makes it, so that a second try carries the same.
    pub fn message_id(&self) -> String {
        format!("<mailmedic.{}@{}>", self.nonce, self.origin)
    }

    /// The message as RFC 5322 wants it, CRLF line ends, 7-bit. `Auto-Submitted` (RFC 3834) keeps automatic answers away.
    pub fn bytes(&self, date: Timestamp) -> Vec<u8> {
        let zoned = date.to_zoned_datetime(TimeZone::UTC);
        let date = jiff::fmt::rfc2822::to_string(&zoned).unwrap_or_else(|_| zoned.to_string());
        [
            format!("Date: {date}"),
            format!("From: <{}>", one_line(&self.from)),
            format!("To: <{}>", one_line(&self.to)),
            format!("Message-ID: {}", one_line(&self.message_id())),
            format!("Subject: {} {}", one_line(&self.about), self.nonce),
            "Auto-Submitted: auto-generated".to_owned(),
            "MIME-Version: 1.0".to_owned(),
            "Content-Type: text/plain; charset=us-ascii".to_owned(),
            String::new(),
            format!(
                "A test message, sent on purpose by {}.",
                one_line(&self.operator)
            ),
            "Nobody needs to answer it. It may be deleted.".to_owned(),
            String::new(),
        ]
        .join("\r\n")
        .into_bytes()
    }
}

/// Printable ASCII alone: names of people and companies may hold anything.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if (' '..='~').contains(&c) { c } else { '?' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_line_break_adds_no_header() {
        let marked = Marked {
            nonce: "abc123".to_owned(),
            origin: "tester.example".to_owned(),
            from: "probe@tester.example".to_owned(),
            to: "in@outside.example".to_owned(),
            about: "test of M\u{fc}ller\r\nBcc: x@y.example".to_owned(),
            operator: "Ann".to_owned(),
        };
        let at = Timestamp::UNIX_EPOCH;
        let text = String::from_utf8_lossy(&marked.bytes(at)).into_owned();
        assert!(
            text.starts_with("Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n"),
            "{text}"
        );
        assert!(
            text.contains("\r\nSubject: test of M?ller??Bcc: x@y.example abc123\r\n"),
            "{text}"
        );
        assert!(text.contains("\r\nMessage-ID: <mailmedic.abc123@tester.example>\r\n"));
        assert!(text.ends_with("deleted.\r\n"));
        assert!(text.is_ascii());
    }
}
