//! One marked message: planned, sent, found.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::asking::Said;
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
    /// A report about it; else the message itself.
    pub(super) report: bool,
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
            (Some(found), _) if found.report => Proof::Bounced,
            (Some(found), _) if found.through_target => Proof::Arrived,
            (Some(_), _) => Proof::ArrivedElsewhere,
            (None, Fate::Planned | Fate::NotSent(_)) => Proof::NotTried,
            (None, Fate::Refused) => Proof::RefusedLate,
            (None, Fate::Taken { .. }) => Proof::Accepted,
            (None, Fate::Lost) => Proof::Vanished,
        }
    }

    /// It was relayed to the mailbox.
    pub(super) fn has_arrived(&self) -> bool {
        self.found.as_ref().is_some_and(|found| !found.report)
    }

    /// Nothing more can come of it, unless it is looked for again.
    pub(super) fn is_settled(&self) -> bool {
        self.found.is_some() || !matches!(self.fate, Fate::Planned | Fate::Taken { .. })
    }
}

/// What the mailbox holds of this mark; the message itself before any report.
pub(super) fn find(
    context: &Context<'_>,
    screening: &Screening,
    mark: &str,
    seen: &[Seen],
) -> Option<Found> {
    let original = seen.iter().find(|seen| seen.is_original(mark));
    let found = original.or_else(|| seen.iter().find(|seen| seen.holds(mark)))?;
    let report = original.is_none();
    let laboratory = context.site.laboratory;
    let text = if report {
        String::from_utf8_lossy(&found.bytes).into_owned()
    } else {
        found.header()
    };
    Some(Found {
        report,
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
