//! One diagnostic SMTP client for every check: it says exactly what was sent, what came back and
//! when, and it never does what a mail program would do to be helpful.
//!
//! [`Smtp`] makes [`Session`]s. A session exists before it is connected and after it failed, so the
//! [`Transcript`] is there whatever happened. Each call returns the server's [`Reply`], positive or
//! not; a [`Failure`] means that there was no reply to judge. Dropping a session closes the
//! connection at once; inside DATA that is the way to abandon a message, since the final dot is
//! sent by [`Session::finish_data`] alone.

mod auth;
mod base64;
mod capabilities;
mod certificate;
mod failure;
mod md5;
mod reply;
mod session;
mod tls;
mod transcript;
mod transport;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

pub use auth::Mechanism;
pub use capabilities::Capabilities;
pub use certificate::{CertificateReport, ChainVerdict};
pub use failure::Failure;
pub use reply::{Oddity, Reply};
pub use session::{Channel, Session};
pub use tls::TlsReport;
pub use transcript::{Entry, Side, Transcript};

use super::clock::Clock;

/// How long to wait, and what to trust.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// For the TCP connection.
    pub connect_timeout: Duration,
    /// RFC 5321 4.5.3.2 allows five to ten minutes for a reply; no wait is longer than this. The
    /// transcript says when it was cut short by it.
    pub reply_cap: Duration,
    /// Certificate authorities to trust beside the public ones.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl Default for SmtpSettings {
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
    /// TLS from the first byte (port 465).
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

/// A PEM file of certificate authorities could not be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// It cannot be read as PEM.
    #[error("cannot read the certificates in {path} (PEM is wanted)")]
    Pem {
        /// Which file.
        path: String,
        /// Why not.
        source: rustls::pki_types::pem::Error,
    },
    /// It holds none.
    #[error("{path} holds no certificate (a section BEGIN CERTIFICATE is wanted)")]
    Empty {
        /// Which file.
        path: String,
    },
    /// One of them cannot serve as an authority.
    #[error("a certificate authority cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// Reads the certificate authorities of a PEM file.
///
/// # Errors
///
/// When the file cannot be read or holds no certificate.
pub fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let pem = |source| RootsError::Pem {
        path: path.display().to_string(),
        source,
    };
    let found = CertificateDer::pem_file_iter(path)
        .map_err(pem)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(pem)?;
    if found.is_empty() {
        return Err(RootsError::Empty {
            path: path.display().to_string(),
        });
    }
    Ok(found)
}

/// Makes sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Smtp {
    settings: Arc<SmtpSettings>,
    roots: Arc<RootCertStore>,
    clock: Arc<dyn Clock>,
}

impl Smtp {
    /// A client as `settings` say.
    ///
    /// # Errors
    ///
    /// When one of the extra certificate authorities cannot be used.
    pub fn new(settings: SmtpSettings, clock: Arc<dyn Clock>) -> Result<Self, RootsError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for root in &settings.extra_roots {
            roots.add(root.clone()).map_err(RootsError::Unusable)?;
        }
        Ok(Self {
            settings: Arc::new(settings),
            roots: Arc::new(roots),
            clock,
        })
    }

    /// The same client, which also trusts these certificate authorities.
    ///
    /// # Errors
    ///
    /// When one of them cannot be used.
    pub fn trusting(&self, roots: Vec<CertificateDer<'static>>) -> Result<Self, RootsError> {
        let mut settings = SmtpSettings::clone(&self.settings);
        settings.extra_roots.extend(roots);
        Self::new(settings, self.clock.clone())
    }

    /// The same client with another cap on the time for a reply.
    #[must_use]
    pub fn with_reply_cap(&self, cap: Duration) -> Self {
        Self {
            settings: Arc::new(SmtpSettings {
                reply_cap: cap,
                ..SmtpSettings::clone(&self.settings)
            }),
            ..self.clone()
        }
    }

    /// A session for `endpoint`, not connected yet.
    pub fn session(&self, endpoint: Endpoint) -> Session {
        Session::new(
            endpoint,
            self.settings.clone(),
            self.roots.clone(),
            self.clock.now(),
        )
    }
}

#[cfg(test)]
mod tests;
