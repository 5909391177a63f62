//! Messages that strangers handed in for strangers, and that went out.
//!
//! A message for a mailbox of the site that is forwarded to the outside looks the same at its end: client, sender and last
//! recipient are all foreign. So a message counts only when none of its recipients belongs to the site, before forwarding
//! too, and nothing is proved until several clients reached several recipients: forwarding leads to few, a relay to many.
//! Exchange's message tracking does not tell who had logged in: what it shows may as well be a stolen account.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::super::line::Line;
use super::samples::{OF_A_SIGNAL, Samples};
use super::user::{insert, network};
use crate::mail::events::Event;

/// Messages that are followed at the same time, at most.
const MOST: usize = 50_000;

/// Candidates whose lines are kept with their texts.
const QUOTED: u32 = 1_000;

#[derive(Debug, Clone, Default)]
struct Message {
    ours: bool,
    candidate: Option<(String, u32, Line)>,
}

/// What was relayed.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Relayed {
    young: HashMap<u64, Message>,
    old: HashMap<u64, Message>,
    /// Some of it stands in a log that does not tell who had logged in.
    unsure: bool,
    settled: Settled,
    quoted: u32,
}

/// The messages of which it is known.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Settled {
    pub(in super::super) messages: usize,
    /// The log does not tell whether the clients had logged in.
    pub(in super::super) unsure: bool,
    pub(in super::super) recipients: BTreeSet<String>,
    /// Networks of the clients.
    pub(in super::super) networks: BTreeSet<u32>,
    pub(in super::super) lines: Samples,
}

impl Relayed {
    /// A recipient of the message belongs to the site.
    pub(super) fn ours(&mut self, queue: u64) {
        self.at(queue).ours = true;
    }

    /// The message went out to a foreign recipient for a foreign client and sender.
    pub(super) fn candidate(&mut self, queue: u64, event: &Event<'_>, client: IpAddr) {
        let recipient = event
            .recipient
            .as_deref()
            .unwrap_or_default()
            .to_lowercase();
        let source = event.source.as_deref().unwrap_or_default();
        self.unsure |= source.starts_with("exchange/");
        let quote = self.quoted < QUOTED;
        let message = self.at(queue);
        if message.candidate.is_none() {
            let line = match quote {
                true => Line::quoted(event),
                false => Line::at(event),
            };
            message.candidate = Some((recipient, network(client), line));
            self.quoted = self.quoted.saturating_add(1);
        }
    }

    fn at(&mut self, queue: u64) -> &mut Message {
        if self.young.len() >= MOST {
            let leaving = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.settled.add(leaving.values());
        }
        if let Some(message) = self.old.remove(&queue) {
            self.young.insert(queue, message);
        }
        self.young.entry(queue).or_default()
    }

    /// What is known by now, with the messages that are still followed.
    pub(in super::super) fn so_far(&self) -> Settled {
        let mut settled = self.settled.clone();
        settled.unsure = self.unsure;
        settled.add(self.old.values().chain(self.young.values()));
        settled
    }
}

impl Settled {
    fn add<'m>(&mut self, messages: impl Iterator<Item = &'m Message>) {
        let mut found: Vec<&(String, u32, Line)> = messages
            .filter(|message| !message.ours)
            .filter_map(|message| message.candidate.as_ref())
            .collect();
        // A table has no order of its own; the report shall have the same each time.
        found.sort_by(|a, b| a.2.cmp(&b.2));
        for (recipient, network, line) in found {
            self.messages += 1;
            insert(&mut self.recipients, recipient);
            if self.networks.len() < 1_000 {
                self.networks.insert(*network);
            }
            self.lines.keep_line(line, OF_A_SIGNAL);
        }
    }
}
