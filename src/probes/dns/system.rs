//! The system's resolvers, as hickory-resolver reads them: /etc/resolv.conf on Unix, the network adapters on Windows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_resolver::config::ResolverConfig;
use hickory_resolver::system_conf::read_system_conf;

/// The name servers that the system is set to. If it names none, the answer is the local host, as the C library does it.
pub fn system_servers() -> Vec<SocketAddr> {
    match read_system_conf() {
        Ok((config, _)) => servers(&config),
        Err(_) => servers(&ResolverConfig::default()),
    }
}

/// Only the addresses are used: this client has its own tries, and never appends a search domain.
fn servers(config: &ResolverConfig) -> Vec<SocketAddr> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for server in config.name_servers() {
        let port = server.connections.first().map_or(53, |one| one.port);
        let address = SocketAddr::new(server.ip, port);
        if !found.contains(&address) {
            found.push(address);
        }
    }
    if found.is_empty() {
        found.push(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53));
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use hickory_resolver::config::NameServerConfig;

    #[test]
    fn each_server_counts_once_and_without_any_the_local_host_is_asked() {
        let of = |addresses: &[&str]| {
            let named = addresses
                .iter()
                .map(|address| NameServerConfig::udp_and_tcp(address.parse().unwrap()))
                .collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), named);
            servers(&config)
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(&["192.0.2.2", "2001:db8::53", "192.0.2.2"]),
            ["192.0.2.2:53", "[2001:db8::53]:53"]
        );
        assert_eq!(of(&[]), ["127.0.0.1:53"]);
    }
}
