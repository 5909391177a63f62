//! What the step keeps over its waits: when the message was taken, and every place that was asked on the way.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::path::Place;
use crate::actions::refused_login::Login;

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
    /// Notes what a place answered.
    pub(super) fn note(&mut self, place: &Place, address: Option<IpAddr>, reply: String) {
        self.reply.clone_from(&reply);
        self.tried.push(Tried {
            host: place.host.clone(),
            address,
            port: place.port,
            reply,
        });
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
