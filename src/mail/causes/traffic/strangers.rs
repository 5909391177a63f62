//! What clients tried and did not get: relaying that was refused, passwords that were wrong.

use jiff::civil::Date;

use super::super::facts::SiteFacts;
use super::digest;
use super::distinct::Distinct;
use super::samples::{OF_A_SIGNAL, Samples};
use super::table::{Count, Table, Weighed};
use crate::mail::events::{Event, What};

/// Days that are told apart, at least; the busiest ones stay.
const DAYS: usize = 1_000;

/// Hours of clients that are told apart, at least; the busiest ones stay.
const CLIENT_HOURS: usize = 50_000;

/// Accounts of one client in an hour that are told apart.
const ACCOUNTS: usize = 16;

/// Clients whose relaying was refused.
#[derive(Debug, Clone)]
pub(in super::super) struct RelayRefused {
    pub(in super::super) attempts: usize,
    pub(in super::super) from_inside: usize,
    pub(in super::super) clients: Distinct,
    pub(in super::super) samples: Samples,
    days: Table<Option<Date>, Count>,
}

impl Default for RelayRefused {
    fn default() -> Self {
        Self {
            attempts: 0,
            from_inside: 0,
            clients: Distinct::default(),
            samples: Samples::default(),
            days: Table::new(DAYS),
        }
    }
}

impl RelayRefused {
    pub(super) fn add(&mut self, event: &Event<'_>, site: &SiteFacts) {
        self.attempts += 1;
        self.samples.keep(event, OF_A_SIGNAL);
        let client = event.remote.as_deref();
        if client.and_then(|client| site.is_inside(client)) == Some(true) {
            self.from_inside += 1;
            return;
        }
        if let Some(client) = client {
            self.clients.add(digest(client));
        }
        self.days.at(&event.day()).0 += 1;
    }

    /// Attempts from outside on the busiest day.
    pub(in super::super) fn worst_day(&self) -> u64 {
        let days = self.days.rows().map(|(_, count)| count.0);
        days.max().unwrap_or(0)
    }
}

/// Clients that try passwords.
#[derive(Debug, Clone)]
pub(in super::super) struct Guessing {
    hours: Table<u64, Tries>,
    /// The client and hour with the most failed log-ins, and with the most accounts that were tried.
    pub(in super::super) busiest: Worst,
    pub(in super::super) widest: Worst,
}

/// The failed log-ins of one client in one hour.
#[derive(Debug, Clone, Default)]
struct Tries {
    count: u64,
    accounts: Vec<u64>,
}

impl Weighed for Tries {
    fn weight(&self) -> u64 {
        self.count
    }
}

/// The largest number so far, and where it stands.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Worst {
    key: u64,
    pub(in super::super) most: u64,
    pub(in super::super) samples: Samples,
}

impl Worst {
    fn see(&mut self, key: u64, count: u64, event: &Event<'_>) {
        if count > self.most {
            if key != self.key {
                self.samples = Samples::default();
            }
            (self.key, self.most) = (key, count);
        }
        if key == self.key {
            self.samples.keep(event, OF_A_SIGNAL);
        }
    }
}

impl Default for Guessing {
    fn default() -> Self {
        Self {
            hours: Table::new(CLIENT_HOURS),
            busiest: Worst::default(),
            widest: Worst::default(),
        }
    }
}

/// Whether a refusal of which only the code is logged (IIS) was one to relay: nobody can be unknown here who is no recipient of
/// ours.
pub(super) fn wanted_to_relay(event: &Event<'_>, site: &SiteFacts) -> bool {
    let bare = event.reply.as_deref().is_some_and(|reply| reply.len() == 3);
    let ours = || site.owns(event.recipient.as_deref()?);
    bare && event.what == What::RefusedClient && ours() == Some(false)
}

impl Guessing {
    /// A log-in that failed.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        let (Some(client), Some(time)) = (event.remote.as_deref(), event.time) else {
            return;
        };
        let key = digest(&(client, time.as_second().div_euclid(3600)));
        let tries = self.hours.at(&key);
        tries.count += 1;
        if let Some(account) = event.account.as_deref().map(str::to_lowercase) {
            let account = digest(&account);
            if tries.accounts.len() < ACCOUNTS && !tries.accounts.contains(&account) {
                tries.accounts.push(account);
            }
        }
        let accounts = tries.accounts.len() as u64;
        self.busiest.see(key, tries.count, event);
        self.widest.see(key, accounts, event);
    }

    pub(super) fn given_up(&self) -> u64 {
        self.hours.given_up
    }
}
