//! The catalogue as a whole: read once, on first use, and searched by id or zone.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::entry::{Candidate, Dead, List, Receiver};

/// Every list, receiver, candidate and dead zone that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Version of the file's shape.
    pub schema: u32,
    /// Day of the last review, `YYYY-MM-DD`.
    pub compiled: String,
    /// What the entries' `sources` stand for.
    pub sources: BTreeMap<String, String>,
    /// Zones that may be asked.
    pub lists: Vec<List>,
    /// Reputation systems without a public zone.
    pub receivers: Vec<Receiver>,
    /// Zones about which little is known.
    pub candidates: Vec<Candidate>,
    /// Zones that are never asked.
    pub dead: Vec<Dead>,
}

/// Why a catalogue cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the catalogue of blocklists")]
pub struct CatalogueError(#[source] serde_saphyr::Error);

/// The catalogue in force: the built-in one, unless the workspace has amended it (see [`amend`](super::amend())).
pub fn catalogue() -> &'static Catalogue {
    super::amend::amended().unwrap_or_else(built_in)
}

/// The catalogue that is built in. Read on first use, so a program that scans nothing does not pay for it.
#[allow(clippy::expect_used)]
pub fn built_in() -> &'static Catalogue {
    static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
        // A test reads the same text: a malformed entry never gets this far.
        Catalogue::read(include_str!("../data/dnsbl.yaml"))
            .expect("the built-in catalogue is well-formed")
    });
    &BUILT_IN
}

impl Catalogue {
    /// Reads a catalogue from YAML.
    ///
    /// # Errors
    /// When the text is no YAML, or an entry has an unknown key, a missing key or a malformed value.
    pub fn read(text: &str) -> Result<Catalogue, CatalogueError> {
        serde_saphyr::from_str(text).map_err(CatalogueError)
    }

    /// The list with this id, or that asks this zone (case and a trailing dot do not matter).
    pub fn list(&self, id_or_zone: &str) -> Option<&List> {
        let wanted = plain(id_or_zone);
        self.lists
            .iter()
            .find(|list| list.id == wanted || list.zones.contains(&wanted))
    }

    /// The combined list that already holds this zone: ZEN for `sbl.spamhaus.org`.
    pub fn combined(&self, zone: &str) -> Option<&List> {
        let wanted = plain(zone);
        self.lists.iter().find(|list| list.parts.contains(&wanted))
    }

    /// The candidate with this id or zone.
    pub fn candidate(&self, id_or_zone: &str) -> Option<&Candidate> {
        let wanted = plain(id_or_zone);
        self.candidates
            .iter()
            .find(|candidate| candidate.id == wanted || candidate.zones.contains(&wanted))
    }

    /// Questions a second that operators allow, by operator, where they say so; 0 means no limit (a mirror of one's own).
    /// For the budgets of the DNS client.
    pub fn rates(&self) -> BTreeMap<&str, u32> {
        let mut rates = BTreeMap::new();
        for list in &self.lists {
            // One operator may say different rates for its lists: the least is kept to for all of them.
            if let Some(rate) = list.access.per_second {
                let least = rates.entry(list.operator.as_str()).or_insert(rate);
                *least = rate.min(*least);
            }
        }
        rates
    }

    /// The entry that forbids asking this zone, or that has this id. A zone below a dead name is dead too.
    pub fn dead(&self, id_or_zone: &str) -> Option<&Dead> {
        let wanted = plain(id_or_zone);
        self.dead.iter().find(|dead| {
            dead.id == wanted
                || dead.names.iter().any(|name| {
                    wanted == *name
                        || (dead.suffix
                            && wanted
                                .strip_suffix(name.as_str())
                                .is_some_and(|rest| rest.ends_with('.')))
                })
        })
    }
}

/// Lower case, without surrounding space and trailing dot.
fn plain(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}
