//! Two network namespaces and the cable between them.
//!
//! Only the documentation ranges (RFC 5737, RFC 3849) have a route, so nothing can reach a real host, and a host that a
//! test leaves out is truly not there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::daemon::signal;
use super::program;

/// The addresses of the laboratory. All servers are on one side; each has its own.
pub(crate) mod address {
    /// The stranger who tests: the client's side.
    pub(crate) const CLIENT: &str = "198.51.100.7";
    /// The client's IPv6 address.
    pub(crate) const CLIENT_6: &str = "2001:db8:c::7";
    /// The resolver that both sides use, unless a test says otherwise.
    pub(crate) const RESOLVER: &str = "203.0.113.53";
    /// A second resolver, for one with a fault.
    pub(crate) const OTHER_RESOLVER: &str = "203.0.113.54";
    /// The server of the block lists.
    pub(crate) const LISTS: &str = "203.0.113.60";
    /// The mailboxes: IMAP, LMTP, and the passwords of the smarthost.
    pub(crate) const MAILBOXES: &str = "203.0.113.40";
    /// Exim.
    pub(crate) const EXIM: &str = "203.0.113.90";
    /// The IPv6 address of the first mail server that has one.
    pub(crate) const MAIL_6: &str = "2001:db8:5::25";
    /// Nobody: packets to it vanish without a word.
    pub(crate) const SILENT: &str = "192.0.2.99";
    /// The first of the addresses that mail servers take, one each: 203.0.113.101 and up.
    pub(crate) const MAIL_FROM: u8 = 101;
}

/// IPv4 and IPv6 ranges that have a route, on both sides.
const RANGES: [&str; 4] = [
    "203.0.113.0/24",
    "198.51.100.0/24",
    "192.0.2.0/24",
    "2001:db8::/32",
];

/// How many mail server addresses exist.
pub(super) const MAIL_SERVERS: u8 = 20;

/// A side of the cable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Where the servers run.
    Servers,
    /// Where mailmedic stands: a stranger on the same Internet.
    Client,
}

/// The two namespaces. Dropping it ends what still runs in them and removes them.
pub(super) struct Network {
    names: [String; 2],
}

impl Network {
    /// Makes both namespaces, the cable, the addresses and the routes.
    pub(super) fn new() -> Network {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        sweep();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let base = format!("{PREFIX}{}-{number}", std::process::id());
        let network = Network {
            names: [format!("{base}-servers"), format!("{base}-client")],
        };
        for name in &network.names {
            ip(&["netns", "add", name]);
            let folder = etc_folder(name);
            fs::create_dir_all(&folder).unwrap();
            // `ip netns exec` binds these over /etc: every program finds the laboratory's resolver by itself.
            let resolver = format!(
                "nameserver {}\noptions timeout:2 attempts:2\n",
                address::RESOLVER
            );
            fs::write(folder.join("resolv.conf"), resolver).unwrap();
            fs::write(folder.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n").unwrap();
        }
        let [servers, client] = &network.names;
        ip(&[
            "link", "add", "name", "cable", "netns", servers, "type", "veth", "peer", "name",
            "cable", "netns", client,
        ]);
        for name in &network.names {
            ip(&["-n", name, "link", "set", "lo", "up"]);
            ip(&["-n", name, "link", "set", "cable", "up"]);
            for range in RANGES {
                ip(&["-n", name, "route", "add", range, "dev", "cable"]);
            }
        }
        let mut own = vec![
            address::RESOLVER.to_owned(),
            address::OTHER_RESOLVER.to_owned(),
            address::LISTS.to_owned(),
            address::MAILBOXES.to_owned(),
            address::EXIM.to_owned(),
        ];
        own.extend((0..MAIL_SERVERS).map(mail_address));
        for at in own {
            add_address(servers, &format!("{at}/32"));
        }
        add_address(servers, &format!("{}/128", address::MAIL_6));
        add_address(client, &format!("{}/32", address::CLIENT));
        add_address(client, &format!("{}/128", address::CLIENT_6));
        for name in &network.names {
            // A neighbour that is known but not there: no ARP, no ICMP, only silence.
            ip(&[
                "-n",
                name,
                "neigh",
                "add",
                address::SILENT,
                "lladdr",
                "02:00:00:00:00:99",
                "dev",
                "cable",
                "nud",
                "permanent",
            ]);
        }
        network
    }

    /// A command that will run on this side, with nothing of the caller's environment.
    pub(super) fn command(&self, side: Side, name: &str) -> Command {
        let path = if name.starts_with('/') {
            PathBuf::from(name)
        } else {
            program(name)
        };
        assert!(
            path.is_file(),
            "{} is not installed: run `tests/install` as root",
            path.display()
        );
        let mut command = Command::new(program("ip"));
        command
            .args(["netns", "exec", &self.names[side as usize]])
            .arg(path)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            remove(name);
        }
    }
}

/// The address of the mail server with this number.
pub(super) fn mail_address(number: u8) -> String {
    format!("203.0.113.{}", address::MAIL_FROM + number)
}

/// Namespaces need root; say so before anything else fails for want of it.
pub(super) fn assert_root() {
    let owner = fs::metadata("/proc/self").unwrap().uid();
    assert!(
        owner == 0,
        "the tests with real servers make network namespaces and use port 25, so they need root: run \
         `tests/install` as root, then the tests as root"
    );
}

const PREFIX: &str = "mailmedic-";

fn etc_folder(name: &str) -> PathBuf {
    Path::new("/etc/netns").join(name)
}

fn add_address(name: &str, address: &str) {
    // nodad: an IPv6 address is usable at once
    if address.contains("::") {
        ip(&["-n", name, "addr", "add", address, "dev", "cable", "nodad"]);
    } else {
        ip(&["-n", name, "addr", "add", address, "dev", "cable"]);
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new(program("ip"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ip {} failed: {}(network namespaces need root and a kernel that allows them)",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Ends every process that still runs in the namespace: all of them were started by its laboratory.
fn remove(name: &str) {
    for _ in 0..20 {
        let output = Command::new(program("ip"))
            .args(["netns", "pids", name])
            .output();
        let ids: Vec<u32> = output
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|id| id.parse().ok())
            .collect();
        if ids.is_empty() {
            break;
        }
        signal("KILL", &ids);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let _ = Command::new(program("ip"))
        .args(["netns", "delete", name])
        .output();
    let _ = fs::remove_dir_all(etc_folder(name));
}

/// Removes what an earlier test process left when it was killed before it could clean up.
fn sweep() {
    let Ok(entries) = fs::read_dir("/run/netns") else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next())
            .and_then(|id| id.parse::<u32>().ok());
        if maker.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            remove(&name);
        }
    }
}
