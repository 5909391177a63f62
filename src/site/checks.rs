//! What a value of a site file must look like: addresses, names, mail addresses, resolvers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

/// What an address is set aside for, in words; `None` for a public one.
///
/// The registries are IANA's special-purpose address registries (RFC 6890 and its updates), multicast (RFC 5771, RFC 4291)
/// and the former class E.
pub fn special_use(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(inner) => special_v4(inner).or(Some("an IPv4-mapped address")),
            None => special_v6(address),
        },
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    Some(match (a, b, c) {
        (0, ..) => "'this network'",
        (10, ..) | (192, 168, _) => "private networks (RFC 1918)",
        (172, 16..=31, _) => "private networks (RFC 1918)",
        (100, 64..=127, _) => "carrier-grade NAT (RFC 6598)",
        (127, ..) => "this machine (loopback)",
        (169, 254, _) => "link-local use",
        (192, 0, 0) => "protocol assignments",
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => "documentation (RFC 5737)",
        (198, 18..=19, _) => "benchmarks (RFC 2544)",
        (224..=239, ..) => "multicast",
        (240.., ..) => "future use",
        _ => return None,
    })
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [a, b, ..] = address.segments();
    Some(match (a, b) {
        _ if address.is_unspecified() => "'no address'",
        _ if address.is_loopback() => "this machine (loopback)",
        (0x2001, 0xdb8) | (0x3fff, 0..=0x0fff) => "documentation (RFC 3849, RFC 9637)",
        (0x2001, 0..=0x1ff) => "protocol assignments",
        (0x100, 0) => "discarding (RFC 6666)",
        (0xfc00..=0xfdff, _) => "private networks (RFC 4193)",
        (0xfe80..=0xfebf, _) => "link-local use",
        (0xff00..=0xffff, _) => "multicast",
        (0x2000..=0x3fff, _) => return None,
        _ => "reserved use",
    })
}

/// The addresses that a text names: one, or all of a small network.
pub(super) fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    match text.parse::<IpNet>() {
        Ok(network) => {
            let host_bits = network.max_prefix_len() - network.prefix_len();
            if host_bits > 8 {
                return Err(format!(
                    "'{text}' is too large a network: at most 256 addresses are taken"
                ));
            }
            if network.addr() != network.network() {
                return Err(format!(
                    "'{text}' is an address inside a network: write '{}' for it alone, or '{}' for all of them",
                    network.addr(),
                    network.trunc()
                ));
            }
            Ok(network.hosts().collect())
        }
        Err(_) => Err(format!("'{text}' is not an IP address")),
    }
}

/// A domain or host name (RFC 1123, IDNA): what is wrong with it, and what would be right.
pub(super) fn domain(text: &str) -> Result<(), String> {
    if text.parse::<IpAddr>().is_ok() {
        return Err(format!("'{text}' is an address where a name is meant"));
    }
    if text.contains("://") || text.contains('/') {
        return Err(format!(
            "'{text}' is not a name: leave out 'https://' and paths"
        ));
    }
    if text.contains('@') {
        return Err(format!("'{text}' is a mail address where a name is meant"));
    }
    if text.contains(':') {
        return Err(format!("'{text}' is not a name: leave out the port"));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let ascii = idna::domain_to_ascii_strict(name)
        .map_err(|_| format!("'{text}' is not a valid domain name"))?;
    if !ascii.contains('.') {
        return Err(format!(
            "'{text}' is not a full name: write it with its domain"
        ));
    }
    if ascii
        .rsplit('.')
        .next()
        .is_some_and(|top| top.chars().all(|c| c.is_ascii_digit()))
    {
        return Err(format!("'{text}' is not a valid domain name"));
    }
    Ok(())
}

/// A host: a name, or an address (with or without brackets).
pub(super) fn host(text: &str) -> Result<(), String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if bare.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    domain(text)
}

/// A mail address `LOCAL@DOMAIN` (RFC 5321; no display name, no quotes, no comments).
pub(super) fn mail_address(text: &str) -> Result<(), String> {
    let Some((local, after)) = text.rsplit_once('@') else {
        return Err(format!("'{text}' is not a mail address"));
    };
    let dot_atom = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if local.is_empty()
        || local.len() > 64
        || !local.chars().all(dot_atom)
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
    {
        return Err(format!(
            "'{text}' is not a mail address: write NAME@DOMAIN alone"
        ));
    }
    domain(after).map_err(|what| format!("'{text}' is not a mail address: {what}"))
}

/// A DKIM selector, `NAME` or `NAME@DOMAIN` (RFC 6376 §3.1: labels like those of a name).
pub(super) fn selector(text: &str) -> Result<(), String> {
    let (name, of) = match text.split_once('@') {
        Some((name, of)) => (name, Some(of)),
        None => (text, None),
    };
    let good = !name.is_empty()
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
        });
    if !good {
        return Err(format!("'{text}' is not a DKIM selector"));
    }
    if name.ends_with("_domainkey") || name.contains("._domainkey.") {
        return Err(format!(
            "'{text}' is the whole name of a key: write only what stands before '._domainkey'"
        ));
    }
    of.map_or(Ok(()), domain)
}

/// A resolver: `ADDRESS` or `ADDRESS:PORT`, IPv6 with a port in brackets.
pub(super) fn resolver(text: &str) -> Result<(), String> {
    let good = text.parse::<IpAddr>().is_ok()
        || text
            .parse::<SocketAddr>()
            .is_ok_and(|socket| socket.port() != 0);
    if good {
        return Ok(());
    }
    Err(format!("'{text}' is not a resolver"))
}

/// Where the registries of addresses are named: a URL, or `none`.
pub(super) fn registry(text: &str) -> Result<(), String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let good = host.is_some_and(|host| !host.is_empty() && !host.contains([' ', '@', '?', '#']));
    if good || text == "none" {
        return Ok(());
    }
    Err(format!("'{text}' is no address of a registry"))
}
