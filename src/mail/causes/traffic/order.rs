//! The order of recipients: lists are worked off alphabetically, or with one name at many domains; people do neither.

use hashbrown::{HashMap, HashSet};

use super::samples::{OF_A_SIGNAL, Samples};
use crate::mail::events::Event;

/// Senders and domains that are followed at the same time, at most.
const MOST: usize = 20_000;

/// Local parts that many domains have: writing to them at many domains is what an office does.
const ROLES: &[&str] = &[
    "info",
    "office",
    "sales",
    "contact",
    "mail",
    "admin",
    "support",
    "service",
    "invoice",
    "accounting",
    "postmaster",
    "webmaster",
    "hello",
    "kontakt",
    "buero",
    "rechnung",
    "billing",
    "orders",
    "hr",
    "jobs",
    "noreply",
    "no-reply",
];

/// Follows the recipients of each sender.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Order {
    /// By sender and domain: the last local part, and how many rose one after the other.
    rising: HashMap<(u64, u64), (String, usize)>,
    /// By sender: the last local part, and the domains that it had one after the other.
    same: HashMap<u64, (String, HashSet<u64>)>,
    /// The longest rising run.
    pub(in super::super) longest_rising: usize,
    /// The most domains of one local part in a row.
    pub(in super::super) most_domains: usize,
    pub(in super::super) lines: Samples,
}

impl Order {
    /// The next recipient of a sender, in lower case, and its domain. `notable` is the length from which lines are kept.
    pub(super) fn next(
        &mut self,
        sender: u64,
        (local, domain): (&str, u64),
        event: &Event<'_>,
        notable: usize,
    ) {
        if self.rising.len() >= MOST {
            self.rising.clear();
        }
        if self.same.len() >= MOST {
            self.same.clear();
        }
        let rising = self.rising.entry((sender, domain)).or_default();
        match local.cmp(&rising.0) {
            std::cmp::Ordering::Greater => rising.1 += 1,
            std::cmp::Ordering::Less => rising.1 = 1,
            // A second attempt for the same recipient changes nothing.
            std::cmp::Ordering::Equal => {}
        }
        let run = rising.1;
        local.clone_into(&mut rising.0);
        self.longest_rising = self.longest_rising.max(run);

        let mut domains = 0;
        if !ROLES.contains(&local) {
            let same = self.same.entry(sender).or_default();
            if same.0 != local {
                local.clone_into(&mut same.0);
                same.1.clear();
            }
            if same.1.len() < 1_000 {
                same.1.insert(domain);
            }
            domains = same.1.len();
            self.most_domains = self.most_domains.max(domains);
        } else {
            self.same.remove(&sender);
        }
        if run >= notable || domains >= notable {
            self.lines.keep(event, OF_A_SIGNAL);
        }
    }
}
