//! The site as the run pinned it. Only named fields are taken: whatever else a snapshot holds stays out of documents.

use serde::Serialize;
use serde_json::Value;

use super::read::{first_text, get, list, some_text, text, texts};

/// The site a document is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SiteView {
    /// Id of the site file.
    pub id: String,
    /// Name for people; the id where there is none.
    pub name: String,
    /// Mail domains.
    pub domains: Vec<String>,
    /// Public sending addresses.
    pub addresses: Vec<String>,
    /// Name the server gives with HELO/EHLO.
    pub helo: Option<String>,
    /// Own mail servers: `mail.example.org (exchange-2003)`.
    pub servers: Vec<String>,
    /// Name of the outgoing relay.
    pub smarthost: Option<String>,
    /// The client.
    pub owner: Option<ContactView>,
    /// The network operator.
    pub isp: Option<ContactView>,
    /// Who does this work.
    pub provider: Option<ContactView>,
    /// Where the tool stood: `outside`, `inside` or `server`.
    pub vantage: Option<String>,
    /// The same in words.
    pub vantage_text: Option<String>,
}

/// A person or a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactView {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// All of it in one line: `Comcast, noc@example.net, +1 555 0100`.
    pub line: String,
}

impl SiteView {
    /// Reads a snapshot. Nothing in it is taken for granted.
    pub(super) fn of(id: &str, snapshot: &Value) -> Self {
        let outbound = get(snapshot, "outbound");
        let contacts = get(snapshot, "contacts");
        let id = super::read::line(id);
        let vantage = some_text(snapshot, &["vantage"]);
        SiteView {
            name: some_text(snapshot, &["name"]).unwrap_or_else(|| id.clone()),
            id,
            domains: texts(snapshot, "domains"),
            addresses: texts(outbound, "addresses"),
            helo: some_text(outbound, &["helo"]),
            servers: list(snapshot, "servers")
                .iter()
                .map(server)
                .filter(|server| !server.is_empty())
                .collect(),
            smarthost: some_text(get(snapshot, "smarthost"), &["host"]),
            owner: contact(get(contacts, "owner")),
            isp: contact(get(contacts, "isp")),
            provider: contact(get(contacts, "provider")),
            vantage_text: vantage.as_deref().map(|vantage| {
                match vantage {
                    "outside" => "from outside, like any other server on the Internet",
                    "inside" => "from inside the site's own network",
                    "server" => "on the mail server itself",
                    other => other,
                }
                .to_owned()
            }),
            vantage,
        }
    }

    /// The name that reverse DNS should give.
    pub(super) fn wanted_name(&self) -> Option<String> {
        let full = |name: &&String| name.contains('.') && !name.contains(' ');
        self.helo.as_ref().filter(full).cloned()
    }
}

fn server(server: &Value) -> String {
    let host = first_text(server, &["host", "address"]);
    match (host.is_empty(), some_text(server, &["product"])) {
        (false, Some(product)) => format!("{host} ({product})"),
        _ => host,
    }
}

fn contact(contact: &Value) -> Option<ContactView> {
    let name = text(contact, "name");
    let email = some_text(contact, &["email"]);
    let phone = some_text(contact, &["phone"]);
    let line = [Some(name.clone()), email.clone(), phone.clone()]
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    (!line.is_empty()).then_some(ContactView {
        name: if name.is_empty() { line.clone() } else { name },
        email,
        phone,
        line,
    })
}
