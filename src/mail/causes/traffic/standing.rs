//! What receivers say about this server: its standing, and what they name as wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::digest;
use super::distinct::Distinct;
use super::samples::{OF_A_SIGNAL, Samples};
use super::windows::Windows;
use crate::mail::events::Event;
use crate::mail::reply::Class;

/// Organisations that are named; the first ones by the alphabet.
const NAMED: usize = 6;

/// Replies about rate, reputation or a block.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Standing {
    pub(in super::super) replies: usize,
    pub(in super::super) windows: Windows,
    pub(in super::super) named: BTreeSet<String>,
    pub(in super::super) samples: Samples,
}

impl Standing {
    /// A reply of an organisation. Replies without a time count together: nothing says that they are apart.
    pub(super) fn add(&mut self, event: &Event<'_>, organisation: &str) {
        self.replies += 1;
        self.samples.keep(event, OF_A_SIGNAL);
        let second = event.time.map_or(0, |time| time.as_second());
        self.windows.add(second, digest(organisation));
        if !self.named.contains(organisation) {
            self.named.insert(organisation.to_owned());
            if self.named.len() > NAMED {
                self.named.pop_last();
            }
        }
    }
}

/// Replies of outbound mail by class: how many, of how many organisations.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Words(BTreeMap<Class, Said>);

/// Replies of one class.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Said {
    pub(in super::super) replies: usize,
    pub(in super::super) organisations: Distinct,
    pub(in super::super) samples: Samples,
}

impl Words {
    /// Classes in which receivers name what is wrong.
    pub(super) fn name(class: Class) -> bool {
        matches!(
            class,
            Class::Ptr | Class::Authpol | Class::BlockIp | Class::BlockDomain | Class::Relay
        )
    }

    pub(super) fn add(&mut self, event: &Event<'_>, class: Class, organisation: Option<&str>) {
        // Two classes that stand for one thing are counted as one.
        let class = match class {
            Class::BlockDomain => Class::BlockIp,
            class => class,
        };
        let said = self.0.entry(class).or_default();
        said.replies += 1;
        said.samples.keep(event, OF_A_SIGNAL);
        if let Some(organisation) = organisation {
            said.organisations.add(digest(organisation));
        }
    }

    /// What was said of this class.
    pub(in super::super) fn of(&self, class: Class) -> Option<&Said> {
        self.0.get(&class)
    }
}
