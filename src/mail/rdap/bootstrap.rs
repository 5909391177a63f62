//! The files in which IANA names the registry of each block of addresses (RFC 9224).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

use super::RdapFault;

/// The folder of IANA's bootstrap files.
pub const BOOTSTRAP: &str = "https://data.iana.org/rdap/";

/// A bootstrap file: blocks of addresses, and where their registries answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bootstrap {
    services: Vec<Service>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    blocks: Vec<IpNet>,
    /// Encrypted ones first.
    bases: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    services: Vec<Vec<Vec<String>>>,
}

/// The file that tells about addresses like this one, in the folder `base`.
pub fn bootstrap_file(base: &str, address: IpAddr) -> String {
    let file = if address.is_ipv4() {
        "ipv4.json"
    } else {
        "ipv6.json"
    };
    format!("{}/{file}", base.trim_end_matches('/'))
}

impl Bootstrap {
    /// Reads a bootstrap file. Blocks and addresses of services that cannot be read are passed over (RFC 9224 §4).
    ///
    /// # Errors
    /// When it is no such file, or names no service.
    pub fn read(text: &str) -> Result<Self, RdapFault> {
        let file: File =
            serde_json::from_str(text).map_err(|error| RdapFault::NoJson(error.to_string()))?;
        let services: Vec<Service> = file
            .services
            .iter()
            .filter_map(|one| service(one))
            .collect();
        if services.is_empty() {
            return Err(RdapFault::Shape(
                "the list of registries names none".to_owned(),
            ));
        }
        Ok(Bootstrap { services })
    }

    /// Where the registry of this address answers: the one with the longest block around it (RFC 9224 §5.1).
    pub fn service(&self, address: IpAddr) -> Option<&str> {
        self.services
            .iter()
            .flat_map(|service| service.blocks.iter().map(move |block| (block, service)))
            .filter(|(block, _)| block.contains(&address))
            .max_by_key(|(block, _)| block.prefix_len())
            .and_then(|(_, service)| service.bases.first())
            .map(String::as_str)
    }

    /// Every address under which a registry answers: a registry sends on to no other.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.services
            .iter()
            .flat_map(|service| service.bases.iter().map(String::as_str))
    }
}

fn service(parts: &[Vec<String>]) -> Option<Service> {
    let [blocks, bases] = parts else { return None };
    let blocks: Vec<IpNet> = blocks.iter().filter_map(|text| text.parse().ok()).collect();
    let mut bases: Vec<String> = bases
        .iter()
        .filter(|base| base.starts_with("https://") || base.starts_with("http://"))
        .cloned()
        .collect();
    bases.sort_by_key(|base| !base.starts_with("https://"));
    (!blocks.is_empty() && !bases.is_empty()).then_some(Service { blocks, bases })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"version": "1.0", "publication": "2026-01-01T00:00:00Z", "description": "for tests", "services": [
        [["203.0.0.0/8", "nonsense"], ["http://rdap.wide.example/", "https://rdap.wide.example/"]],
        [["203.0.113.0/24"], ["https://rdap.narrow.example/rdap"]],
        [["198.51.100.0/24"], ["ftp://rdap.example/"]],
        [["2001:db8::/32"], ["https://six.example/"]],
        [["192.0.2.0/24"]]
    ]}"#;

    #[test]
    fn the_longest_block_counts_and_encryption_goes_first() {
        let bootstrap = Bootstrap::read(FILE).unwrap();
        for (address, expected) in [
            ("203.0.113.7", Some("https://rdap.narrow.example/rdap")),
            ("203.1.2.3", Some("https://rdap.wide.example/")),
            ("2001:db8::25", Some("https://six.example/")),
            ("192.0.2.1", None),
            // its only service cannot be asked
            ("198.51.100.7", None),
        ] {
            assert_eq!(
                bootstrap.service(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
        assert_eq!(bootstrap.bases().count(), 4);
    }

    #[test]
    fn what_is_no_bootstrap_file_is_refused() {
        assert!(matches!(
            Bootstrap::read("<html>"),
            Err(RdapFault::NoJson(_))
        ));
        assert!(matches!(
            Bootstrap::read(r#"{"services": []}"#),
            Err(RdapFault::Shape(_))
        ));
    }

    #[test]
    fn the_file_is_chosen_by_the_family() {
        for (base, address, expected) in [
            (
                BOOTSTRAP,
                "203.0.113.7",
                "https://data.iana.org/rdap/ipv4.json",
            ),
            (
                "http://127.0.0.1:80",
                "2001:db8::1",
                "http://127.0.0.1:80/ipv6.json",
            ),
        ] {
            assert_eq!(bootstrap_file(base, address.parse().unwrap()), expected);
        }
    }
}
