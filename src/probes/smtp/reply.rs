//! An SMTP reply (RFC 5321 4.2), read leniently and with its oddities noted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// RFC 5321 4.5.3.1.5: a reply line has at most this many octets with CRLF.
const LINE_LIMIT: usize = 512;

/// Something a correct server does not do, but a client can live with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// The lines of one reply carry different codes; the last one counts.
    CodeMismatch,
    /// A line ended with LF alone.
    BareLf,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A line longer than 512 octets.
    LongLine,
    /// No blank or hyphen after the code.
    NoSeparator,
}

/// A complete reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The three digits of the last line.
    pub code: u16,
    /// The texts after the code, one a line.
    pub lines: Vec<String>,
    /// Milliseconds from the command (or the connection) to the last line.
    pub ms: u64,
    /// What was odd about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oddities: Vec<Oddity>,
}

impl Reply {
    /// 2yz: done.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 3yz: go on.
    pub fn is_intermediate(&self) -> bool {
        self.code / 100 == 3
    }

    /// 4yz: not now.
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5yz: no.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The text, lines joined with a blank.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }
}

/// As on the wire, joined to one line: `250 ok`.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03} {}", self.code, self.text())
    }
}

/// One line of a reply, as read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) code: u16,
    pub(super) text: String,
    /// More lines follow.
    pub(super) more: bool,
    pub(super) oddities: Vec<Oddity>,
}

/// Takes a line (with its LF) apart. None if it is no reply line.
pub(super) fn parse_line(raw: &[u8]) -> Option<Line> {
    let mut oddities = Vec::new();
    if raw.len() > LINE_LIMIT {
        oddities.push(Oddity::LongLine);
    }
    let body = match raw.strip_suffix(b"\r\n") {
        Some(body) => body,
        None => {
            oddities.push(Oddity::BareLf);
            raw.strip_suffix(b"\n").unwrap_or(raw)
        }
    };
    let digits = body.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'1'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (more, text) = match body.get(3) {
        None => (false, &body[3..]),
        Some(b' ') => (false, &body[4..]),
        Some(b'-') => (true, &body[4..]),
        // A fourth digit is no SMTP; anything else is a server without a separator.
        Some(other) if other.is_ascii_digit() => return None,
        Some(_) => {
            oddities.push(Oddity::NoSeparator);
            (false, &body[3..])
        }
    };
    if std::str::from_utf8(text).is_err() {
        oddities.push(Oddity::NotUtf8);
    }
    Some(Line {
        code,
        text: String::from_utf8_lossy(text).into_owned(),
        more,
        oddities,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reply_lines_and_their_oddities() {
        let long = [b"250 ".to_vec(), vec![b'x'; 600], b"\r\n".to_vec()].concat();
        for (raw, code, more, text, oddities) in [
            (&b"250 ok\r\n"[..], 250, false, "ok", vec![]),
            (b"250-SIZE 10\r\n", 250, true, "SIZE 10", vec![]),
            (b"354\r\n", 354, false, "", vec![]),
            (b"220 hello\n", 220, false, "hello", vec![Oddity::BareLf]),
            (
                b"550 n\xe4 \r\n",
                550,
                false,
                "n\u{fffd} ",
                vec![Oddity::NotUtf8],
            ),
            (b"250:ok\r\n", 250, false, ":ok", vec![Oddity::NoSeparator]),
            (&long, 250, false, &"x".repeat(600), vec![Oddity::LongLine]),
        ] {
            let line = parse_line(raw).unwrap();
            assert_eq!(
                (line.code, line.more, line.text.as_str(), line.oddities),
                (code, more, text, oddities)
            );
        }
    }

    #[test]
    fn other_protocols_are_not_smtp() {
        for raw in [
            &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
            b"* OK IMAP ready\r\n",
            b"HTTP/1.1 400 Bad\r\n",
            b"\r\n",
            b"25\r\n",
            b"2500 ok\r\n",
            b"999 no\r\n",
            b"\x16\x03\x01\r\n",
        ] {
            assert_eq!(parse_line(raw), None, "{raw:?}");
        }
    }
}
