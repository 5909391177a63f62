//! One diagnostic SMTP client for every check: it says exactly what was sent, what came back and
//! when, and it never does what a mail program would do to be helpful.
//!
//! [`Smtp`] makes [`Session`]s. A session exists before it is connected and after it failed, so the
//! [`Transcript`] is there whatever happened. Each call returns the server's [`Reply`], positive or
//! not; a [`Failure`] means that there was no reply to judge. Dropping a session closes the
//! connection at once; inside DATA that is the way to abandon a message, since the final dot is
//! sent by [`Session::finish_data`] alone.

mod auth;
mod capabilities;
mod reply;
mod session;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

pub use super::channel::{
    CertificateReport, ChainVerdict, Channel, Endpoint, Entry, Failure, RootsError, Side,
    TlsReport, Transcript, read_roots,
};
pub use crate::mail::sasl::Mechanism;
pub use capabilities::Capabilities;
pub use reply::{Oddity, Reply};
pub use session::Session;

use super::channel::{ChannelSettings, Dialler};
use super::clock::Clock;

/// Makes sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Smtp(Dialler);

impl Smtp {
    /// A client as `settings` say.
    ///
    /// # Errors
    ///
    /// When one of the extra certificate authorities cannot be used.
    pub fn new(settings: ChannelSettings, clock: Arc<dyn Clock>) -> Result<Self, RootsError> {
        Dialler::new(settings, clock).map(Self)
    }

    /// The same client, which also trusts these certificate authorities.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used.
    pub fn trusting(&self, roots: Vec<CertificateDer<'static>>) -> Result<Self, RootsError> {
        self.0.trusting(roots).map(Self)
    }

    /// The same client with another cap on the time for a reply.
    #[must_use]
    pub fn with_reply_cap(&self, cap: Duration) -> Self {
        Self(self.0.with_reply_cap(cap))
    }

    /// A session for `endpoint`, not connected yet.
    pub fn session(&self, endpoint: Endpoint) -> Session {
        Session::new(self.0.connection(endpoint))
    }
}

#[cfg(test)]
mod tests;
