//! What the site file gives to a relay test: checked names, and notes about what it does not give.

use std::net::SocketAddr;

use super::inquiry::Inquiry;
use super::screening::Channel;
use crate::actions::Context;
use crate::mail::marked::mark;
use crate::mail::relay::names::{Domain, Mailbox, Nonce};

/// The names that are the same at every endpoint.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// The mail domains of the site.
    pub(super) domains: Vec<Domain>,
    /// The name the server says in HELO when it sends.
    pub(super) outbound_helo: Option<Domain>,
    /// Sender of the attempts.
    pub(super) sender: Option<Mailbox>,
    /// Recipient of the attempts.
    pub(super) recipient: Option<Mailbox>,
    /// The name this machine says in HELO.
    pub(super) helo: Option<Domain>,
    /// Whether logins with invented names are tried.
    pub(super) invented_logins: bool,
    /// Whether the site's own accounts for tests log in.
    pub(super) logs_in: bool,
    /// What is missing or wrong, with a next step.
    pub(super) notes: Vec<String>,
}

impl Ground {
    /// Reads the site file.
    pub(super) fn of(context: &Context<'_>) -> Self {
        let site = context.site;
        let mut notes = Vec::new();
        let probe = site.probe.clone().unwrap_or_default();
        let domains = site
            .domains
            .iter()
            .filter_map(|d| keep(Domain::parse(d), "domains", &mut notes))
            .collect();
        // A check that is repeated by a wait asks once, in its first round.
        let logs_in = |argument| {
            context.step.wait.is_none_or(Inquiry::is_noted_in)
                && context.args.boolean(argument).ok().flatten() != Some(false)
        };
        let ground = Self {
            domains,
            outbound_helo: domain(site.outbound.helo.as_deref(), "outbound.helo", &mut notes),
            sender: mailbox(probe.sender.as_deref(), "probe.sender", &mut notes),
            recipient: mailbox(probe.recipient.as_deref(), "probe.recipient", &mut notes),
            helo: domain(probe.helo.as_deref(), "probe.helo", &mut notes),
            invented_logins: logs_in("logins"),
            logs_in: logs_in("account"),
            notes,
        };
        ground.with_notes_about_gaps()
    }

    fn with_notes_about_gaps(mut self) -> Self {
        if self.domains.is_empty() {
            self.notes
                .push("no mail domain is known: name them under 'domains'".to_owned());
        }
        for (missing, key, what) in [
            (
                self.sender.is_none(),
                "sender",
                "a sender address whose bounces you can read",
            ),
            (
                self.recipient.is_none(),
                "recipient",
                "a recipient address in a domain the site does not host",
            ),
        ] {
            if missing {
                self.notes.push(format!(
                    "no relay attempt is possible without probe.{key}: name {what}"
                ));
            }
        }
        if self.helo.is_none() {
            self.notes
                .push("no probe.helo is named: this machine greets with its address".to_owned());
        }
        self
    }
}

/// The valid mailbox of a server, and a note when there is none.
pub(super) fn valid_mailbox(
    text: Option<&str>,
    host: &str,
    notes: &mut Vec<String>,
) -> Option<Mailbox> {
    let found = mailbox(text, "servers.valid_mailbox", notes);
    if found.is_none() {
        notes.push(format!(
            "no mailbox that exists at {host} is known, so the positive control (K02) was not asked: \
             name one as 'valid_mailbox' of the server"
        ));
    }
    found
}

fn domain(text: Option<&str>, key: &str, notes: &mut Vec<String>) -> Option<Domain> {
    text.and_then(|text| keep(Domain::parse(text), key, notes))
}

fn mailbox(text: Option<&str>, key: &str, notes: &mut Vec<String>) -> Option<Mailbox> {
    text.and_then(|text| keep(Mailbox::parse(text), key, notes))
}

fn keep<T, E: std::fmt::Display>(
    parsed: Result<T, E>,
    key: &str,
    notes: &mut Vec<String>,
) -> Option<T> {
    parsed
        .map_err(|error| notes.push(format!("{key} is not used: {error}")))
        .ok()
}

/// The mark of one endpoint and channel: the same for every try of the step, as a greylisting server must see the same triple again, and
/// as a message of an earlier try must be known again.
pub(super) fn nonce(key: &str, endpoint: SocketAddr, channel: Channel) -> Nonce {
    let text = mark(&format!("{key} {endpoint} {channel:?}"), 8);
    Nonce::new(&text).expect("sixteen hexadecimal digits are a nonce")
}
