//! One marked message: planned, sent, found.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::asking::Said;
use super::returned::{self, Back};
use super::screening::Screening;
use crate::actions::Context;
use crate::actions::controlled_mailbox::Seen;
use crate::mail::relay::ladder::Proof;
use crate::mail::trace::Hop;
use crate::site::special_use;

/// Enough of a message to show where it came from.
const QUOTED: usize = 4000;

/// A marked message for one attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Trial {
    /// Stands in its recipient, Subject and Message-ID, and nowhere else.
    pub(super) mark: String,
    /// How far it came.
    pub(super) fate: Fate,
    /// The dialogue that sent it.
    pub(super) said: Vec<Said>,
    /// It, or a report about it, in the controlled mailbox.
    pub(super) found: Option<Found>,
}

/// How far a message came on our side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    /// To be sent, or put off by the server.
    Planned,
    /// Not sent, and why.
    NotSent(String),
    /// Refused at DATA or after the final dot.
    Refused,
    /// The server answered for it, or the connection was lost after the final dot.
    Taken {
        /// When.
        at: Timestamp,
        /// The server's answer is known.
        certain: bool,
    },
    /// Taken, and nothing came back in time.
    Lost,
}

/// What came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Found {
    /// The message itself, or what a report about it says.
    pub(super) back: Back,
    /// The tested server stands in its Received lines.
    pub(super) through_target: bool,
    /// The folder it lies in.
    pub(super) folder: String,
    /// When the mailbox took it in.
    pub(super) received: Option<Timestamp>,
    /// The address that the mailbox's server got it from.
    pub(super) egress: Option<IpAddr>,
    /// Its way, oldest first.
    pub(super) hops: Vec<Hop>,
    /// Its header; of a report, its beginning.
    pub(super) text: String,
}

impl Trial {
    /// A message that is to be sent.
    pub(super) fn planned(mark: String) -> Self {
        Self {
            mark,
            fate: Fate::Planned,
            said: Vec::new(),
            found: None,
        }
    }

    /// What it proves.
    pub(super) fn proof(&self) -> Proof {
        match (&self.found, &self.fate) {
            (Some(found), _) if found.back == Back::Message && found.through_target => {
                Proof::Arrived
            }
            (Some(found), _) if found.back == Back::Message => Proof::ArrivedElsewhere,
            (Some(found), _) if matches!(found.back, Back::HandedOn(_)) => Proof::HandedOn,
            (Some(found), _) if found.back == Back::Refused => Proof::Bounced,
            // What is not clear proves nothing.
            (_, Fate::Planned | Fate::NotSent(_)) => Proof::NotTried,
            (_, Fate::Refused) => Proof::RefusedLate,
            (_, Fate::Taken { .. }) => Proof::Accepted,
            (_, Fate::Lost) => Proof::Vanished,
        }
    }

    /// A report about it came to the mailbox, whatever it says.
    pub(super) fn came_back(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| found.back != Back::Message)
    }

    /// It was relayed to the mailbox.
    pub(super) fn has_arrived(&self) -> bool {
        self.found
            .as_ref()
            .is_some_and(|found| found.back == Back::Message)
    }

    /// Nothing more can come of it, unless it is looked for again.
    pub(super) fn is_settled(&self) -> bool {
        let clear = |found: &Found| found.back != Back::Unclear;
        self.found.as_ref().is_some_and(clear)
            || !matches!(self.fate, Fate::Planned | Fate::Taken { .. })
    }
}

/// What the mailbox holds of this mark, the most telling of it.
pub(super) fn find(
    context: &Context<'_>,
    screening: &Screening,
    mark: &str,
    seen: &[Seen],
) -> Option<Found> {
    let holding = seen.iter().filter(|seen| seen.holds(mark));
    let read = |seen: &Seen| match seen.is_original(mark) {
        true => Back::Message,
        false => returned::read(context, screening, &seen.bytes),
    };
    let (back, found) = holding
        .map(|seen| (read(seen), seen))
        .min_by(|(one, _), (other, _)| one.cmp(other))?;
    let laboratory = context.site.laboratory;
    let text = match back {
        Back::Message => found.header(),
        _ => String::from_utf8_lossy(&found.bytes).into_owned(),
    };
    Some(Found {
        back,
        through_target: found
            .trace
            .hops
            .iter()
            .any(|hop| is_target(context, screening, hop)),
        folder: found.folder.clone(),
        received: found.received,
        egress: found
            .trace
            .egress(|address| laboratory || special_use(address).is_none()),
        hops: found.trace.hops.clone(),
        text: text.chars().take(QUOTED).collect(),
    })
}

/// The hop is the tested server: it took the message, or handed it on. A site with one server sends from its outbound addresses.
fn is_target(context: &Context<'_>, screening: &Screening, hop: &Hop) -> bool {
    let site = context.site;
    let is_name = |name: &str| {
        screening
            .names
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name.trim_end_matches('.')))
    };
    let is_address = |address: IpAddr| {
        address == screening.target.address.ip()
            || (site.servers.len() == 1 && site.outbound.addresses.contains(&address))
    };
    hop.by.as_deref().is_some_and(is_name) || hop.address.is_some_and(is_address)
}
