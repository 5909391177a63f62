//! Public resolvers: by their own addresses, and by the networks their questions leave from.
//!
//! What a name server sees is the address that asked it. Some names answer with just that ([`ECHOES`]), so one question tells
//! whether a resolver asks by itself or hands on to a public one.

use std::net::IpAddr;
use std::sync::LazyLock;

use ipnet::IpNet;
use serde::Deserialize;

/// Names whose answer is the address of whoever asked for them, and the record type that holds it.
pub const ECHOES: &[(&str, Echo)] = &[
    ("o-o.myaddr.l.google.com", Echo::Text),
    ("whoami.akamai.net", Echo::Address),
];

/// Where an echo stands in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// As a TXT record.
    Text,
    /// As an A record.
    Address,
}

/// A resolver that anybody may use.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicResolver {
    /// Who runs it.
    pub operator: String,
    /// Where people reach it.
    pub addresses: Vec<IpAddr>,
    /// Where its questions come from.
    pub networks: Vec<IpNet>,
}

/// All that are known.
pub fn public_resolvers() -> &'static [PublicResolver] {
    static ALL: LazyLock<Vec<PublicResolver>> = LazyLock::new(|| {
        // A test reads the same text.
        serde_saphyr::from_str(include_str!("data/resolvers.yaml"))
            .expect("the shipped data is tested")
    });
    &ALL
}

/// The operator of the public resolver with this address.
pub fn public_service(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    public_resolvers()
        .iter()
        .find(|one| one.addresses.contains(&address))
        .map(|one| one.operator.as_str())
}

/// The operator of the public resolver whose questions come from this address.
pub fn public_egress(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    let holds = |one: &&PublicResolver| {
        one.addresses.contains(&address) || one.networks.iter().any(|net| net.contains(&address))
    };
    let found = public_resolvers().iter().find(holds)?;
    Some(&found.operator)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn public_resolvers_are_known_by_both_their_sides() {
        for (address, service, egress) in [
            ("8.8.8.8", Some("Google"), Some("Google")),
            ("::ffff:1.1.1.1", Some("Cloudflare"), Some("Cloudflare")),
            ("172.253.1.1", None, Some("Google")),
            ("162.158.9.9", None, Some("Cloudflare")),
            ("2620:fe::9", Some("Quad9"), Some("Quad9")),
            // neighbours of a small assignment are strangers
            ("2620:171:8000::1", None, None),
            ("192.0.2.53", None, None),
            ("127.0.0.1", None, None),
        ] {
            let address: IpAddr = address.parse().unwrap();
            for (found, expected) in [
                (public_service(address), service),
                (public_egress(address), egress),
            ] {
                assert_eq!(found.is_some(), expected.is_some(), "{address}");
                assert!(
                    found
                        .unwrap_or_default()
                        .starts_with(expected.unwrap_or_default())
                );
            }
        }
    }
}
