//! The name given with HELO and EHLO (RFC 5321 §4.1.1.1, §4.1.2, §4.1.3, §4.1.4).

use std::net::{IpAddr, Ipv6Addr};

use super::{Fault, host_name};

/// What stands after HELO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Helo {
    /// A full domain name, lower case, without a trailing dot.
    Name(String),
    /// An address literal. The standard allows it to hosts without a name; many receivers refuse it.
    Literal(IpAddr),
}

/// Why a HELO name breaks the standard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeloFault {
    /// It is no domain name of a host on the Internet.
    #[error("{0}")]
    Name(Fault),
    /// An address without brackets.
    #[error(
        "it is an address without brackets; a literal is written [192.0.2.1] or [IPv6:2001:db8::1]"
    )]
    BareAddress,
    /// Brackets around something that is no address.
    #[error("the brackets do not hold an address literal")]
    Literal,
}

/// Reads a HELO name.
///
/// # Errors
/// The first rule it breaks.
pub fn helo(text: &str) -> Result<Helo, HeloFault> {
    let text = text.trim();
    if text.parse::<IpAddr>().is_ok() {
        return Err(HeloFault::BareAddress);
    }
    if text.starts_with('[') || text.ends_with(']') {
        let inner = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .ok_or(HeloFault::Literal)?;
        return literal(inner).map(Helo::Literal).ok_or(HeloFault::Literal);
    }
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    host_name(&name).map_err(HeloFault::Name)?;
    Ok(Helo::Name(name))
}

/// `192.0.2.1` or `IPv6:2001:db8::1`; an IPv6 address without its tag is no literal.
fn literal(inner: &str) -> Option<IpAddr> {
    match inner.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => {
            inner[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => inner.parse().ok().map(IpAddr::V4),
    }
}
