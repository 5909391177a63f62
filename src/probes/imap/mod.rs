//! A small IMAP client (RFC 3501) that only looks: it logs in, examines folders read-only, searches, and fetches headers.
//!
//! Own code around the parser of `imap-proto`, because here the dialogue itself is evidence: every line is kept with its time,
//! secrets hidden, and a password never goes over a channel that is not proven. [`Imap`] makes [`Session`]s, which share
//! connection, certificate rules and transcript with the SMTP client.

mod failure;
mod fetched;
mod response;
mod session;

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

pub use failure::ImapFailure;
pub use fetched::{Fetched, Part};
pub use session::{Folder, Search, Session};

use super::channel::{ChannelSettings, Dialler, Endpoint, RootsError};
use super::clock::Clock;
use crate::site::Tls;

/// Makes sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Imap(Dialler);

impl Imap {
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

    /// The same client with another cap on the time for a response.
    #[must_use]
    pub fn with_reply_cap(&self, cap: Duration) -> Self {
        Self(self.0.with_reply_cap(cap))
    }

    /// A session for `endpoint`, not connected yet. `tls` decides what [`Session::open`] insists on; TLS from the first byte
    /// is taken on port 993 where it says `auto`.
    pub fn session(&self, endpoint: Endpoint, tls: Tls) -> Session {
        let implicit = tls == Tls::Implicit || (tls == Tls::Auto && endpoint.address.port() == 993);
        let endpoint = endpoint.with_implicit_tls(implicit);
        Session::new(self.0.connection(endpoint), tls)
    }
}

#[cfg(test)]
mod tests;
