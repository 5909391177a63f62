//! The connection under every mail protocol: TCP, TLS, lines, and the record of what was said. SMTP and IMAP share it, so a
//! certificate is judged by one set of rules and a secret is hidden in one place.

mod certificate;
mod connection;
mod failure;
mod tls;
mod transcript;
mod transport;
mod trust;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

pub use certificate::{CertificateReport, ChainVerdict};
pub(in crate::probes) use connection::{Connection, millis};
pub use failure::Failure;
pub use tls::TlsReport;
pub use transcript::{Entry, Side, Transcript};
pub use trust::{RootsError, read_roots};

use super::clock::Clock;
use trust::Trust;

/// How long to wait, and what to trust.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    /// For the TCP connection.
    pub connect_timeout: Duration,
    /// RFC 5321 4.5.3.2 allows five to ten minutes for a reply; no wait is longer than this. The
    /// transcript says when it was cut short by it.
    pub reply_cap: Duration,
    /// Certificate authorities to trust beside the public ones.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for ChannelSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            reply_cap: Duration::from_secs(60),
            extra_roots: Vec::new(),
        }
    }
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name the certificate must carry, and the one that is shown. May be an address.
    pub host: String,
    /// Where to connect.
    pub address: SocketAddr,
    /// The local address to connect from.
    pub bind: Option<IpAddr>,
    /// TLS from the first byte (port 465 and 993).
    pub implicit_tls: bool,
}

impl Endpoint {
    /// `host` at `address`, in clear until STARTTLS.
    pub fn new(host: impl Into<String>, address: SocketAddr) -> Self {
        Self {
            host: host.into(),
            address,
            bind: None,
            implicit_tls: false,
        }
    }

    /// The same endpoint, with TLS from the first byte.
    #[must_use]
    pub fn with_implicit_tls(mut self, implicit: bool) -> Self {
        self.implicit_tls = implicit;
        self
    }
}

/// How far the other end is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In clear.
    Clear,
    /// Encrypted, but the certificate does not prove whom we talk to.
    Unverified,
    /// Encrypted, and the certificate is in order.
    Verified,
}

/// Makes connections with one set of times and authorities. Cheap to clone.
#[derive(Debug, Clone)]
pub(in crate::probes) struct Dialler {
    settings: Arc<ChannelSettings>,
    trust: Trust,
    clock: Arc<dyn Clock>,
}

impl Dialler {
    /// # Errors
    ///
    /// When one of the extra certificate authorities cannot be used.
    pub(in crate::probes) fn new(
        settings: ChannelSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RootsError> {
        Ok(Self {
            trust: Trust::with(&settings.extra_roots)?,
            settings: Arc::new(settings),
            clock,
        })
    }

    /// The same, trusting these authorities too.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used.
    pub(in crate::probes) fn trusting(
        &self,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, RootsError> {
        let mut settings = ChannelSettings::clone(&self.settings);
        settings.extra_roots.extend(roots);
        Self::new(settings, self.clock.clone())
    }

    /// The same with another cap on the time for a reply.
    pub(in crate::probes) fn with_reply_cap(&self, cap: Duration) -> Self {
        Self {
            settings: Arc::new(ChannelSettings {
                reply_cap: cap,
                ..ChannelSettings::clone(&self.settings)
            }),
            ..self.clone()
        }
    }

    /// A connection to `endpoint`, not opened yet.
    pub(in crate::probes) fn connection(&self, endpoint: Endpoint) -> Connection {
        Connection::new(
            endpoint,
            self.settings.clone(),
            self.trust.clone(),
            self.clock.now(),
        )
    }
}
