//! The system's resolvers, as /etc/resolv.conf names them (resolv.conf(5)).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// Where the system keeps its resolvers.
pub const SYSTEM_FILE: &str = "/etc/resolv.conf";

/// Reads the name servers out of `path`. If there is none, or no file, the answer is the local
/// host, as the C library does it.
pub fn system_servers(path: &Path) -> Vec<SocketAddr> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let found = parse(&text);
    if found.is_empty() {
        vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53)]
    } else {
        found
    }
}

/// At most three count, as in the C library.
fn parse(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            (words.next()? == "nameserver").then(|| words.next())?
        })
        .filter_map(|address| address.parse().ok())
        .map(|address| SocketAddr::new(address, 53))
        .take(3)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn comments_search_lines_and_a_fourth_server_do_not_count() {
        let text = "# nameserver 192.0.2.1\nsearch example.com\nnameserver 192.0.2.2\n\
                    nameserver\t2001:db8::53 # ours\n;nameserver 192.0.2.3\nnameserver x\n\
                    nameserver 192.0.2.4\nnameserver 192.0.2.5\n";
        let found: Vec<String> = parse(text).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.2:53", "[2001:db8::53]:53", "192.0.2.4:53"]);
    }

    #[test]
    fn without_a_file_the_local_host_is_asked() {
        let found = system_servers(Path::new("/nonexistent/resolv.conf"));
        assert_eq!(found[0].to_string(), "127.0.0.1:53");
    }
}
