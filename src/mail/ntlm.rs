//! The names that NTLM gives away before anybody has logged in.
//!
//! A client begins with a negotiate message; the server's challenge answers with the names of the machine and its domain, to
//! anyone who asks. Layout: [MS-NLMP] 2.2.1.1, 2.2.1.2 and 2.2.2.1.

use serde::{Deserialize, Serialize};

const SIGNATURE: &[u8] = b"NTLMSSP\0";
/// Unicode, "tell your target", NTLM, always sign.
const FLAGS: u32 = 0x0000_8205;

/// What a challenge tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Domain, or machine where there is no domain.
    pub target: Option<String>,
    /// NetBIOS name of the machine.
    pub computer: Option<String>,
    /// NetBIOS name of the domain.
    pub domain: Option<String>,
    /// DNS name of the machine.
    pub dns_computer: Option<String>,
    /// DNS name of the domain.
    pub dns_domain: Option<String>,
    /// DNS name of the forest.
    pub dns_forest: Option<String>,
}

impl Names {
    /// All names, each once, the machine's DNS name first.
    pub fn all(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for name in [
            &self.dns_computer,
            &self.computer,
            &self.dns_domain,
            &self.domain,
            &self.dns_forest,
            &self.target,
        ]
        .into_iter()
        .flatten()
        {
            if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                all.push(name);
            }
        }
        all
    }
}

/// The message that begins NTLM: no name and no password in it.
pub fn negotiate() -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(1u32.to_le_bytes());
    message.extend(FLAGS.to_le_bytes());
    // Domain and workstation: neither is given.
    message.extend([0; 16]);
    message
}

/// The names in a challenge. None when it is no challenge, or holds no name.
pub fn challenge(message: &[u8]) -> Option<Names> {
    if !message.starts_with(SIGNATURE) || number(message, 8, 4)? != 2 {
        return None;
    }
    let mut names = Names {
        target: field(message, 12).and_then(utf16),
        ..Names::default()
    };
    let mut rest = field(message, 40).unwrap_or_default();
    while let (Some(id), Some(length)) = (number(rest, 0, 2), number(rest, 2, 2)) {
        let Some(value) = rest.get(4..4 + length) else {
            break;
        };
        let place = match id {
            0 => break,
            1 => &mut names.computer,
            2 => &mut names.domain,
            3 => &mut names.dns_computer,
            4 => &mut names.dns_domain,
            5 => &mut names.dns_forest,
            _ => &mut None,
        };
        *place = utf16(value);
        rest = &rest[4 + length..];
    }
    (!names.all().is_empty()).then_some(names)
}

/// The bytes that a field at `at` (length, room, offset) points at.
fn field(message: &[u8], at: usize) -> Option<&[u8]> {
    let (length, offset) = (number(message, at, 2)?, number(message, at + 4, 4)?);
    message.get(offset..offset.checked_add(length)?)
}

/// A little-endian number of `width` bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let bytes = bytes.get(at..at + width)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | usize::from(*byte)),
    )
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .filter(|letter| !letter.is_control())
        .collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn small(number: usize) -> [u8; 2] {
        u16::try_from(number).unwrap().to_le_bytes()
    }

    /// A challenge as Windows writes it: a target name, and a list of names that ends with id 0.
    fn windows(target: &str, pairs: &[(u16, &str)]) -> Vec<u8> {
        let name = wide(target);
        let mut list = Vec::new();
        for (id, text) in pairs {
            let value = wide(text);
            list.extend(id.to_le_bytes());
            list.extend(small(value.len()));
            list.extend(value);
        }
        list.extend([0; 4]);
        let mut message = SIGNATURE.to_vec();
        message.extend(2u32.to_le_bytes());
        let pointer = |length: usize, at: usize| {
            let at = u32::try_from(at).unwrap().to_le_bytes();
            [&small(length)[..], &small(length), &at].concat()
        };
        message.extend(pointer(name.len(), 56));
        message.extend(FLAGS.to_le_bytes());
        message.extend(*b"challeng");
        message.extend([0; 8]);
        message.extend(pointer(list.len(), 56 + name.len()));
        message.extend([5, 2, 0xce, 0x0e, 0, 0, 0, 15]);
        message.extend(name);
        message.extend(list);
        message
    }

    #[test]
    fn a_challenge_tells_machine_and_domain() {
        let pairs = [
            (2, "ACME"),
            (1, "SERVER"),
            (4, "acme.local"),
            (3, "server.acme.local"),
            (7, "time"),
        ];
        let message = windows("ACME", &pairs);
        let names = challenge(&message).unwrap();
        assert_eq!(
            names.all(),
            ["server.acme.local", "SERVER", "acme.local", "ACME"]
        );
        assert_eq!(names.dns_forest, None);
        for cut in 0..message.len() {
            let _ = challenge(&message[..cut]);
        }
    }

    #[test]
    fn what_is_no_challenge_tells_nothing() {
        assert_eq!(challenge(&negotiate()), None);
        assert_eq!(challenge(b""), None);
        assert_eq!(challenge(&windows("", &[])), None);
        assert_eq!(negotiate().len(), 32);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let message = [SIGNATURE, &[2, 0, 0, 0], &bytes].concat();
            let _ = challenge(&message);
        }
    }
}
