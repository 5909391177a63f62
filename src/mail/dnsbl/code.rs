//! Keys of code tables: an address, an address with ranges (`127.0.2-20.3`), or a bit of the last octet (`bit:4`).

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// Which answers a row of a code table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeKey {
    /// Addresses whose octets lie in these inclusive ranges.
    Octets([(u8, u8); 4]),
    /// Addresses whose last octet has this bit set; a power of two.
    Bit(u8),
}

/// Why a key of a code table cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read \"{text}\" as a code: {why}")]
pub struct CodeKeyError {
    text: String,
    why: &'static str,
}

impl CodeKey {
    /// Whether the row is about `answer`.
    pub fn matches(self, answer: Ipv4Addr) -> bool {
        let octets = answer.octets();
        match self {
            CodeKey::Octets(ranges) => ranges
                .iter()
                .zip(octets)
                .all(|(&(low, high), octet)| (low..=high).contains(&octet)),
            CodeKey::Bit(bit) => octets[3] & bit != 0,
        }
    }

    /// The lowest address the row is about, for tests and for examples.
    pub fn example(self) -> Ipv4Addr {
        match self {
            CodeKey::Octets(ranges) => Ipv4Addr::from(ranges.map(|(low, _)| low)),
            CodeKey::Bit(bit) => Ipv4Addr::new(127, 0, 0, bit),
        }
    }
}

impl FromStr for CodeKey {
    type Err = CodeKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = |why| CodeKeyError {
            text: text.to_owned(),
            why,
        };
        if let Some(bit) = text.strip_prefix("bit:") {
            let bit: u8 = bit.parse().map_err(|_| fault("the bit is not 1 to 128"))?;
            return if bit.is_power_of_two() {
                Ok(CodeKey::Bit(bit))
            } else {
                Err(fault("a bit is 1, 2, 4, ... 128"))
            };
        }
        let mut ranges = [(0, 0); 4];
        let mut octets = text.split('.');
        for range in &mut ranges {
            let octet = octets
                .next()
                .ok_or_else(|| fault("an address has four octets"))?;
            let (low, high) = octet.split_once('-').unwrap_or((octet, octet));
            let number = |part: &str| {
                part.parse::<u8>()
                    .map_err(|_| fault("an octet is 0 to 255"))
            };
            *range = (number(low)?, number(high)?);
            if range.0 > range.1 {
                return Err(fault("a range goes upwards"));
            }
        }
        if octets.next().is_some() {
            return Err(fault("an address has four octets"));
        }
        if ranges[0] != (127, 127) {
            return Err(fault("codes lie in 127.0.0.0/8"));
        }
        Ok(CodeKey::Octets(ranges))
    }
}

impl fmt::Display for CodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodeKey::Bit(bit) => write!(f, "bit:{bit}"),
            CodeKey::Octets(ranges) => {
                for (index, (low, high)) in ranges.iter().enumerate() {
                    let dot = if index == 0 { "" } else { "." };
                    if low == high {
                        write!(f, "{dot}{low}")?;
                    } else {
                        write!(f, "{dot}{low}-{high}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Reads a map into rows, keeping the order of the file: the first match wins.
pub(super) fn ordered<'de, D, V>(deserializer: D) -> Result<Vec<(CodeKey, V)>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Rows(PhantomData))
}

struct Rows<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for Rows<V> {
    type Value = Vec<(CodeKey, V)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of codes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let key = key.parse().map_err(serde::de::Error::custom)?;
            rows.push((key, map.next_value()?));
        }
        Ok(rows)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_what_they_say() {
        for (key, answer, expected) in [
            ("127.0.0.2", "127.0.0.2", true),
            ("127.0.0.2", "127.0.0.3", false),
            ("127.0.2-20.3", "127.0.2.3", true),
            ("127.0.2-20.3", "127.0.20.3", true),
            ("127.0.2-20.3", "127.0.21.3", false),
            ("127.0.2-20.3", "127.0.5.2", false),
            ("127.0.10.0-255", "127.0.10.3", true),
            ("bit:4", "127.0.0.14", true),
            ("bit:4", "127.0.0.10", false),
            ("bit:128", "127.1.2.128", true),
        ] {
            let read: CodeKey = key.parse().unwrap();
            assert_eq!(
                read.matches(answer.parse().unwrap()),
                expected,
                "{key} {answer}"
            );
            assert_eq!(read.to_string(), key);
            assert!(read.matches(read.example()), "{key}");
        }
    }

    #[test]
    fn malformed_keys_are_refused() {
        for text in [
            "",
            "bit:",
            "bit:3",
            "bit:256",
            "bit:0",
            "127.0.0",
            "127.0.0.0.1",
            "127.0.0.256",
            "127.0.9-2.1",
            "10.0.0.1",
            "126-127.0.0.1",
            "127.0.0.x",
        ] {
            assert!(text.parse::<CodeKey>().is_err(), "{text}");
        }
    }
}
