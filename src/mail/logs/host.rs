//! Hosts as mail servers write them: `mail.example.org[192.0.2.1]:25`, `unknown[2001:db8::1]`.

use std::net::IpAddr;

/// A host with name and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Host<'l> {
    /// Its name; its address as text when no name is known.
    pub(super) name: &'l str,
    /// Its address.
    pub(super) address: Option<IpAddr>,
}

impl<'l> Host<'l> {
    /// Reads `name[address]`, with or without a port behind, or a bare name. `None` for an empty text.
    pub(super) fn read(text: &'l str) -> Option<Self> {
        let text = text.trim();
        let Some(open) = memchr::memchr(b'[', text.as_bytes()) else {
            let name = text.split(':').next().unwrap_or_default();
            let bare: Option<IpAddr> = text.parse().ok();
            return match (bare, name) {
                (Some(address), _) => Some(Self {
                    name: text,
                    address: Some(address),
                }),
                (None, "") => None,
                (None, name) => Some(Self {
                    name,
                    address: None,
                }),
            };
        };
        let inside = text[open + 1..].split(']').next().unwrap_or_default();
        let plain = inside.strip_prefix("IPv6:").unwrap_or(inside);
        let name = text[..open].trim_end();
        let named = !name.is_empty() && name != "unknown";
        let name = if named { name } else { plain };
        (!name.is_empty()).then(|| Self {
            name,
            address: plain.parse().ok(),
        })
    }

    /// Whether it is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        self.address.is_some_and(|address| address.is_loopback())
    }
}

/// The address between `<` and `>` at the beginning of a text, and what follows. The address may hold blanks and commas.
pub(super) fn bracketed(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('<')?;
    let bytes = rest.as_bytes();
    let mut quoted = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some((&rest[..at], &rest[at + 1..])),
            _ => {}
        }
    }
    // A quote that never ends is no quote.
    let end = memchr::memchr(b'>', bytes)?;
    Some((&rest[..end], &rest[end + 1..]))
}
