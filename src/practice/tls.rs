//! The certificate authority of the world, and certificates with what is wrong with certificates.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, crypto::ring};
use tokio_rustls::TlsAcceptor;

use super::live::Live;

/// What is wrong with a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Certificate {
    /// Nothing: issued by the world's authority for the server's names, valid for a year.
    #[default]
    Good,
    /// Good, but it ends in ten days.
    ExpiresSoon,
    /// Its time ended two days ago.
    Expired,
    /// Issued by nobody but itself.
    SelfSigned,
    /// Issued for `other.invalid`.
    WrongName,
}

/// The authority. Its key is made anew with each world.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    today: Date,
    /// A server shows the same certificate until its names or what is wrong with it change.
    issued: Live<BTreeMap<(Vec<String>, Certificate), TlsAcceptor>>,
}

impl Authority {
    /// Makes an authority (an elliptic curve key: a millisecond, not a second).
    ///
    /// # Errors
    ///
    /// Key generation or signing failed.
    pub fn new() -> io::Result<Self> {
        let today = Timestamp::now().to_zoned_datetime(TimeZone::UTC).date();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "practice world authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        set_validity(
            &mut params,
            today.saturating_sub(365.days()),
            today.saturating_add(3650.days()),
        );
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        Ok(Self {
            issuer,
            today,
            issued: Live::default(),
        })
    }

    /// The authority's certificate, for a client's trust store.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// What a server needs to speak TLS (1.2 and 1.3) as one of `names`.
    ///
    /// # Errors
    ///
    /// A name that no certificate can hold, or signing failed.
    pub fn acceptor(&self, names: &[String], kind: Certificate) -> io::Result<TlsAcceptor> {
        let key = (names.to_vec(), kind);
        if let Some(acceptor) = self.issued.read(|issued| issued.get(&key).cloned()) {
            return Ok(acceptor);
        }
        let acceptor = self.issue(names, kind)?;
        self.issued
            .edit(|issued| issued.insert(key, acceptor.clone()));
        Ok(acceptor)
    }

    fn issue(&self, names: &[String], kind: Certificate) -> io::Result<TlsAcceptor> {
        let names = if kind == Certificate::WrongName {
            &["other.invalid".to_owned()][..]
        } else {
            names
        };
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name.push(
            DnType::CommonName,
            names.first().cloned().unwrap_or_default(),
        );
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = kind != Certificate::SelfSigned;
        let (from, to) = match kind {
            Certificate::Expired => (
                self.today.saturating_sub(90.days()),
                self.today.saturating_sub(2.days()),
            ),
            Certificate::ExpiresSoon => (
                self.today.saturating_sub(80.days()),
                self.today.saturating_add(10.days()),
            ),
            _ => (
                self.today.saturating_sub(30.days()),
                self.today.saturating_add(365.days()),
            ),
        };
        set_validity(&mut params, from, to);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = match kind {
            Certificate::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let chain = vec![certificate.map_err(io::Error::other)?.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Makes a certificate valid between two midnights.
fn set_validity(params: &mut CertificateParams, from: Date, to: Date) {
    let month = |date: Date| u8::try_from(date.month()).unwrap_or(1);
    let day = |date: Date| u8::try_from(date.day()).unwrap_or(1);
    params.not_before = date_time_ymd(from.year().into(), month(from), day(from));
    params.not_after = date_time_ymd(to.year().into(), month(to), day(to));
}
