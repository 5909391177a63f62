//! DKIM keys as they stand in DNS (RFC 6376 §3.6, RFC 8301, RFC 8463): what a key is good for, and what is wrong with it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;
use serde::{Deserialize, Serialize};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::{PublicKey, RSAPublicKey};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::tag_list::TagList;

/// RSA keys shorter than this are ignored by receivers (RFC 8301 §3.2).
pub const LEAST_BITS: usize = 1024;
/// RSA keys should have this length (RFC 8301 §3.2).
pub const GOOD_BITS: usize = 2048;

/// A key record as read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Key {
    /// `rsa` or `ed25519`, as the record says.
    pub algorithm: String,
    /// Length of the key; none when it could not be read.
    pub bits: Option<usize>,
    /// `t=y`: receivers must not treat failures differently from no signature.
    pub testing: bool,
    /// `t=s`: subdomains may not use it.
    pub strict: bool,
    /// An empty `p=`: signatures with it fail.
    pub revoked: bool,
    /// Hash algorithms it is restricted to; empty: all.
    pub hashes: Vec<String>,
    /// What is wrong.
    #[serde(skip)]
    pub faults: Vec<Fault>,
}

/// What kind of fault a key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// No receiver can use it.
    Invalid,
    /// It was withdrawn.
    Revoked,
    /// It is marked as a test.
    Testing,
    /// It is so short that receivers ignore it.
    TooShort,
    /// It is shorter than it should be.
    Short,
    /// It is restricted to a hash that nobody takes any more.
    Hash,
    /// It is not for mail.
    Service,
    /// Receivers take it, but it is written oddly.
    Odd,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind.
    pub kind: FaultKind,
    /// In words.
    pub what: String,
}

impl Key {
    /// True when receivers can verify signatures with it.
    pub fn is_usable(&self) -> bool {
        !self.revoked
            && !self.faults.iter().any(|fault| {
                matches!(
                    fault.kind,
                    FaultKind::Invalid
                        | FaultKind::Revoked
                        | FaultKind::TooShort
                        | FaultKind::Hash
                        | FaultKind::Service
                )
            })
    }

    fn fault(&mut self, kind: FaultKind, what: impl Into<String>) {
        self.faults.push(Fault {
            kind,
            what: what.into(),
        });
    }
}

/// The name of a key.
pub fn key_name(selector: &str, domain: &str) -> String {
    format!("{selector}._domainkey.{domain}")
}

/// Reads a key record.
pub fn key(text: &str) -> Key {
    let list = TagList::read(text);
    let mut key = Key {
        algorithm: list.get("k").unwrap_or("rsa").to_ascii_lowercase(),
        ..Key::default()
    };
    for fault in &list.faults {
        key.fault(FaultKind::Invalid, fault.clone());
    }
    match list.get("v") {
        None => {}
        Some(_) if list.tags.first().is_some_and(|(name, _)| name != "v") => {
            key.fault(FaultKind::Invalid, "'v=' must be the first tag");
        }
        Some("DKIM1") => {}
        Some(other) => key.fault(
            FaultKind::Invalid,
            format!("the version is '{other}', not 'DKIM1'"),
        ),
    }
    let flags: Vec<String> = words(list.get("t"));
    key.testing = flags.iter().any(|flag| flag == "y");
    key.strict = flags.iter().any(|flag| flag == "s");
    if key.testing {
        key.fault(
            FaultKind::Testing,
            "it is marked as a test (t=y): receivers may treat the mail as unsigned",
        );
    }
    key.hashes = words(list.get("h"));
    if !key.hashes.is_empty() && !key.hashes.iter().any(|hash| hash == "sha256") {
        key.fault(
            FaultKind::Hash,
            format!(
                "it is restricted to {}; receivers only take sha256 (RFC 8301)",
                key.hashes.join(", ")
            ),
        );
    }
    let services = words(list.get("s"));
    if !services.is_empty() && !services.iter().any(|s| s == "*" || s == "email") {
        key.fault(
            FaultKind::Service,
            format!("it is for {}, not for mail", services.join(", ")),
        );
    }
    if let Some(granularity) = list.get("g")
        && granularity != "*"
    {
        key.fault(
            FaultKind::Odd,
            "the tag 'g=' is from the forerunner of DKIM; receivers pass over it, some old ones refuse the key",
        );
    }
    match list.get("p") {
        None => key.fault(FaultKind::Invalid, "the key itself, 'p=', is missing"),
        Some(data) => material(&mut key, data),
    }
    key
}

