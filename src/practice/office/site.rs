//! The office's site file, for the ports of a running world.

use std::path::Path;

use super::{
    ACCOUNT, CLEAN_CANDIDATE, OUTBOUND, POOR_CANDIDATE, PROBE_MAILBOX, PROBE_RECIPIENT,
    PROBE_SENDER, PUBLIC_NAME, RELAY_NAME, SELECTOR, SERVER, SMARTHOST,
};
use crate::practice::World;

/// Secrets and `ca.pem` are named in `folder`, where [`World::unpack`] puts them.
pub(super) fn site_yaml(world: &World, folder: &Path) -> String {
    let port = |server, port| {
        world
            .address(server, port)
            .map_or(0, |address| address.port())
    };
    let file = |name: &str| quoted(&folder.join(name).to_string_lossy());
    format!(
        "# A practice site: every server it names stands on this machine's loopback interface.
id: acme
name: Acme Office
timezone: America/New_York
contacts:
  owner: {{name: Acme Office, email: office@acme.example}}
  isp: {{name: Example ISP address desk, email: ip-admin@isp.example}}
  provider: {{name: Example IT Services, email: helpdesk@provider.example}}
domains: [acme.example]
mailboxes: 12
laboratory: true
vantage: outside
outbound:
  addresses: [{OUTBOUND}]
  candidates: [{CLEAN_CANDIDATE}, {POOR_CANDIDATE}]
  helo: {PUBLIC_NAME}
dkim: {{selectors: [{SELECTOR}]}}
servers:
  - host: {PUBLIC_NAME}
    address: 127.0.0.1
    ports: [{smtp}]
    product: exchange-2003
    valid_mailbox: office@acme.example
smarthost:
  host: {RELAY_NAME}
  address: 127.0.0.1
  ports: [{submission}]
  tls: starttls
  username: {ACCOUNT}
  password: {{file: {account}}}
  senders: [office@acme.example, orders@acme.example]
  ca: {ca}
probe:
  helo: tester.probe.example
  sender: {PROBE_SENDER}
  recipient: {PROBE_RECIPIENT}
  imap:
    host: imap.probe.example
    address: 127.0.0.1
    port: {imap}
    tls: implicit
    username: {PROBE_MAILBOX}
    password: {{file: {mailbox}}}
    ca: {ca}
resolver: [\"{dns}\"]
notes: Practice. The addresses are from ranges reserved for documentation.
",
        smtp = port(SERVER, "smtp"),
        submission = port(SMARTHOST, "submission"),
        account = file("smarthost-password"),
        mailbox = file("probe-password"),
        ca = file("ca.pem"),
        imap = world.imap().tls_address().port(),
        dns = world.dns(),
    )
}

/// A double-quoted YAML scalar.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
