//! What a relay variant is: its kind, its templates and the way its commands are written.
//!
//! Templates are addresses without angle brackets. Placeholders: `{T}` target address (inside of a
//! literal), `{H}` host name of the target, `{L}` served mail domain, `{lu}` valid mailbox at `{L}`,
//! `{bad}` and `{bad2}` mailboxes that cannot exist, `{sf}@{E}` sender and `{st}@{E2}` recipient in
//! controlled domains, `{E2_UPPER}` the same domain in capitals, `{rand}` a random label, `{me}` the
//! tester's address (inside of a literal), `{X}` the tester's HELO name, `{imcea}` the recipient in
//! Exchange's encapsulated form. The empty template is the null sender.

use serde::{Deserialize, Serialize};

/// What an accepted recipient of this form is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Real: an external domain after the last @. A 2xx is strong evidence.
    R,
    /// Encoded: an external address inside a local, unqualified or literal one. A 2xx counts only when
    /// the control of the same form was refused.
    E,
    /// Control: shows what the server says to nonsense, and to a mailbox that exists.
    C,
}

/// One way of asking a server to relay.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Stable id, a letter for the family and two digits: `A05`.
    pub id: &'static str,
    /// What a 2xx is worth.
    pub kind: Kind,
    /// What it finds, or for a control what a 2xx means.
    pub finds: &'static str,
    /// Sender templates; each is tried with each recipient.
    pub mail: &'static [&'static str],
    /// Recipient templates.
    pub rcpt: &'static [&'static str],
    /// HELO templates.
    pub helo: &'static [&'static str],
    /// Ways of writing the commands.
    pub styles: &'static [Style],
    /// What comes before the recipient in question.
    pub lead: Lead,
}

impl Variant {
    /// The family letter: `K` for controls, else `A` to `F`.
    pub fn family(&self) -> char {
        self.id.chars().next().unwrap_or('?')
    }
}

/// How the commands are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Angle brackets around addresses. Without them is not RFC 5321, and some servers take it.
    pub brackets: bool,
    /// A space after the colon: the same remark.
    pub space: bool,
    /// Verbs in lower case.
    pub lower_case: bool,
    /// The word of the greeting.
    pub greeting: Greeting,
}

impl Style {
    /// As RFC 5321 writes it.
    pub const STRICT: Self = Self {
        brackets: true,
        space: false,
        lower_case: false,
        greeting: Greeting::Ehlo,
    };
}

/// The command that opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Greeting {
    /// Extended SMTP.
    Ehlo,
    /// The old command: in some servers another path through the code.
    Helo,
}

impl Greeting {
    /// The verb as it is sent.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Ehlo => "EHLO",
            Self::Helo => "HELO",
        }
    }
}

/// What is sent before the recipient in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// Nothing.
    None,
    /// A legitimate first recipient (`{lu}@{L}`) in the same transaction.
    Recipient,
    /// A legitimate transaction to `{lu}@{L}`, then RSET.
    Transaction,
}

/// An EHLO keyword that a stranger should not be offered. Reported, never used.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// Stable id.
    pub id: &'static str,
    /// EHLO keywords, upper case.
    pub keywords: &'static [&'static str],
    /// What it allows.
    pub finds: &'static str,
}
