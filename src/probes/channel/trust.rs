//! The certificate authorities that a connection trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

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

/// The public authorities, and those named beside them.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    pub(super) roots: Arc<RootCertStore>,
    /// Those named, as certificates: one that is itself what a server sends is trusted too.
    pub(super) named: Arc<[CertificateDer<'static>]>,
}

impl Trust {
    pub(super) fn with(named: &[CertificateDer<'static>]) -> Result<Self, RootsError> {
        let mut roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        for root in named {
            roots.add(root.clone()).map_err(RootsError::Unusable)?;
        }
        Ok(Self {
            roots: Arc::new(roots),
            named: named.into(),
        })
    }
}
