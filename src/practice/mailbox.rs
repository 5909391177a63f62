//! The mailboxes of the world: where delivered mail ends up, for the IMAP server and for tests.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::{Timestamp, tz::TimeZone};

use super::live::Live;

/// One message in a folder.
#[derive(Debug, Clone)]
pub struct Message {
    /// The IMAP UID; grows within a folder.
    pub uid: u32,
    /// Read or not.
    pub seen: bool,
    /// When it was delivered.
    pub received: Timestamp,
    /// The message as stored, CRLF line ends.
    pub bytes: Vec<u8>,
    visible_from: Instant,
}

impl Message {
    /// The message as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What happens to mail on its way into a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The folder: `INBOX` or `Junk`.
    pub folder: String,
    /// How long after acceptance it can be seen.
    pub delay: Duration,
    /// It is never seen.
    pub lose: bool,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            folder: "INBOX".to_owned(),
            delay: Duration::ZERO,
            lose: false,
        }
    }
}

/// One mailbox.
#[derive(Debug, Clone, Default)]
pub struct Mailbox {
    /// The IMAP password; the user name is the address.
    pub password: String,
    /// How new mail comes in.
    pub delivery: Delivery,
    /// Folder name -> messages, `INBOX` and `Junk` from the start.
    pub folders: BTreeMap<String, Vec<Message>>,
    next_uid: u32,
}

/// A host that a message passes after the server that accepted it, as later Received lines name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Its HELO name.
    pub name: String,
    /// The address it sends from.
    pub address: IpAddr,
}

/// What became of mail that left a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// It is in a mailbox.
    Delivered,
    /// The world holds the domain, but not this mailbox.
    NoSuchMailbox,
    /// The world does not hold the domain; sender and recipient are noted, the message is not.
    Abroad,
}

/// All mailboxes, and the mail that left the world.
#[derive(Debug, Clone, Default)]
pub struct MailStore {
    /// Lower-case address -> mailbox.
    pub boxes: BTreeMap<String, Mailbox>,
    /// Lower-case address -> the mailbox that its mail goes to.
    pub aliases: BTreeMap<String, String>,
    /// The MX of a mailbox domain, as its Received lines name it; other domains are `mx.` before the domain.
    pub exchangers: BTreeMap<String, String>,
    /// Sending address -> what receivers of the world write behind their name in Authentication-Results.
    pub authentication: BTreeMap<IpAddr, String>,
    /// Accepted mail for recipients that the world does not hold: (sender, recipient).
    pub abroad: Vec<(String, String)>,
}

/// A handle to the mailboxes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Mailboxes(Live<MailStore>);

impl Mailboxes {
    /// Shares `store`.
    pub fn new(store: MailStore) -> Self {
        Self(Live::new(store))
    }

    /// Looks at all mailboxes.
    pub fn read<R>(&self, look: impl FnOnce(&MailStore) -> R) -> R {
        self.0.read(look)
    }

    /// Changes the mailboxes.
    pub fn edit<R>(&self, change: impl FnOnce(&mut MailStore) -> R) -> R {
        self.0.edit(change)
    }

    /// The messages in a folder that can be seen now.
    pub fn messages(&self, address: &str, folder: &str) -> Vec<Message> {
        self.read(|store| store.visible(address, folder))
    }

    /// Sets how new mail comes into a mailbox; says whether there is such a mailbox.
    pub fn set_delivery(&self, address: &str, delivery: Delivery) -> bool {
        self.edit(|store| {
            store
                .boxes
                .get_mut(&address.to_lowercase())
                .map(|mailbox| mailbox.delivery = delivery)
                .is_some()
        })
    }
}

impl MailStore {
    /// Opens a mailbox.
    pub fn add(&mut self, address: &str, password: &str) {
        let folders = ["INBOX", "Junk"].map(|name| (name.to_owned(), Vec::new()));
        let mailbox = Mailbox {
            password: password.to_owned(),
            folders: folders.into(),
            ..Mailbox::default()
        };
        self.boxes.insert(address.to_lowercase(), mailbox);
    }

