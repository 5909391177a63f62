//! Facts about a site: verdicts, findings and the evidence that proves them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The four outcomes of a check. `Unknown` is never shown as good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Looked, and it is as it should be.
    Good,
    /// Looked, and something is wrong: see the findings.
    Finding,
    /// Could not tell: time-out, refused query, blocked port.
    Unknown,
    /// There is nothing to look at (no smarthost, no log).
    NotApplicable,
}

impl Verdict {
    /// The word used in files and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Finding => "finding",
            Verdict::Unknown => "unknown",
            Verdict::NotApplicable => "not_applicable",
        }
    }
}

/// How much a finding hurts the delivery of mail, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; no receiver acts on it.
    Informational,
    /// Few receivers act on it.
    Minor,
    /// Many receivers act on it.
    Major,
    /// Mail is refused, or the site harms others.
    Critical,
}

impl Severity {
    /// The word used in files and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Informational => "informational",
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Critical => "critical",
        }
    }
}

/// What proves a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What kind of thing it is: `dns`, `smtp`, `log`, `certificate`, `http`, `command`, `note`.
    pub kind: String,
    /// The thing itself, as text: an answer, a transcript, log lines. May have several lines.
    pub text: String,
    /// When it was seen.
    pub at: Timestamp,
    /// From where it was seen: the resolver's address, the vantage, the file and its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

impl Evidence {
    /// Evidence of `kind` seen at `at`.
    pub fn new(kind: &str, text: impl Into<String>, at: Timestamp) -> Self {
        Evidence {
            kind: kind.to_owned(),
            text: text.into(),
            at,
            from: None,
        }
    }

    /// The same evidence, with the place it was seen from.
    #[must_use]
    pub fn from(mut self, place: impl Into<String>) -> Self {
        self.from = Some(place.into());
        self
    }
}

/// A fact about the site that somebody should act on. Not an error: the check worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable kebab-case code, `listed`, `rdns-missing`, ...: `mailmedic explain CODE` tells more.
    pub code: String,
    /// How much it hurts.
    pub severity: Severity,
    /// What it is about: an address, a name, an endpoint, `192.0.2.1 on zen.spamhaus.org`.
    pub subject: String,
    /// One plain sentence.
    pub summary: String,
    /// What proves it.
    pub evidence: Vec<Evidence>,
    /// What to do about it and who can do it, in plain words.
    pub remedy: String,
}
