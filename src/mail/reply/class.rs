//! The words for what a reply means, and what the basic code says when nothing better is known.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a reply is about. One word a reply; the wording decides before the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The sending address is blocked or listed.
    BlockIp,
    /// The sender's domain or HELO name is listed.
    BlockDomain,
    /// A score of the sender; moves by itself when the traffic is good.
    Reputation,
    /// Too much, too fast, too many recipients.
    Rate,
    /// An ordinary delay of a first contact.
    Greylist,
    /// SPF, DKIM, DMARC or alignment.
    Authpol,
    /// Reverse DNS, its confirmation, or the HELO name.
    Ptr,
    /// Relaying not allowed, or a login is needed or was refused.
    Relay,
    /// The recipient does not exist there.
    RcptUnknown,
    /// The recipient's mailbox is full.
    RcptFull,
    /// The envelope sender or its domain is not accepted.
    Sender,
    /// A name could not be resolved.
    Dns,
    /// No connection, or it broke.
    Network,
    /// Encryption missing, required or failed.
    Tls,
    /// Too large.
    Size,
    /// The message itself.
    Content,
    /// The message goes in a circle.
    Loop,
    /// A command was not understood or out of order.
    Protocol,
    /// The other system has a fault of its own.
    LocalSystem,
    /// A policy of the receiver, not one of the above.
    PolicyOther,
    /// The queue gave up; the last temporary reply says why.
    Expired,
    /// Accepted.
    Ok,
    /// Nothing known matches.
    Unknown,
}

impl Class {
    /// The word as it is written in outputs (`rcpt_unknown`).
    pub fn word(self) -> &'static str {
        match self {
            Self::BlockIp => "block_ip",
            Self::BlockDomain => "block_domain",
            Self::Reputation => "reputation",
            Self::Rate => "rate",
            Self::Greylist => "greylist",
            Self::Authpol => "authpol",
            Self::Ptr => "ptr",
            Self::Relay => "relay",
            Self::RcptUnknown => "rcpt_unknown",
            Self::RcptFull => "rcpt_full",
            Self::Sender => "sender",
            Self::Dns => "dns",
            Self::Network => "network",
            Self::Tls => "tls",
            Self::Size => "size",
            Self::Content => "content",
            Self::Loop => "loop",
            Self::Protocol => "protocol",
            Self::LocalSystem => "local_system",
            Self::PolicyOther => "policy_other",
            Self::Expired => "expired",
            Self::Ok => "ok",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is the sender's standing that the receiver holds against us.
    pub fn is_standing(self) -> bool {
        matches!(self, Self::Rate | Self::Reputation | Self::BlockIp)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Where in the SMTP dialogue a reply was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The greeting.
    Connect,
    /// HELO or EHLO.
    Helo,
    /// STARTTLS.
    Starttls,
    /// AUTH and its continuation.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA or BDAT, before the message.
    Data,
    /// After the message.
    Dot,
}

impl Stage {
    /// The stage of an SMTP verb as logs write it: `rcpt`, `RCPT TO:<a@example.org>`, `end of DATA`.
    pub fn of_command(command: &str) -> Option<Self> {
        let lower = command.trim().to_ascii_lowercase();
        if lower.contains("end of data") || lower == "." {
            return Some(Self::Dot);
        }
        let verb = lower
            .split(|c: char| !c.is_ascii_alphanumeric())
            .next()
            .unwrap_or_default();
        match verb {
            "helo" | "ehlo" | "lhlo" => Some(Self::Helo),
            "starttls" => Some(Self::Starttls),
            "auth" => Some(Self::Auth),
            "mail" => Some(Self::Mail),
            "rcpt" => Some(Self::Rcpt),
            "data" => Some(Self::Data),
            "bdat" => Some(Self::Dot),
            "connect" | "greeting" | "banner" => Some(Self::Connect),
            _ => None,
        }
    }
}

/// Whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Leave it in the queue, it may pass later.
    Queue,
    /// Not before the cause is gone.
    AfterFix,
    /// This message will not pass.
    Never,
}

/// What a basic code (RFC 5321) says at a stage when neither wording nor enhanced status helps, with
/// a second reading where it is ambiguous.
pub(super) fn basic_class(code: u16, stage: Option<Stage>) -> Option<(Class, Option<Class>)> {
    use Class::*;
    let one = |class| Some((class, None));
    let two = |class, or| Some((class, Some(or)));
    match (code, stage) {
        (200..=399, _) => one(Ok),
        (421, Some(Stage::Auth)) => one(LocalSystem),
        (421, Some(Stage::Connect)) | (421, None) => two(Rate, BlockIp),
        (421, _) => one(Rate),
        (450, Some(Stage::Helo)) => one(Ptr),
        (450, Some(Stage::Mail)) => two(Greylist, Sender),
        (450, _) => one(Greylist),
        (451, Some(Stage::Rcpt)) => two(Greylist, LocalSystem),
        (451, Some(Stage::Mail)) => two(LocalSystem, Greylist),
        (451, _) => one(LocalSystem),
        (452, Some(Stage::Rcpt)) => one(Rate),
        (452, _) => one(LocalSystem),
        (454, Some(Stage::Rcpt)) => one(Relay),
        (454, Some(Stage::Starttls)) => one(Tls),
        (454, _) => one(LocalSystem),
        (500..=504, Some(Stage::Auth)) => one(Relay),
        (500..=504, Some(Stage::Mail)) => one(Sender),
        (500..=504, Some(Stage::Rcpt)) => one(RcptUnknown),
        (500..=504, _) => one(Protocol),
        (521 | 556, Some(Stage::Rcpt)) => one(RcptUnknown),
        (521 | 556, _) => one(PolicyOther),
        (523 | 538, _) => one(Tls),
        (530 | 534 | 535 | 551, _) => one(Relay),
        (550, Some(Stage::Rcpt)) => one(RcptUnknown),
        (550, Some(Stage::Data | Stage::Dot)) => one(Content),
        (550, Some(Stage::Mail)) => two(Sender, BlockIp),
        (550, Some(Stage::Helo)) => two(BlockIp, Ptr),
        (550, Some(Stage::Connect)) => one(BlockIp),
        (552, Some(Stage::Rcpt)) => one(RcptFull),
        (552, _) => two(Size, Content),
        (553, Some(Stage::Connect)) => one(BlockIp),
        (553, Some(Stage::Mail)) => one(Sender),
        (553, Some(Stage::Rcpt)) => two(RcptUnknown, Relay),
        (554, Some(Stage::Rcpt)) => two(BlockIp, Relay),
        (554 | 571, Some(Stage::Data | Stage::Dot)) => one(Content),
        (554 | 571, Some(Stage::Connect | Stage::Helo | Stage::Mail | Stage::Rcpt)) => one(BlockIp),
        _ => None,
    }
}
