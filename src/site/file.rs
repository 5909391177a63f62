//! Reads a site file: every fault with its place, all at once.

use std::net::IpAddr;
use std::path::Path;

use super::checks;
use super::fields::{Lowering, tag};
use super::secret_field::secret_ref;
use super::{
    Account, Contact, Contacts, Dkim, Imap, Lists, Outbound, ProbeMailbox, Server, Site, Smarthost,
    Vantage,
};
use crate::yaml::{self, Diagnostic, Diagnostics, Fields, Node, Reader, SourceFile};

/// Reads and checks a site file. Relative paths in it count from its folder, and it must be named after the site's id.
///
/// # Errors
/// All faults at once; also when the file cannot be read.
pub fn load(path: &Path) -> Result<Site, Diagnostics> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Diagnostics::one(Diagnostic::of_file(
            &SourceFile::new(&name, ""),
            format!("cannot read the site file: {error}"),
            "`mailmedic init` writes one to begin with",
        ))
    })?;
    // In full: a recorded site is used again from any folder.
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let folder = full.parent().unwrap_or(Path::new(""));
    lower(
        &text,
        &name,
        folder,
        path.file_stem().and_then(|s| s.to_str()),
    )
}

/// Checks the text of a site file. `origin` is its path or another name for people; relative paths count from `folder`.
///
/// # Errors
/// All faults at once.
pub fn read(text: &str, origin: &str, folder: &Path) -> Result<Site, Diagnostics> {
    lower(text, origin, folder, None)
}

fn lower(text: &str, origin: &str, folder: &Path, stem: Option<&str>) -> Result<Site, Diagnostics> {
    let file = SourceFile::new(origin, text);
    let node = yaml::parse(&file)?;
    let mut lowering = Lowering {
        reader: Reader::new(&file),
        folder,
    };
    let site = lowering.site(&node, stem);
    if lowering.reader.is_clean() {
        Ok(site)
    } else {
        Err(lowering.reader.finish())
    }
}

/// The field names of a site file, as the schema tells them too.
pub(super) const SITE_FIELDS: &[&str] = &[
    "id",
    "name",
    "timezone",
    "tags",
    "contacts",
    "domains",
    "mailboxes",
    "outbound",
    "servers",
    "smarthost",
    "dkim",
    "probe",
    "resolver",
    "rdap",
    "vantage",
    "laboratory",
    "lists",
    "logs",
    "allow_hosts",
    "notes",
];

const VANTAGE: &[(&str, Vantage)] = &[
    ("outside", Vantage::Outside),
    ("inside", Vantage::Inside),
    ("server", Vantage::Server),
];

