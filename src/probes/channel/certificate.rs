//! A server's certificate in plain words: whose it is, until when, and what is wrong with it.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// What following the chain to a trusted authority brought. Name and dates are judged apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChainVerdict {
    /// It leads to a trusted authority.
    Trusted,
    /// The certificate is signed by itself and not among the trusted ones.
    SelfSigned,
    /// The issuer is unknown, or an intermediate certificate is not sent.
    UnknownIssuer,
    /// A signature in the chain is wrong.
    BadSignature,
    /// Something else, in words.
    Other(String),
}

/// What a certificate says, and what is to be held of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateReport {
    /// The name that it had to carry.
    pub expected: String,
    /// Subject, as text.
    pub subject: String,
    /// Issuer, as text.
    pub issuer: String,
    /// DNS names and addresses it is valid for (subject alternative names).
    pub names: Vec<String>,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// `RSA`, `EC`, `Ed25519`, or an OID.
    pub key: String,
    /// Bits of the key; 0 when not known.
    pub key_bits: usize,
    /// Signed by itself.
    pub self_signed: bool,
    /// Within its dates when it was seen.
    pub in_time: bool,
    /// Valid for the expected name.
    pub name_matches: bool,
    /// The way to a trusted authority.
    pub chain: ChainVerdict,
    /// How many certificates the server sent.
    pub sent: usize,
    /// When it was seen.
    pub seen: Timestamp,
}

impl CertificateReport {
    /// True when a mail program would trust it: name, dates and chain.
    pub fn is_verified(&self) -> bool {
        self.in_time && self.name_matches && self.chain == ChainVerdict::Trusted
    }

    /// Whole days until it ends, counted from when it was seen; negative when it has ended.
    pub fn days_left(&self) -> i64 {
        self.not_after
            .duration_since(self.seen)
            .as_hours()
            .div_euclid(24)
    }

    /// What is wrong with it, each fault in plain words; empty when it is verified.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.name_matches {
            let names = match self.names.as_slice() {
                [] => "no name at all".to_owned(),
                names => names.join(", "),
            };
            faults.push(format!("it is for {names}, not for {}", self.expected));
        }
        if !self.in_time {
            faults.push(if self.seen < self.not_before {
                format!("it is not valid before {}", self.not_before)
            } else {
                format!("it ended on {}", self.not_after)
            });
        }
        match &self.chain {
            ChainVerdict::Trusted => {}
            ChainVerdict::SelfSigned => faults.push("it is signed by itself".to_owned()),
            ChainVerdict::UnknownIssuer => faults.push(format!(
                "its issuer ({}) is not known, or an intermediate certificate is missing",
                self.issuer
            )),
            ChainVerdict::BadSignature => {
                faults.push("a signature in its chain is wrong".to_owned());
            }
            ChainVerdict::Other(why) => faults.push(why.clone()),
        }
        faults
    }
}

/// Judges what the server sent. None if the certificate cannot even be read.
pub(super) fn judge(
    sent: &[CertificateDer<'_>],
    expected: &ServerName<'_>,
    roots: &RootCertStore,
    trusted: &[CertificateDer<'_>],
    provider: &CryptoProvider,
    now: UnixTime,
) -> Option<CertificateReport> {
    let (leaf, intermediates) = sent.split_first()?;
    let (_, x509) = X509Certificate::from_der(leaf).ok()?;
    let validity = x509.validity();
    let not_before = validity.not_before.timestamp();
    let not_after = validity.not_after.timestamp();
    let seen = i64::try_from(now.as_secs()).ok()?;
    let self_signed = x509.subject().as_raw() == x509.issuer().as_raw();
    let in_time = (not_before..=not_after).contains(&seen);
    let parsed = ParsedCertificate::try_from(leaf).ok();
    let chain = if trusted.contains(leaf) {
        ChainVerdict::Trusted
    } else {
        // Dates are judged apart, so the chain is looked at on a day when the certificate was good.
        let day = if in_time { seen } else { not_after - 1 };
        let day = UnixTime::since_unix_epoch(std::time::Duration::from_secs(day.unsigned_abs()));
        follow(
            parsed.as_ref(),
            intermediates,
            roots,
            provider,
            day,
            self_signed,
        )
    };
    let (key, key_bits) = key(&x509);
    Some(CertificateReport {
        expected: expected.to_str().into_owned(),
        subject: shown(x509.subject()),
        issuer: shown(x509.issuer()),
        names: names(&x509),
        not_before: Timestamp::from_second(not_before).ok()?,
        not_after: Timestamp::from_second(not_after).ok()?,
        key,
        key_bits,
        self_signed,
        in_time,
        name_matches: parsed.is_some_and(|parsed| verify_server_name(&parsed, expected).is_ok()),
        chain,
        sent: sent.len(),
        seen: Timestamp::from_second(seen).ok()?,
    })
}

fn follow(
    leaf: Option<&ParsedCertificate<'_>>,
    intermediates: &[CertificateDer<'_>],
    roots: &RootCertStore,
    provider: &CryptoProvider,
    day: UnixTime,
    self_signed: bool,
) -> ChainVerdict {
    let Some(leaf) = leaf else {
        return ChainVerdict::Other("it is no certificate of version 3".to_owned());
    };
    let algorithms = provider.signature_verification_algorithms.all;
    let followed =
        verify_server_cert_signed_by_trust_anchor(leaf, roots, intermediates, day, algorithms);
    match followed {
        Ok(()) => ChainVerdict::Trusted,
        // Whatever it stumbles over first, this is what there is to say.
        Err(_) if self_signed => ChainVerdict::SelfSigned,
        Err(rustls::Error::InvalidCertificate(error)) => match error {
            CertificateError::UnknownIssuer => ChainVerdict::UnknownIssuer,
            CertificateError::BadSignature => ChainVerdict::BadSignature,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ChainVerdict::Other("a certificate above it in the chain has ended".to_owned())
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                ChainVerdict::Other("it is not meant for servers".to_owned())
            }
            other => ChainVerdict::Other(format!("its chain cannot be verified: {other}")),
        },
        Err(other) => ChainVerdict::Other(format!("its chain cannot be verified: {other}")),
    }
}

fn key(x509: &X509Certificate<'_>) -> (String, usize) {
    let info = x509.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let modulus: &[u8] = rsa.modulus;
            let first = modulus.iter().position(|byte| *byte != 0).unwrap_or(0);
            let zeros = modulus
                .get(first)
                .map_or(0, |byte| byte.leading_zeros() as usize);
            ("RSA".to_owned(), (modulus.len() - first) * 8 - zeros)
        }
        Ok(PublicKey::EC(point)) => ("EC".to_owned(), point.key_size()),
        _ => match info.algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => ("Ed25519".to_owned(), 256),
            "1.3.101.113" => ("Ed448".to_owned(), 448),
            other => (other.to_owned(), 0),
        },
    }
}

fn names(x509: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = x509.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(octets) => address(octets).map(|a| a.to_string()),
            _ => None,
        })
        .collect()
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

fn shown(name: &X509Name<'_>) -> String {
    let text = name.to_string();
    if text.is_empty() {
        "(no name)".to_owned()
    } else {
        text
    }
}