fn words(value: Option<&str>) -> Vec<String> {
    value
        .unwrap_or_default()
        .split(':')
        .map(|word| word.trim().to_ascii_lowercase())
        .filter(|word| !word.is_empty())
        .collect()
}

/// The key itself.
fn material(key: &mut Key, data: &str) {
    let data: String = data.chars().filter(|c| !c.is_whitespace()).collect();
    if data.is_empty() {
        key.revoked = true;
        key.fault(
            FaultKind::Revoked,
            "it is withdrawn (p= is empty): every signature with it fails",
        );
        return;
    }
    if data.contains("BEGIN") || data.contains("-----") {
        key.fault(
            FaultKind::Invalid,
            "the lines 'BEGIN PUBLIC KEY' and 'END PUBLIC KEY' do not belong into the record",
        );
        return;
    }
    let bytes = match base64_of(&data) {
        Ok(bytes) => bytes,
        Err(what) => return key.fault(FaultKind::Invalid, what),
    };
    match key.algorithm.as_str() {
        "rsa" => rsa(key, &bytes),
        "ed25519" => {
            // RFC 8463 §3: the bare 32 octets, though some publish the usual wrapping
            if bytes.len() == 32 {
                key.bits = Some(256);
            } else {
                key.fault(
                    FaultKind::Invalid,
                    format!(
                        "an ed25519 key has 32 octets, this one {}: publish the bare key",
                        bytes.len()
                    ),
                );
            }
        }
        other => key.fault(
            FaultKind::Invalid,
            format!("the type of key '{other}' is unknown; 'rsa' and 'ed25519' are used"),
        ),
    }
}

fn base64_of(data: &str) -> Result<Vec<u8>, String> {
    // Loose about the bits that fill up the last character, as verifiers are.
    const LOOSE: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    if let Some((at, c)) = data
        .char_indices()
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || "+/=".contains(*c)))
    {
        return Err(format!(
            "character {} of the key, '{}', is no base64",
            at + 1,
            c.escape_default()
        ));
    }
    LOOSE.decode(data).map_err(|_| {
        "the key is no complete base64: a part of it was lost, often at the limit of 255 characters".to_owned()
    })
}

fn rsa(key: &mut Key, bytes: &[u8]) {
    let wrapped = SubjectPublicKeyInfo::from_der(bytes)
        .ok()
        .map(|(_, info)| match info.parsed() {
            Ok(PublicKey::RSA(rsa)) => Ok(bits(rsa.modulus)),
            Ok(_) => Err("it is no RSA key, though k= says so"),
            Err(_) => Err("the RSA key inside cannot be read"),
        });
    let bare = || {
        RSAPublicKey::from_der(bytes)
            .ok()
            .map(|(_, rsa)| bits(rsa.modulus))
    };
    match wrapped {
        Some(Ok(bits)) => key.bits = Some(bits),
        Some(Err(what)) => return key.fault(FaultKind::Invalid, what),
        None => match bare() {
            Some(bits) => {
                key.bits = Some(bits);
                key.fault(
                    FaultKind::Odd,
                    "the key lacks its usual wrapping (SubjectPublicKeyInfo); some receivers cannot read it",
                );
            }
            None => {
                let what = if bytes.len() == 32 {
                    "this looks like an ed25519 key: k=ed25519 is missing"
                } else {
                    "this is no RSA key: a part of it was lost or added"
                };
                return key.fault(FaultKind::Invalid, what);
            }
        },
    }
    match key.bits {
        Some(bits) if bits < LEAST_BITS => key.fault(
            FaultKind::TooShort,
            format!("it has {bits} bits; receivers ignore keys of less than {LEAST_BITS}"),
        ),
        Some(bits) if bits < GOOD_BITS => key.fault(
            FaultKind::Short,
            format!("it has {bits} bits; {GOOD_BITS} are usual today"),
        ),
        _ => {}
    }
}

