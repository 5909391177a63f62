//! What the step keeps over its waits: when the message was taken, and every place that was asked on the way.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::path::Place;
use crate::actions::refused_login::Login;

/// The most that is kept of the dialogues, in bytes: each wait writes them down.
const LONGEST: usize = 32 * 1024;

/// What the step finds again after a wait.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Memo {
    /// When the path took it; None: it has put it off (greylisting).
    pub(super) accepted_at: Option<Timestamp>,
    /// The server's answer to the dot is known.
    pub(super) certain: bool,
    /// The last reply.
    pub(super) reply: String,
    /// The dialogues, one after the other.
    pub(super) transcript: String,
    /// Why the last look brought nothing, if the mailbox could not be read.
    pub(super) trouble: Option<String>,
    /// The places that were asked, in order; the last one decided.
    #[serde(default)]
    pub(super) tried: Vec<Tried>,
    /// How the login ended that was tried last.
    #[serde(default)]
    pub(super) login: Option<Login>,
}

impl Memo {
    /// A new round: what the rounds before have asked is kept.
    pub(super) fn after(earlier: Option<Self>) -> Self {
        let earlier = earlier.unwrap_or_default();
        Self {
            tried: earlier.tried,
            transcript: earlier.transcript,
            login: earlier.login,
            ..Self::default()
        }
    }

    /// Notes what a place answered. The same answer again, as while it greylists, is told once, as the newest.
    pub(super) fn note(&mut self, place: &Place, address: Option<IpAddr>, reply: String) {
        self.decided_by(Tried {
            host: place.host.clone(),
            address,
            port: place.port,
            reply,
        });
    }

    /// This place is the one that counts: it is told last.
    pub(super) fn decided_by(&mut self, place: Tried) {
        self.reply.clone_from(&place.reply);
        self.tried.retain(|tried| *tried != place);
        self.tried.push(place);
    }

    /// Adds a dialogue. Of very many the newest are kept.
    pub(super) fn add_transcript(&mut self, dialogue: &str) {
        self.transcript.push_str(dialogue);
        let Some(beyond) = self.transcript.len().checked_sub(LONGEST) else {
            return;
        };
        let lines = self.transcript.match_indices('\n');
        let cut = lines.map(|(at, _)| at + 1).find(|at| *at >= beyond);
        self.transcript.drain(..cut.unwrap_or(0));
    }
}

/// A place that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tried {
    pub(super) host: String,
    /// None where none was found, or none was needed.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
    /// The last reply, or why there was none.
    pub(super) reply: String,
}
