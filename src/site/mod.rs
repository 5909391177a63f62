//! One client's mail system, as `sites/<id>.yaml` describes it.
//!
//! The site file holds references to secrets, never secrets: a [`Site`] may be written into a record as it is.

mod checks;
mod fields;
mod file;
mod logs;
mod schema;
mod secret;
mod secret_field;
mod smarthost;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use checks::special_use;
pub use file::{load, read};
pub use logs::Logs;
pub use schema::{schema, secret_schema};
pub use secret::{SecretError, SecretRef};
pub use secret_field::secret_ref;
pub use smarthost::bare_host;

/// One client's mail system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// Short name, `[a-z0-9][a-z0-9-]*`; the file is named after it.
    pub id: String,
    /// Name for people and documents.
    pub name: String,
    /// IANA time zone of the site's working hours and of its server's logs.
    pub timezone: Option<String>,
    /// For choosing sites of a fleet.
    pub tags: Vec<String>,
    /// Who is responsible for what.
    pub contacts: Contacts,
    /// Mail domains the site receives for and sends from.
    pub domains: Vec<String>,
    /// Number of mailboxes; thresholds grow with it.
    pub mailboxes: Option<u32>,
    /// How mail leaves the site.
    pub outbound: Outbound,
    /// The site's own mail servers.
    pub servers: Vec<Server>,
    /// The relay that outbound mail is handed to, or will be.
    pub smarthost: Option<Smarthost>,
    /// How the site's mail is signed.
    pub dkim: Dkim,
    /// Mailboxes the technician controls, outside the site.
    pub probe: Option<ProbeMailbox>,
    /// Resolvers to ask, `ADDRESS` or `ADDRESS:PORT`; empty: the machine's own.
    pub resolver: Vec<String>,
    /// The folder of files that name the registries of addresses (RFC 9224), as a URL; `none`: no registry is asked. Absent:
    /// IANA's, and none for a laboratory.
    pub rdap: Option<String>,
    /// Where this machine stands, seen from the site.
    pub vantage: Option<Vantage>,
    /// Reserved and documentation addresses count as public, and every document says so.
    pub laboratory: bool,
    /// Settings of blocklist scans.
    pub lists: Lists,
    /// Settings of the log analysis.
    pub logs: Logs,
    /// Further hosts that `http.request` and `notify` may talk to.
    pub allow_hosts: Vec<String>,
    /// Anything the next technician should know.
    pub notes: Option<String>,
}

/// Who is responsible for what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    /// The client.
    pub owner: Option<Contact>,
    /// The network operator: sets reverse DNS, answers SBL listings.
    pub isp: Option<Contact>,
    /// The service provider that does this work.
    pub provider: Option<Contact>,
}

/// A person or a desk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contact {
    /// Name for documents.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// How mail leaves the site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbound {
    /// Public addresses that receivers see.
    pub addresses: Vec<IpAddr>,
    /// Addresses that could be used instead.
    pub candidates: Vec<IpAddr>,
    /// The name the server gives with HELO/EHLO.
    pub helo: Option<String>,
}

/// One of the site's own mail servers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Its public name.
    pub host: String,
    /// Where to connect, when the name does not tell.
    pub address: Option<IpAddr>,
    /// SMTP ports; empty: 25.
    pub ports: Vec<u16>,
    /// `exchange-2003`, `postfix`, ...: for hints only.
    pub product: Option<String>,
    /// A mailbox that exists there: the positive control of the relay test.
    pub valid_mailbox: Option<String>,
    /// An account there that is meant for tests: what a login may do.
    pub account: Option<Account>,
}

/// An account of one of the site's servers, meant for tests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Account.
    pub username: String,
    /// Where its password is kept.
    pub password: Option<SecretRef>,
    /// The sender address that is its own.
    pub sender: String,
    /// An address of the site that is another's; absent: the server's `valid_mailbox`.
    pub other_sender: Option<String>,
    /// PEM file of a private certificate authority to trust beside the public ones.
    pub ca: Option<PathBuf>,
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Implicit TLS on port 465 and 993, STARTTLS elsewhere.
    #[default]
    Auto,
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, or no session.
    Starttls,
    /// STARTTLS where offered.
    Opportunistic,
    /// In clear.
    None,
}

/// The relay that outbound mail is handed to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smarthost {
    /// Its name, as the provider gives it.
    pub host: String,
    /// Where to connect, when the name does not tell.
    pub address: Option<IpAddr>,
    /// Ports to try, best first; empty: 587, 465, 25 and 2525.
    pub ports: Vec<u16>,
    /// How the connection is secured.
    pub tls: Tls,
    /// Account.
    pub username: Option<String>,
    /// Where its password is kept.
    pub password: Option<SecretRef>,
    /// Sender addresses the site will use.
    pub senders: Vec<String>,
    /// PEM file of a private certificate authority to trust beside the public ones.
    pub ca: Option<PathBuf>,
}

/// How the site's mail is signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dkim {
    /// Selectors in use, `NAME`, or `NAME@DOMAIN` for one domain only. DNS cannot list them.
    pub selectors: Vec<String>,
    /// Also look for keys under names that products usually use.
    pub common: bool,
}

/// Mailboxes the technician controls, outside the site.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeMailbox {
    /// The name this machine gives with EHLO; empty: its own host name.
    pub helo: Option<String>,
    /// Sender address; bounces come back to it.
    pub sender: Option<String>,
    /// Recipient address, in a domain that the site does not host.
    pub recipient: Option<String>,
    /// How to read these mailboxes.
    pub imap: Option<Imap>,
}

/// An IMAP account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Imap {
    /// Server name.
    pub host: String,
    /// Where to connect, when the name does not tell.
    pub address: Option<IpAddr>,
    /// Port; 993 when absent.
    pub port: Option<u16>,
    /// How the connection is secured.
    pub tls: Tls,
    /// Account.
    pub username: String,
    /// Where its password is kept.
    pub password: Option<SecretRef>,
    /// PEM file of a private certificate authority to trust beside the public ones.
    pub ca: Option<PathBuf>,
}

/// Where this machine stands, seen from the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// On the Internet, like a stranger.
    Outside,
    /// In the site's network: a relay test proves nothing from here.
    Inside,
    /// On the mail server itself.
    Server,
}

/// Settings of blocklist scans.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lists {
    /// Keys of lists that need one, by list id.
    pub keys: BTreeMap<String, SecretRef>,
    /// Lists to leave out, by id.
    pub except: Vec<String>,
    /// Lists to ask beside the default ones, by id.
    pub also: Vec<String>,
}

impl Site {
    /// True when `host` (a name or an address) belongs to the site: its servers, smarthost, mailboxes, domains, or the
    /// hosts it allows beside them. Nothing else is ever connected to.
    pub fn knows_host(&self, host: &str) -> bool {
        let host = bare_host(host);
        let same = |name: &str| bare_host(name) == host;
        let address: Option<IpAddr> = host.parse().ok();
        let at = |known: Option<IpAddr>| known.is_some() && known == address;
        self.servers.iter().any(|s| same(&s.host) || at(s.address))
            || self
                .smarthost
                .iter()
                .any(|s| same(&s.host) || at(s.address))
            || self
                .probe
                .iter()
                .filter_map(|p| p.imap.as_ref())
                .any(|i| same(&i.host) || at(i.address))
            || self.domains.iter().any(|d| same(d))
            || self.allow_hosts.iter().any(|h| same(h))
            || address.is_some_and(|a| self.outbound.addresses.contains(&a))
    }
}
