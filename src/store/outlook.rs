//! All runs as they stand, for a process that looks again and again: only journals that have grown are read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::embedded::{self, Ask};
use super::index::Index;
use super::known::Known;
use super::{Embedded, Store, StoreError, fleet};
use crate::record::{Fleet, RunSummary};

impl Embedded {
    /// Tells of whole events that are gone from the end of a run's journal: the chain of hashes cannot know of them, but the
    /// list that was made last knows how long the journal was. `None` when nothing is gone, or where nobody has listed runs.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn lost(&self, run: &str) -> Result<Option<StoreError>, StoreError> {
        let index = self.root().join("index");
        // Asking must not make one.
        let index = index.is_dir().then(|| Index::open(&index)).flatten();
        let indexed = index.and_then(|index| index.get(run));
        let told = [indexed, Known::read(self.root()).get(run)];
        let before = told.into_iter().flatten().map(|(length, _)| length).max();
        let before = before.unwrap_or(0);
        let (length, _) = self.line(run)?;
        Ok((length < before).then(|| StoreError::Shrunk {
            path: embedded::journal_path(self.root(), run),
            lost: before - length,
        }))
    }
}

/// What is wrong with runs, by their ids.
pub type Troubles = Vec<(String, StoreError)>;

/// All runs and fleet runs as they stood at the last look.
#[derive(Debug, Default)]
pub struct Outlook {
    runs: HashMap<String, Seen>,
    /// The fleet runs that have not ended, by their ids, with the lengths of their files.
    fleets: BTreeMap<String, (u64, Option<Fleet>)>,
    looked: bool,
}

/// A run at the last look.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) summary: Arc<RunSummary>,
    /// The length of its journal, if that holds nothing behind its events: until it grows, nothing has happened.
    pub(super) length: Option<u64>,
}

impl Outlook {
    /// Looks at what has changed. The first look asks the index, so that thousands of runs need no replay.
    ///
    /// # Errors
    /// When the store cannot be listed. What is wrong with single runs is given back.
    pub fn refresh(&mut self, store: &Embedded) -> Result<Troubles, StoreError> {
        let known = |run: &str, length: u64| {
            let seen = self.runs.get(run)?;
            (seen.length == Some(length)).then(|| seen.summary.clone())
        };
        let ask = match self.looked {
            true => Ask::Nothing,
            false => Ask::Lines,
        };
        let (seen, mut troubles) = store.survey(ask, known)?;
        self.looked = true;
        self.runs = seen
            .into_iter()
            .map(|seen| (seen.summary.run.clone(), seen))
            .collect();
        let lengths = fleet::lengths(store.root())?;
        self.fleets.retain(|name, _| lengths.contains_key(name));
        for (name, length) in lengths {
            if self
                .fleets
                .get(&name)
                .is_some_and(|(old, _)| *old == length)
            {
                continue;
            }
            match store.fleet(&name) {
                Ok(fleet) => {
                    let open = fleet.finished.is_none().then_some(fleet);
                    self.fleets.insert(name, (length, open));
                }
                Err(error) => troubles.push((name, error)),
            }
        }
        Ok(troubles)
    }

    /// All runs, in no order.
    pub fn runs(&self) -> impl Iterator<Item = &RunSummary> {
        self.runs.values().map(|seen| &*seen.summary)
    }

    /// A run by its id.
    pub fn run(&self, run: &str) -> Option<&RunSummary> {
        self.runs.get(run).map(|seen| &*seen.summary)
    }

    /// The fleet runs that have not ended.
    pub fn fleets(&self) -> impl Iterator<Item = &Fleet> {
        self.fleets.values().filter_map(|(_, open)| open.as_ref())
    }
}
