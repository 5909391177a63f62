//! TLS for looking, not for trusting: the handshake always ends, and the certificate's faults are
//! written down instead of ending it. Whether a password may follow is decided on that record.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use super::certificate::{CertificateReport, judge};
use super::trust::Trust;

/// A TLS connection as negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsReport {
    /// `TLS 1.3` or `TLS 1.2`; older ones cannot be spoken.
    pub protocol: String,
    /// Cipher suite.
    pub cipher: String,
    /// The server's certificate; None if it cannot be read.
    pub certificate: Option<CertificateReport>,
}

impl TlsReport {
    /// True when a mail program would trust the other end.
    pub fn is_verified(&self) -> bool {
        self.certificate
            .as_ref()
            .is_some_and(CertificateReport::is_verified)
    }

    pub(super) fn new(
        connection: &rustls::CommonState,
        certificate: Option<CertificateReport>,
    ) -> Self {
        let protocol = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
            other => format!("{other:?}"),
        };
        let cipher = connection
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| format!("{:?}", suite.suite()));
        Self {
            protocol,
            cipher,
            certificate,
        }
    }
}

/// A connector for one handshake and the place where its certificate is written down.
pub(super) fn connector(trust: &Trust) -> Result<(TlsConnector, Arc<Recorder>), rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder {
        trust: trust.clone(),
        provider: provider.clone(),
        seen: Mutex::new(None),
    });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(recorder.clone())
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), recorder))
}

/// A verifier that verifies, writes down, and lets go on.
#[derive(Debug)]
pub(super) struct Recorder {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<CertificateReport>>,
}

impl Recorder {
    /// What was seen in the handshake.
    pub(super) fn take(&self) -> Option<CertificateReport> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut sent = vec![end_entity.clone()];
        sent.extend_from_slice(intermediates);
        let report = judge(
            &sent,
            server_name,
            &self.trust.roots,
            &self.trust.named,
            &self.provider,
            now,
        );
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = report;
        Ok(ServerCertVerified::assertion())
    }

    // The signatures of the handshake prove that the server has the key: those must be right.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Why a handshake failed, in words that lead somewhere.
pub(super) fn handshake_trouble(error: &std::io::Error) -> String {
    use rustls::{AlertDescription, Error, InvalidMessage};
    let Some(inner) = error.get_ref().and_then(|e| e.downcast_ref::<Error>()) else {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                "the server closed the connection (it may speak no TLS 1.2 or newer)".to_owned()
            }
            std::io::ErrorKind::ConnectionReset => {
                "the connection was reset (it may speak no TLS 1.2 or newer)".to_owned()
            }
            _ => error.to_string(),
        };
    };
    match inner {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS here (it answered in clear)".to_owned()
        }
        Error::PeerIncompatible(why) => {
            format!("the server has no TLS 1.2 or newer, or no cipher in common ({why:?})")
        }
        Error::AlertReceived(alert) => match alert {
            AlertDescription::ProtocolVersion => "the server speaks no TLS 1.2 or newer".to_owned(),
            AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
                "no cipher in common: the server may know none that is still safe".to_owned()
            }
            AlertDescription::UnrecognisedName => {
                "the server does not know itself by this name".to_owned()
            }
            other => format!("the server broke it off ({other:?})"),
        },
        other => other.to_string(),
    }
}
