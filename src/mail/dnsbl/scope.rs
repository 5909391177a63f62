//! Which addresses may be asked about.
//!
//! Lists know public addresses only. Asking about a private one is at best useless (the real sender is behind NAT and
//! stays unexamined, yet the answer reads "clean") and at worst tells the operator about a network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address may not be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{address} is {what}: take the public address that sends the mail, from a bounce or a Received header"
)]
pub struct Refused {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub what: &'static str,
}

/// Says whether lists may be asked about an address; gives it back with an IPv4-mapped one turned into IPv4.
///
/// A `laboratory` treats reserved, documentation and loopback addresses as public; unspecified and multicast addresses are
/// refused even there, for no host has them.
///
/// # Errors
/// When the address is not a public unicast address.
pub fn askable(address: IpAddr, laboratory: bool) -> Result<IpAddr, Refused> {
    let address = address.to_canonical();
    let what = match address {
        IpAddr::V4(v4) => never4(v4).or_else(|| if laboratory { None } else { reserved4(v4) }),
        IpAddr::V6(v6) => never6(v6).or_else(|| if laboratory { None } else { reserved6(v6) }),
    };
    match what {
        None => Ok(address),
        Some(what) => Err(Refused { address, what }),
    }
}

fn never4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "not an address of a host (0.0.0.0/8)",
        [224..=239, ..] => "a multicast address",
        [255, 255, 255, 255] => "the broadcast address",
        _ => return None,
    })
}

/// IANA's special-purpose registry (RFC 6890 and updates).
fn reserved4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [127, ..] => "a loopback address",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address (RFC 1918)",
        [100, 64..=127, ..] => "a shared address behind carrier-grade NAT (RFC 6598)",
        [169, 254, ..] => "a link-local address",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            "a documentation address (RFC 5737)"
        }
        [192, 0, 0, _] => "a protocol address (RFC 6890)",
        [198, 18..=19, ..] => "a benchmarking address (RFC 2544)",
        [240..=255, ..] => "a reserved address (240.0.0.0/4)",
        _ => return None,
    })
}

fn never6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("not an address of a host (::)");
    }
    (address.segments()[0] & 0xff00 == 0xff00).then_some("a multicast address")
}

fn reserved6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        return Some("a loopback address");
    }
    Some(match address.segments() {
        [0xfc00..=0xfdff, ..] => "a unique local address (RFC 4193)",
        [0xfe80..=0xfebf, ..] => "a link-local address",
        [0xfec0..=0xfeff, ..] => "a site-local address (RFC 3879)",
        [0x2001, 0x0db8, ..] => "a documentation address (RFC 3849)",
        [0x3fff, second, ..] if second < 0x1000 => "a documentation address (RFC 9637)",
        [0x2001, 0x0002, 0, ..] => "a benchmarking address (RFC 5180)",
        [0x0100, 0, 0, 0, ..] => "a discard address (RFC 6666)",
        [0x0064, 0xff9b, ..] => "an address of a NAT64 translator (RFC 6052)",
        [0x2000..=0x3fff, ..] => return None,
        _ => "not a global unicast address",
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_asked_about() {
        // address, outside a laboratory, inside one
        for (address, plain, laboratory) in [
            ("8.8.4.4", true, true),
            ("::ffff:8.8.4.4", true, true),
            ("2a00:1450::5", true, true),
            ("10.1.2.3", false, true),
            ("172.15.0.1", true, true),
            ("172.31.0.1", false, true),
            ("192.168.1.1", false, true),
            ("::ffff:192.168.1.1", false, true),
            ("100.64.0.1", false, true),
            ("100.128.0.1", true, true),
            ("169.254.1.1", false, true),
            ("192.0.2.1", false, true),
            ("198.51.100.1", false, true),
            ("203.0.113.1", false, true),
            ("198.18.0.1", false, true),
            ("2001:db8::1", false, true),
            ("fd00::1", false, true),
            ("fe80::1", false, true),
            ("127.0.0.2", false, true),
            ("::ffff:127.0.0.2", false, true),
            ("::1", false, true),
            ("0.0.0.0", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            assert_eq!(askable(ip, false).is_ok(), plain, "{address}");
            assert_eq!(
                askable(ip, true).is_ok(),
                laboratory,
                "{address} in a laboratory"
            );
        }
        let mapped = askable("::ffff:8.8.4.4".parse().unwrap(), false).unwrap();
        assert_eq!(mapped.to_string(), "8.8.4.4");
        let refused = askable("10.0.0.1".parse().unwrap(), false).unwrap_err();
        assert!(refused.to_string().contains("RFC 1918"), "{refused}");
    }
}
