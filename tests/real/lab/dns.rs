//! The laboratory's DNS: rbldnsd serves block lists, unbound resolves from its own root down to them.

use super::network::address;
use super::{Lab, Side};

/// A block list as rbldnsd serves it.
pub(crate) struct Zone<'a> {
    /// Its name, without a dot at the end.
    pub(crate) name: &'a str,
    /// Data sets: rbldnsd's type (`ip4set`, `ip4trie`, `ip6trie`, `dnset`) and its lines. All sets of a zone answer.
    pub(crate) sets: &'a [(&'a str, &'a str)],
}

impl Lab {
    /// Starts rbldnsd with these zones, waits until it answers, and returns the records that delegate them to it.
    pub(crate) fn lists(&self, zones: &[Zone]) -> String {
        let name = "rbldnsd";
        let mut served = Vec::new();
        let mut records = String::new();
        for (number, zone) in zones.iter().enumerate() {
            let origin = zone.name;
            for (part, (kind, lines)) in zone.sets.iter().enumerate() {
                let file = format!("zone-{number}-{part}");
                let head = if part == 0 {
                    format!(
                        "$SOA 300 ns.{origin} admin.{origin} 1 600 300 86400 300\n$NS 3600 ns.{origin}\n"
                    )
                } else {
                    String::new()
                };
                self.write(format!("{name}/{file}"), &format!("{head}{lines}\n"));
                served.push(format!("{origin}:{kind}:{file}"));
            }
            records.push_str(&delegation(origin, address::LISTS));
        }
        let bind = format!("{}/53", address::LISTS);
        let folder = self.path(name);
        let folder = folder.to_str().unwrap();
        let mut arguments = vec!["-n", "-b", &bind, "-w", folder, "-t", "60", "-c", "5"];
        arguments.extend(served.iter().map(String::as_str));
        self.start(name, "rbldnsd", &arguments, &[]);
        let at = format!("@{}", address::LISTS);
        if let Some(zone) = zones.first() {
            self.wait_for(name, || self.answers(&at, zone.name));
        }
        records
    }

    /// Starts unbound at `at` and waits until it answers. `records` are master file lines with absolute names, all in
    /// the root zone: delegations lead on, what is not there does not exist. `settings` are further lines of the
    /// `server:` clause.
    pub(crate) fn resolver(&self, at: &str, records: &str, settings: &str) {
        let name = format!("unbound-{at}");
        let root = format!(
            ". 3600 IN SOA ns.root.example. admin.root.example. 1 3600 600 86400 300\n\
             . 3600 IN NS ns.root.example.\n\
             ns.root.example. 3600 IN A {at}\n{records}\n"
        );
        let root = self.write(format!("{name}/root.zone"), &root);
        let hints = self.write(
            format!("{name}/root.hints"),
            &format!(". 3600 IN NS ns.root.example.\nns.root.example. 3600 IN A {at}\n"),
        );
        let config = format!(
            r#"server:
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  log-queries: yes
  log-replies: yes
  do-daemonize: no
  num-threads: 1
  interface: {at}
  access-control: 0.0.0.0/0 allow
  outgoing-interface: {at}
  do-ip6: no
  module-config: "iterator"
  do-not-query-localhost: no
  root-hints: "{hints}"
  local-zone: "127.in-addr.arpa." nodefault
  local-zone: "2.0.192.in-addr.arpa." nodefault
  local-zone: "100.51.198.in-addr.arpa." nodefault
  local-zone: "113.0.203.in-addr.arpa." nodefault
  local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
{settings}
remote-control:
  control-enable: no
auth-zone:
  name: "."
  zonefile: "{root}"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
"#,
            folder = root.parent().unwrap().display(),
            hints = hints.display(),
            root = root.display(),
        );
        let config = self.write(format!("{name}/unbound.conf"), &config);
        let config = config.to_str().unwrap();
        let unbound = &["-d", "-p", "-c", config];
        self.start(&name, "unbound", unbound, &[]);
        self.wait_for(&name, || self.answers(&format!("@{at}"), "."));
    }

    /// Serves the files of a folder of this laboratory by HTTP, and waits until the server answers.
    pub(crate) fn web(&self, at: &str, port: u16, folder: &str) {
        let (name, text) = ("web", port.to_string());
        let folder = self.path(folder);
        let folder = folder.to_str().unwrap();
        let server = &[
            "-u",
            "-m",
            "http.server",
            &text,
            "--bind",
            at,
            "--directory",
            folder,
        ];
        self.start(name, "python3", server, &[]);
        self.wait_for_port(name, at, port);
    }

    /// Waits until somebody listens there.
    pub(super) fn wait_for_port(&self, name: &str, at: &str, port: u16) {
        let there = format!("exec 3<>/dev/tcp/{at}/{port}");
        self.wait_for(name, || {
            let output = self.output(Side::Client, "timeout", &["1", "bash", "-c", &there]);
            output.status.success()
        });
    }

    /// Whether the server answers at all; what it answers is the tests' concern.
    fn answers(&self, at: &str, zone: &str) -> bool {
        let arguments = ["+short", "+time=1", "+tries=1", at, zone, "SOA"];
        self.output(Side::Client, "dig", &arguments)
            .status
            .success()
    }
}

/// The records that delegate `zone` to the DNS server at `server`.
pub(crate) fn delegation(zone: &str, server: &str) -> String {
    format!("{zone}. 3600 IN NS ns.{zone}.\nns.{zone}. 3600 IN A {server}\n")
}