    /// The messages in a folder that can be seen now.
    pub fn visible(&self, address: &str, folder: &str) -> Vec<Message> {
        let now = Instant::now();
        let held = self
            .boxes
            .get(&address.to_lowercase())
            .and_then(|mailbox| mailbox.folders.get(folder));
        held.into_iter()
            .flatten()
            .filter(|message| message.visible_from <= now)
            .cloned()
            .collect()
    }

    /// The mailbox that mail for `recipient` goes to: found without a `+detail`, aliases followed once.
    pub fn mailbox_of(&self, recipient: &str) -> Option<String> {
        let address = without_detail(recipient);
        let address = self.aliases.get(&address).cloned().unwrap_or(address);
        self.boxes.contains_key(&address).then_some(address)
    }

    /// Puts a message into its recipient's mailbox. Says whether there is one.
    pub fn deliver(&mut self, sender: &str, recipient: &str, message: &[u8]) -> bool {
        let Some(mailbox) = self
            .mailbox_of(recipient)
            .and_then(|address| self.boxes.get_mut(&address))
        else {
            return false;
        };
        let Delivery {
            folder,
            delay,
            lose,
        } = mailbox.delivery.clone();
        if lose {
            return true;
        }
        mailbox.next_uid += 1;
        let bytes = [format!("Return-Path: <{sender}>\r\n").as_bytes(), message].concat();
        let message = Message {
            uid: mailbox.next_uid,
            seen: false,
            received: Timestamp::now(),
            bytes,
            visible_from: Instant::now() + delay,
        };
        mailbox.folders.entry(folder).or_default().push(message);
        true
    }

    /// Carries a message out of a server: each hop of `path` hands it to the next, the last one to the
    /// recipient's exchanger, and each of them leaves its Received line.
    pub fn carry(
        &mut self,
        sender: &str,
        recipient: &str,
        message: &[u8],
        path: &[Hop],
    ) -> Carried {
        let domain = recipient
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
            .trim_end_matches('.')
            .to_lowercase();
        if self.mailbox_of(recipient).is_none() {
            let behind_at = format!("@{domain}");
            if self.boxes.keys().any(|known| known.ends_with(&behind_at)) {
                return Carried::NoSuchMailbox;
            }
            self.abroad.push((sender.to_owned(), recipient.to_owned()));
            return Carried::Abroad;
        }
        let exchanger = self
            .exchangers
            .get(&domain)
            .cloned()
            .unwrap_or_else(|| format!("mx.{domain}"));
        let mut message = message.to_vec();
        for (place, hop) in path.iter().enumerate() {
            let by = path
                .get(place + 1)
                .map_or(exchanger.as_str(), |next| next.name.as_str());
            let line = format!(
                "Received: from {} ([{}])\r\n\tby {by} with ESMTP\r\n\tfor <{recipient}>; {}\r\n",
                hop.name,
                hop.address,
                rfc5322_now()
            );
            message.splice(0..0, line.bytes());
        }
        if let Some(verdict) = path
            .last()
            .and_then(|last| self.authentication.get(&last.address))
        {
            message.splice(
                0..0,
                format!("Authentication-Results: {exchanger}; {verdict}\r\n").bytes(),
            );
        }
        self.deliver(sender, recipient, &message);
        Carried::Delivered
    }
}

/// The current moment as RFC 5322 writes it.
pub(crate) fn rfc5322_now() -> String {
    let now = Timestamp::now().to_zoned_datetime(TimeZone::UTC);
    jiff::fmt::rfc2822::to_string(&now).unwrap_or_else(|_| now.to_string())
}

fn without_detail(address: &str) -> String {
    let address = address.trim_end_matches('.').to_lowercase();
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or(local)),
        None => address,
    }
}
