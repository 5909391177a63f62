//! Enhanced status codes (RFC 3463, registry of RFC 5248): reading, and what each means by default.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::class::{Class, Stage};

/// An enhanced status code `class.subject.detail` (RFC 3463), such as 5.7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnhancedStatus {
    /// 2 success, 4 temporary, 5 permanent.
    pub class: u8,
    /// What it is about: 1 address, 2 mailbox, 3 system, 4 network, 5 protocol, 6 content, 7 policy.
    pub subject: u16,
    /// The detail within the subject.
    pub detail: u16,
}

impl EnhancedStatus {
    /// The class that the registry's meaning stands for, with a second reading where the code is
    /// ambiguous. `None`: the code says nothing by itself (x.0.0, x.7.1 and the like), look at the
    /// text or the stage.
    pub fn default_class(self, stage: Option<Stage>) -> Option<(Class, Option<Class>)> {
        use Class::*;
        let one = |class| Some((class, None));
        let two = |class, or| Some((class, Some(or)));
        match (self.subject, self.detail) {
            (1, 0) => match stage {
                Some(Stage::Mail) => one(Sender),
                _ => one(RcptUnknown),
            },
            (1, 1 | 3 | 4 | 6 | 10) => one(RcptUnknown),
            (1, 2) => one(Dns),
            (1, 5) => one(Ok),
            (1, 7) => one(Sender),
            (1, 8) => two(Sender, Dns),
            (1, 9) => one(Protocol),
            (2, 0 | 1 | 4) => one(RcptUnknown),
            (2, 2) => one(RcptFull),
            (2, 3) => one(Size),
            (3, 0 | 1) => one(LocalSystem),
            (3, 2) if self.class == 4 => one(Rate),
            (3, 2) => one(BlockIp),
            (3, 3) => one(Protocol),
            (3, 4) => one(Size),
            (3, 5) => two(LocalSystem, Loop),
            (3, 6) => one(Ok),
            (4, 0) => one(Dns),
            (4, 1 | 8) => one(Network),
            (4, 2) => two(Network, Rate),
            (4, 3) => one(LocalSystem),
            (4, 4) => two(Dns, Network),
            (4, 5) => one(Rate),
            (4, 6) => one(Loop),
            (4, 7) => one(Expired),
            (5, 3) => one(Rate),
            (5, 0..=6) => one(Protocol),
            (6, _) => one(Content),
            (7, 0 | 2) => one(PolicyOther),
            (7, 3..=7 | 10 | 11 | 30) => one(Tls),
            (7, 8 | 9 | 12 | 13 | 14) => one(Relay),
            (7, 15) => one(Rate),
            (7, 16) => one(Size),
            (7, 17..=19) => one(RcptUnknown),
            (7, 20..=24 | 26 | 29) => one(Authpol),
            (7, 25) => one(Ptr),
            (7, 27) => one(Sender),
            (7, 28) => two(Rate, Reputation),
            _ => None,
        }
    }

    /// Whether the code has a meaning of its own that is worth more than a vague wording.
    pub fn is_specific(self) -> bool {
        !matches!(
            (self.subject, self.detail),
            (0, _) | (1..=6, 0) | (7, 0 | 1)
        ) && self.detail < 100
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The text is no enhanced status code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no enhanced status code (expected the form 5.7.1)")]
pub struct NoStatus(String);

impl FromStr for EnhancedStatus {
    type Err = NoStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || NoStatus(text.to_owned());
        let mut parts = text.split('.');
        let mut next = || -> Option<u16> {
            let part = parts.next()?;
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
            if digits { part.parse().ok() } else { None }
        };
        let (Some(class), Some(subject), Some(detail)) = (next(), next(), next()) else {
            return Err(fault());
        };
        if parts.next().is_some() || !matches!(class, 2 | 4 | 5) {
            return Err(fault());
        }
        let class = u8::try_from(class).map_err(|_| fault())?;
        Ok(Self {
            class,
            subject,
            detail,
        })
    }
}

impl Serialize for EnhancedStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EnhancedStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
