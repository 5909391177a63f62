//! The usage register: who and what sends through the server.

use jiff::Timestamp;
use serde::Serialize;

use super::Traffic;
use super::user::User;

/// Entries of one kind in the register, at most.
const MOST: usize = 200;

/// Clients that an entry names, at most.
const CLIENTS: usize = 10;

/// What a user of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It logs in.
    Account,
    /// A machine of the site that sends without a log-in.
    Device,
    /// A mailbox of the server itself: its owner writes in Outlook, on a telephone or in web mail.
    Mailbox,
    /// A program on the server itself.
    Application,
    /// A sender address of the site.
    Address,
}

/// One user of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// What it is.
    pub kind: Kind,
    /// Account, address of the machine, program, sender address.
    pub name: String,
    /// Log-ins over SMTP that the log tells apart from messages.
    pub log_ins: u64,
    /// Messages handed in.
    pub messages: u64,
    /// Recipients to whom mail was delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Size of the messages in bytes, where the log has it.
    pub bytes: u64,
    /// The busiest hour.
    pub most_an_hour: u64,
    /// From where it came: the first ten.
    pub clients: Vec<String>,
    /// How many clients there were, 1,000 at most.
    pub client_count: usize,
    /// First seen.
    pub first: Option<Timestamp>,
    /// Last seen.
    pub last: Option<Timestamp>,
}

/// Who and what sends, busiest first within each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Register {
    /// The users: 200 of each kind at most.
    pub users: Vec<Usage>,
    /// Users that are not listed for want of room.
    pub left_out: u64,
}

impl Traffic {
    /// The usage register of the logs.
    pub fn register(&self) -> Register {
        let mut register = Register::default();
        let of_server = self.programs.ranked().into_iter();
        let (mailboxes, programs) = of_server.partition(|(_, user)| user.mailbox);
        for (kind, users) in [
            (Kind::Account, self.accounts.ranked()),
            (Kind::Mailbox, mailboxes),
            (Kind::Device, self.devices.ranked()),
            (Kind::Application, programs),
            (Kind::Address, self.addresses.ranked()),
        ] {
            register.list(kind, users);
        }
        for table in [
            &self.accounts,
            &self.devices,
            &self.programs,
            &self.addresses,
        ] {
            register.left_out += table.given_up;
        }
        register
    }
}

impl Register {
    fn list(&mut self, kind: Kind, ranked: Vec<(&String, &User)>) {
        self.left_out += ranked.len().saturating_sub(MOST) as u64;
        let named = ranked.into_iter().filter(|(name, _)| !name.is_empty());
        self.users.extend(named.take(MOST).map(|(name, user)| {
            let clients = user.clients();
            Usage {
                kind,
                name: name.clone(),
                log_ins: user.log_ins,
                messages: user.messages,
                delivered: user.delivered,
                failed: user.failed,
                bytes: user.bytes,
                most_an_hour: user.rate.most,
                clients: clients.iter().take(CLIENTS).map(|&c| c.into()).collect(),
                client_count: clients.len(),
                first: user.first,
                last: user.last,
            }
        }));
    }
}
