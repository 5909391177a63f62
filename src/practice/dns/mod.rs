//! The world's DNS: an authoritative server for all zones that behaves, towards its client, as the site's
//! resolver. UDP and TCP on one port; answers too large for the client's limit are truncated (TC).

mod answer;
mod list;
mod server;
#[cfg(test)]
mod tests;
mod zone;

pub use list::{ListEntry, ListMode, ListZone};
pub use server::Dns;
pub use zone::{ResolverFaults, Rr, Trouble, Zone, ZoneSet, reverse_name, reversed};

use super::live::Live;

/// One question that reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The name as it was written, with its letter case and without the trailing dot.
    pub name: String,
    /// The type's mnemonic, such as `TXT`.
    pub kind: String,
    /// The zone it falls into; the root is `.`.
    pub zone: String,
    /// Whether it came over TCP.
    pub tcp: bool,
}

/// A handle to the zones and to the book of questions. Clones share both.
#[derive(Debug, Clone)]
pub struct Zones {
    set: Live<ZoneSet>,
    asked: Live<Vec<Asked>>,
}

impl Zones {
    pub(crate) fn new(set: ZoneSet) -> Self {
        Self {
            set: Live::new(set),
            asked: Live::new(Vec::new()),
        }
    }

    /// Looks at the zones.
    pub fn read<R>(&self, look: impl FnOnce(&ZoneSet) -> R) -> R {
        self.set.read(look)
    }

    /// Changes the zones; the next question sees it.
    pub fn edit<R>(&self, change: impl FnOnce(&mut ZoneSet) -> R) -> R {
        self.set.edit(change)
    }

    /// Sets how a list behaves; says whether there is such a list.
    pub fn set_mode(&self, zone: &str, mode: ListMode) -> bool {
        self.edit(|set| set.list_mut(zone).map(|list| list.mode = mode).is_some())
    }

    /// Every question so far, in the order of arrival.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.read(Clone::clone)
    }

    /// How many questions fell into `zone` (`.` for names that no zone holds).
    pub fn count(&self, zone: &str) -> usize {
        let zone = zone.to_ascii_lowercase();
        self.asked.read(|asked| {
            asked
                .iter()
                .filter(|question| question.zone == zone)
                .count()
        })
    }

    /// Forgets the questions so far.
    pub fn forget(&self) {
        self.asked.edit(Vec::clear);
    }
}
