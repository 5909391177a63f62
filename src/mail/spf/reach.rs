//! Which addresses and names a term reaches.

use std::net::IpAddr;

/// Whether `ip` lies in the network of `prefix` bits around `other`. Families never match each other.
pub(super) fn within(ip: IpAddr, other: IpAddr, prefix: u8) -> bool {
    match (ip.to_canonical(), other) {
        (IpAddr::V4(ip), IpAddr::V4(other)) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(prefix))
                .unwrap_or_default();
            u32::from(ip) & mask == u32::from(other) & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(other)) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(prefix))
                .unwrap_or_default();
            u128::from(ip) & mask == u128::from(other) & mask
        }
        _ => false,
    }
}

/// Whether `name` is `domain` or lies below it.
pub(super) fn is_at_or_below(name: &str, domain: &str) -> bool {
    name == domain
        || name
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// A name of one label can be asked, but has no SPF record of its own (§4.3).
pub(super) const SINGLE: &str = "it has a single label";

/// What makes a name unusable (§4.3).
pub(super) fn malformed(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.len() > 253 {
        return Some("it is longer than 253 characters");
    }
    if name.split('.').any(str::is_empty) {
        return Some("it has an empty label");
    }
    if name.split('.').any(|label| label.len() > 63) {
        return Some("it has a label of more than 63 characters");
    }
    if !name.contains('.') {
        return Some(SINGLE);
    }
    (name.parse::<IpAddr>().is_ok()).then_some("it is an address")
}

/// A few addresses in full, many by their count.
pub(super) fn listed(addresses: &[IpAddr]) -> String {
    match addresses.len() {
        0 => "no address".to_owned(),
        1..=4 => {
            let all: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            all.join(", ")
        }
        many => format!("{many} addresses"),
    }
}