impl Lowering<'_> {
    fn site(&mut self, node: &Node, stem: Option<&str>) -> Site {
        let fields = self.reader.fields(node, "a site", SITE_FIELDS);
        let laboratory = self.boolean(&fields, "laboratory").unwrap_or(false);
        let site = Site {
            id: self.id(&fields, stem),
            name: self.required_text(&fields, "name", "a site"),
            timezone: self.timezone(&fields),
            tags: self.checked_texts(&fields, "tags", tag, "lower-case letters, digits and '-'"),
            contacts: fields
                .get("contacts")
                .map(|node| self.contacts(node))
                .unwrap_or_default(),
            domains: self.checked_texts(&fields, "domains", checks::domain, "like example.com"),
            mailboxes: fields.get("mailboxes").and_then(|node| {
                let number = self.reader.integer(node, "'mailboxes'", 0, 10_000_000)?;
                u32::try_from(number).ok()
            }),
            outbound: fields
                .get("outbound")
                .map(|node| self.outbound(node, laboratory))
                .unwrap_or_default(),
            servers: self.each(&fields, "servers", Self::server),
            smarthost: fields.get("smarthost").map(|node| self.smarthost(node)),
            dkim: fields
                .get("dkim")
                .map(|node| self.dkim(node))
                .unwrap_or_default(),
            probe: fields.get("probe").map(|node| self.probe(node)),
            resolver: self.checked_texts(
                &fields,
                "resolver",
                checks::resolver,
                "write ADDRESS or ADDRESS:PORT; IPv6 with a port like [::1]:53",
            ),
            rdap: self.checked(
                &fields,
                "rdap",
                checks::registry,
                "write none, or the folder's URL such as https://data.iana.org/rdap/",
            ),
            vantage: fields
                .get("vantage")
                .and_then(|node| self.reader.choice(node, "'vantage'", VANTAGE)),
            laboratory,
            lists: fields
                .get("lists")
                .map(|node| self.lists(node))
                .unwrap_or_default(),
            logs: fields
                .get("logs")
                .map(|node| self.logs(node))
                .unwrap_or_default(),
            allow_hosts: self.checked_texts(
                &fields,
                "allow_hosts",
                checks::host,
                "a host name or an address",
            ),
            notes: self.text(&fields, "notes"),
        };
        self.outside(&fields, &site);
        site
    }

    fn id(&mut self, fields: &Fields<'_>, stem: Option<&str>) -> String {
        let Some(node) = self.reader.required(fields, "id", "a site") else {
            return String::new();
        };
        let Some(id) = self.reader.text(node, "'id'") else {
            return String::new();
        };
        if let Err(what) = tag(&id) {
            self.reader
                .fault(node.span, what, "lower-case letters, digits and '-'");
        } else if let Some(stem) = stem
            && stem != id
        {
            self.reader.fault(
                node.span,
                format!("the site '{id}' is in a file of another name"),
                format!("name the file '{id}.yaml', or write 'id: {stem}'"),
            );
        }
        id
    }

    fn timezone(&mut self, fields: &Fields<'_>) -> Option<String> {
        let node = fields.get("timezone")?;
        let name = self.reader.text(node, "'timezone'")?;
        if jiff::tz::TimeZone::get(&name).is_err() {
            let known: Vec<String> = jiff::tz::db()
                .available()
                .map(|name| name.to_string())
                .collect();
            let near = yaml::nearest(&name, known.iter().map(String::as_str));
            self.reader.fault(
                node.span,
                format!("there is no time zone '{name}'"),
                match near {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "write an IANA name such as Europe/Berlin".to_owned(),
                },
            );
        }
        Some(name)
    }

    fn contacts(&mut self, node: &Node) -> Contacts {
        let fields = self
            .reader
            .fields(node, "'contacts'", &["owner", "isp", "provider"]);
        let mut contact = |key: &str| {
            let node = fields.get(key)?;
            let what = format!("'{key}'");
            let fields = self.reader.fields(node, &what, &["name", "email", "phone"]);
            Some(Contact {
                name: self.required_text(&fields, "name", &what),
                email: self.checked(&fields, "email", checks::mail_address, ""),
                phone: self.text(&fields, "phone"),
            })
        };
        Contacts {
            owner: contact("owner"),
            isp: contact("isp"),
            provider: contact("provider"),
        }
    }

    fn outbound(&mut self, node: &Node, laboratory: bool) -> Outbound {
        let fields = self
            .reader
            .fields(node, "'outbound'", &["addresses", "candidates", "helo"]);
        Outbound {
            addresses: self.public(&fields, "addresses", laboratory),
            candidates: self.public(&fields, "candidates", laboratory),
            helo: self.checked(
                &fields,
                "helo",
                checks::host,
                "the name the server gives with EHLO",
            ),
        }
    }

    /// Addresses that receivers see: public ones, unless the site is a laboratory.
    fn public(&mut self, fields: &Fields<'_>, key: &str, laboratory: bool) -> Vec<IpAddr> {
        let Some(node) = fields.get(key) else {
            return Vec::new();
        };
        let mut all = Vec::new();
        for (text, span) in self.reader.texts(node, &format!("'{key}'")) {
            match checks::addresses(&text) {
                Ok(addresses) => {
                    let set_aside = addresses.iter().find_map(|a| checks::special_use(*a));
                    if let Some(purpose) = set_aside
                        && !laboratory
                    {
                        self.reader.fault_labelled(
                            span,
                            format!("{text} is set aside for {purpose}: no receiver sees it"),
                            "not public",
                            "write the public address; for a practice site set 'laboratory: true'",
                        );
                    }
                    all.extend(addresses);
                }
                Err(what) => self
                    .reader
                    .fault(span, what, "like 192.0.2.25 or 2001:db8::25"),
            }
        }
        all
    }

    fn server(&mut self, node: &Node) -> Server {
        let known = [
            "host",
            "address",
            "ports",
            "product",
            "valid_mailbox",
            "account",
        ];
        let fields = self.reader.fields(node, "a server", &known);
        Server {
            host: self.host(&fields, "a server"),
            address: self.address(&fields),
            ports: self.ports(&fields),
            product: self.text(&fields, "product"),
            valid_mailbox: self.checked(&fields, "valid_mailbox", checks::mail_address, ""),
            account: fields.get("account").map(|node| self.account(node)),
        }
    }

    fn account(&mut self, node: &Node) -> Account {
        let known = ["username", "password", "sender", "other_sender", "ca"];
        let fields = self.reader.fields(node, "'account'", &known);
        for needed in ["password", "sender"] {
            self.reader.required(&fields, needed, "'account'");
        }
        let account = Account {
            username: self.required_text(&fields, "username", "'account'"),
            password: self.password(&fields),
            sender: self
                .checked(&fields, "sender", checks::mail_address, "")
                .unwrap_or_default(),
            other_sender: self.checked(&fields, "other_sender", checks::mail_address, ""),
            ca: self.path(&fields, "ca"),
        };
        if let (Some(other), Some(node)) = (&account.other_sender, fields.get("other_sender"))
            && other.eq_ignore_ascii_case(&account.sender)
        {
            self.reader.fault(
                node.span,
                "'other_sender' is the account's own address",
                "name an address of the site that is somebody else's",
            );
        }
        account
    }

    fn smarthost(&mut self, node: &Node) -> Smarthost {
        let known = [
            "host", "address", "ports", "tls", "username", "password", "senders", "ca",
        ];
        let fields = self.reader.fields(node, "'smarthost'", &known);
        Smarthost {
            host: self.host(&fields, "'smarthost'"),
            address: self.address(&fields),
            ports: self.ports(&fields),
            tls: self.tls(&fields),
            username: self.text(&fields, "username"),
            password: self.password(&fields),
            senders: self.checked_texts(&fields, "senders", checks::mail_address, ""),
            ca: self.path(&fields, "ca"),
        }
    }

    fn dkim(&mut self, node: &Node) -> Dkim {
        let fields = self.reader.fields(node, "'dkim'", &["selectors", "common"]);
        Dkim {
            selectors: self.checked_texts(
                &fields,
                "selectors",
                checks::selector,
                "the s= of a DKIM-Signature line, as NAME or as NAME@DOMAIN",
            ),
            common: self.boolean(&fields, "common").unwrap_or(false),
        }
    }

    fn probe(&mut self, node: &Node) -> ProbeMailbox {
        let known = ["helo", "sender", "recipient", "imap"];
        let fields = self.reader.fields(node, "'probe'", &known);
        ProbeMailbox {
            helo: self.checked(&fields, "helo", checks::host, ""),
            sender: self.checked(&fields, "sender", checks::mail_address, ""),
            recipient: self.checked(&fields, "recipient", checks::mail_address, ""),
            imap: fields.get("imap").map(|node| self.imap(node)),
        }
    }

    fn imap(&mut self, node: &Node) -> Imap {
        let known = [
            "host", "address", "port", "tls", "username", "password", "ca",
        ];
        let fields = self.reader.fields(node, "'imap'", &known);
        Imap {
            host: self.host(&fields, "'imap'"),
            address: self.address(&fields),
            port: fields.get("port").and_then(|node| self.port(node)),
            tls: self.tls(&fields),
            username: self.required_text(&fields, "username", "'imap'"),
            password: self.password(&fields),
            ca: self.path(&fields, "ca"),
        }
    }

    fn lists(&mut self, node: &Node) -> Lists {
        let fields = self
            .reader
            .fields(node, "'lists'", &["keys", "except", "also"]);
        let mut lists = Lists {
            except: self.checked_texts(&fields, "except", |_| Ok(()), ""),
            also: self.checked_texts(&fields, "also", |_| Ok(()), ""),
            ..Lists::default()
        };
        if let Some(node) = fields.get("keys") {
            for (key, node) in self.reader.open(node, "'keys'").entries() {
                let what = format!("the key of '{}'", key.name);
                if let Some(place) = secret_ref(&mut self.reader, node, &what, Some(self.folder)) {
                    lists.keys.insert(key.name.clone(), place);
                }
            }
        }
        lists
    }

    /// A mailbox "outside the site" that the site hosts itself proves nothing about delivery.
    fn outside(&mut self, fields: &Fields<'_>, site: &Site) {
        let Some(probe) = &site.probe else { return };
        let Some(yaml::Value::Map(entries)) = fields.get("probe").map(|node| &node.value) else {
            return;
        };
        for (key, address) in [("sender", &probe.sender), ("recipient", &probe.recipient)] {
            let Some((_, domain)) = address.as_deref().and_then(|a| a.rsplit_once('@')) else {
                continue;
            };
            if site
                .domains
                .iter()
                .any(|own| own.eq_ignore_ascii_case(domain))
                && let Some((_, node)) = entries.iter().find(|(known, _)| known.name == key)
            {
                self.reader.fault(
                    node.span,
                    format!("the probe's {key} is a mailbox of the site itself"),
                    "name a mailbox elsewhere that you can read",
                );
            }
        }
    }
}