/// Significant bits of a number.
fn bits(number: &[u8]) -> usize {
    let number: &[u8] = {
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        &number[zeros..]
    };
    match number.first() {
        Some(first) => number.len() * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

/// A selector that a product usually uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommonSelector {
    /// The selector.
    pub selector: String,
    /// Who uses it.
    pub by: String,
}

/// Selectors that products usually use.
pub fn common_selectors() -> &'static [CommonSelector] {
    static SELECTORS: LazyLock<Vec<CommonSelector>> = LazyLock::new(|| {
        serde_saphyr::from_str(include_str!("data/dkim-selectors.yaml"))
            .expect("the shipped data is tested")
    });
    &SELECTORS
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// A key of so many bits: a modulus of ones, which no check of a record looks into.
    fn rsa_key(bits: usize, wrapped: bool) -> String {
        fn der(tag: u8, content: &[u8]) -> Vec<u8> {
            let mut bytes = vec![tag];
            match content.len() {
                length @ 0..=127 => bytes.push(length as u8),
                length @ 128..=255 => bytes.extend([0x81, length as u8]),
                length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
            }
            bytes.extend_from_slice(content);
            bytes
        }
        let mut modulus = vec![0];
        modulus.extend(std::iter::repeat_n(0xff, bits / 8));
        let key = der(0x30, &[der(2, &modulus), der(2, &[1, 0, 1])].concat());
        if !wrapped {
            return STANDARD.encode(key);
        }
        let algorithm = der(
            0x30,
            &[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0],
        );
        let held = der(3, &[vec![0], key].concat());
        STANDARD.encode(der(0x30, &[algorithm, held].concat()))
    }

    #[test]
    fn keys_are_read_with_their_faults() {
        let (good, short, tiny) = (rsa_key(2048, true), rsa_key(1024, true), rsa_key(512, true));
        let bare = rsa_key(2048, false);
        let ed = STANDARD.encode([7; 32]);
        let cut = &good[..good.len() - 3];
        let broken = format!("{}!{}", &good[..20], &good[21..]);
        for (record, usable, kinds) in [
            (format!("v=DKIM1; k=rsa; p={good}"), true, vec![]),
            (format!("p={good}"), true, vec![]),
            (
                format!("v=DKIM1; p={} {}", &good[..80], &good[80..]),
                true,
                vec![],
            ),
            (format!("v=DKIM1; k=ed25519; p={ed}"), true, vec![]),
            (format!("v=DKIM1; p={short}"), true, vec![FaultKind::Short]),
            (
                format!("v=DKIM1; p={tiny}"),
                false,
                vec![FaultKind::TooShort],
            ),
            (format!("v=DKIM1; p={bare}"), true, vec![FaultKind::Odd]),
            (
                format!("v=DKIM1; t=y; p={good}"),
                true,
                vec![FaultKind::Testing],
            ),
            (
                format!("v=DKIM1; h=sha1; p={good}"),
                false,
                vec![FaultKind::Hash],
            ),
            (format!("v=DKIM1; h=sha1:sha256; p={good}"), true, vec![]),
            (
                format!("v=DKIM1; s=tlsrpt; p={good}"),
                false,
                vec![FaultKind::Service],
            ),
            (format!("v=DKIM1; g=; p={good}"), true, vec![FaultKind::Odd]),
            ("v=DKIM1; p=".to_owned(), false, vec![FaultKind::Revoked]),
            ("v=DKIM1; k=rsa".to_owned(), false, vec![FaultKind::Invalid]),
            (
                format!("v=DKIM2; p={good}"),
                false,
                vec![FaultKind::Invalid],
            ),
            (
                format!("p={good}; v=DKIM1"),
                false,
                vec![FaultKind::Invalid],
            ),
            (
                format!("v=DKIM1; k=dsa; p={good}"),
                false,
                vec![FaultKind::Invalid],
            ),
            (format!("v=DKIM1; p={ed}"), false, vec![FaultKind::Invalid]),
            (
                format!("v=DKIM1; k=ed25519; p={good}"),
                false,
                vec![FaultKind::Invalid],
            ),
            (format!("v=DKIM1; p={cut}"), false, vec![FaultKind::Invalid]),
            (
                format!("v=DKIM1; p={broken}"),
                false,
                vec![FaultKind::Invalid],
            ),
            (
                format!("v=DKIM1; p=-----BEGIN PUBLIC KEY-----{good}"),
                false,
                vec![FaultKind::Invalid],
            ),
        ] {
            let key = key(&record);
            let seen: Vec<FaultKind> = key.faults.iter().map(|fault| fault.kind).collect();
            assert_eq!(
                (key.is_usable(), seen),
                (usable, kinds),
                "{record}: {key:?}"
            );
        }
        assert_eq!(key(&format!("p={good}")).bits, Some(2048));
        assert_eq!(key(&format!("p={short}")).bits, Some(1024));
    }

    #[test]
    fn common_selectors_are_names() {
        assert!(common_selectors().len() > 20);
        for one in common_selectors() {
            assert!(
                one.selector
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-')
            );
            assert!(!one.by.is_empty());
        }
    }
}
