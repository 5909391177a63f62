//! What was said, line by line, with the time of each line: the evidence of every check of a mail server.

use std::fmt;
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// We sent it. Secrets read `[secret]`.
    Client,
    /// The server sent it.
    Server,
    /// It happened: connected, TLS established, time over.
    Note,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Milliseconds since the session began.
    pub at_ms: u64,
    /// Who said it.
    pub side: Side,
    /// The line without its end. Bytes that are not UTF-8 are U+FFFD.
    pub text: String,
}

/// A session's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// The server by name, address and port: `mail.example (192.0.2.1:25)`.
    pub endpoint: String,
    /// When the session began.
    pub started: Timestamp,
    /// Everything said, in order.
    pub entries: Vec<Entry>,
    #[serde(skip, default = "Instant::now")]
    begun: Instant,
    #[serde(skip)]
    secrets: Vec<String>,
}

impl Transcript {
    pub(super) fn new(endpoint: String, started: Timestamp) -> Self {
        Self {
            endpoint,
            started,
            entries: Vec::new(),
            begun: Instant::now(),
            secrets: Vec::new(),
        }
    }

    /// From now on `secret` reads `[secret]` in every line, of either side.
    pub(in crate::probes) fn hide(&mut self, secret: &str) {
        // Very short values would blot out ordinary text.
        if secret.len() >= 4 {
            self.secrets.push(secret.to_owned());
        }
    }

    pub(in crate::probes) fn add(&mut self, side: Side, text: &str) {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "[secret]");
            }
        }
        self.entries.push(Entry {
            at_ms: self.ms(),
            side,
            text,
        });
    }

    pub(in crate::probes) fn note(&mut self, text: impl AsRef<str>) {
        self.add(Side::Note, text.as_ref());
    }

    /// `text` with the session's secrets hidden.
    pub(in crate::probes) fn hidden(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |t, secret| {
            t.replace(secret.as_str(), "[secret]")
        })
    }

    fn ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The form in evidence: offset, who, line.
impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at {}", self.endpoint, self.started)?;
        for entry in &self.entries {
            let side = match entry.side {
                Side::Client => "C:",
                Side::Server => "S:",
                Side::Note => "--",
            };
            writeln!(f, "{:>7} ms {side} {}", entry.at_ms, entry.text)?;
        }
        Ok(())
    }
}
