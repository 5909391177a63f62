//! Where runs are kept. The journal is the truth; everything else can be rebuilt from it.
//!
//! [`Store`] is what the engine and the command line see. [`Embedded`] keeps a folder on this machine: one append-only journal
//! a run, artifacts under their digest, and an index that may be lost at any time; with [`Embedded::grouped`] the runs of one
//! process share their syncs. [`Memory`] keeps nothing and is for rehearsals and tests. All pass the same tests.

mod active;
mod durable;
mod embedded;
mod error;
mod files;
mod fleet;
mod frame;
mod group;
mod hold;
mod index;
mod journal;
mod known;
mod memory;
mod outlook;
mod prune;
mod scan;
mod settle;
mod transfer;

use std::sync::LazyLock;

use crate::record::{
    Artifact, Event, Fleet, FleetEvent, FleetPlan, NewEvent, RunState, RunSummary,
};

pub use durable::{Durable, Submitted};
pub use embedded::Embedded;
pub use error::StoreError;
pub use memory::Memory;
pub use outlook::{Outlook, Troubles};
pub use transfer::{StoredLine, StoredLines};

/// A line about every readable run, and what is wrong with runs: why one cannot be read, or what is gone from one that can.
pub type Summaries = (Vec<RunSummary>, Vec<(String, StoreError)>);

/// A place where runs are kept.
pub trait Store: Send + Sync {
    /// Writes the first event of a new run, synced, and opens it for appending. What the run's lock keeps out is refused while
    /// it is open, and it is refused itself while an open run keeps it out; see [`RunLock::keeps_out`](crate::record::RunLock).
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::StillOpen`], or when the store cannot be written.
    fn create(&self, first: NewEvent) -> Result<Box<dyn Journal>, StoreError>;

    /// Begins a new run as [`Store::create`] does, but may return before the first event is on disk.
    ///
    /// # Errors
    /// As for [`Store::create`].
    fn begin(&self, first: NewEvent) -> Result<(Box<dyn Journal>, Durable), StoreError> {
        Ok((self.create(first)?, Durable::Now))
    }

    /// Opens a run for appending.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when it cannot be read.
    fn open(&self, run: &str) -> Result<Box<dyn Journal>, StoreError>;

    /// Reads a run as it stands, without waiting for anybody who writes.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::Damaged`], or when it cannot be read.
    fn read(&self, run: &str) -> Result<Recorded, StoreError>;

    /// A run's events, folded.
    ///
    /// # Errors
    /// As for [`Store::read`], and when the events do not follow from each other.
    fn state(&self, run: &str) -> Result<RunState, StoreError> {
        self.read(run)?.state(run)
    }

    /// Becomes the one process that works on a run, or on a fleet run, until the guard is dropped.
    ///
    /// # Errors
    /// [`StoreError::Held`] names who works on it.
    fn hold(&self, run: &str) -> Result<Box<dyn Hold>, StoreError>;

    /// A line about every run, newest first. What is wrong with a run is in the second list.
    ///
    /// # Errors
    /// When the store cannot be listed.
    fn summaries(&self) -> Result<Summaries, StoreError>;

    /// Writes what a fleet run is started with, synced.
    ///
    /// # Errors
    /// When there is a fleet run of this id, or it cannot be written.
    fn create_fleet(&self, plan: FleetPlan) -> Result<(), StoreError>;

    /// Appends to the records of a fleet run, synced.
    ///
    /// # Errors
    /// When it cannot be written.
    fn note_fleet(&self, fleet: &str, event: FleetEvent) -> Result<(), StoreError>;

    /// A fleet run as it stands.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFleet`], or when it cannot be read.
    fn fleet(&self, fleet: &str) -> Result<Fleet, StoreError>;

    /// How long the records of a fleet run are: another length means that something was noted since.
    ///
    /// # Errors
    /// [`StoreError::NoSuchFleet`], or when it cannot be looked at.
    fn fleet_length(&self, fleet: &str) -> Result<u64, StoreError>;

    /// The ids of all fleet runs, sorted.
    ///
    /// # Errors
    /// When the store cannot be listed.
    fn fleets(&self) -> Result<Vec<String>, StoreError>;

    /// Keeps bytes under their digest, synced. The same bytes twice are kept once.
    ///
    /// # Errors
    /// When they cannot be written.
    fn put_artifact(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, StoreError>;

    /// The bytes kept under a digest, checked against it.
    ///
    /// # Errors
    /// When they are missing or damaged.
    fn artifact(&self, digest: &str) -> Result<Vec<u8>, StoreError>;
}

/// A run that is open for appending.
pub trait Journal: Send {
    /// The run's id.
    fn run(&self) -> &str;

    /// Appends events after event number `expected`. When this returns, they are on disk.
    ///
    /// # Errors
    /// [`StoreError::Grown`] when somebody else has appended meanwhile: nothing was written, read on and decide again. After a
    /// failed write or sync every further call fails: what is on disk is then known only to the disk.
    fn append(&mut self, expected: u64, events: &[NewEvent]) -> Result<Vec<Event>, StoreError>;

    /// Appends as [`Journal::append`] does, but may return before the events are on disk. Takes the events out of `events`
    /// unless it fails.
    ///
    /// # Errors
    /// As for [`Journal::append`]; a failed sync may come with [`Submitted::durable`].
    fn submit(
        &mut self,
        expected: u64,
        events: &mut Vec<NewEvent>,
    ) -> Result<Submitted, StoreError> {
        let written = self.append(expected, events)?;
        events.clear();
        Ok(Submitted {
            events: written,
            durable: Durable::Now,
        })
    }

    /// The events that others have appended since the last call.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn catch_up(&mut self) -> Result<Vec<Event>, StoreError>;

    /// Reads a run from its beginning and folds it, on a journal that was just opened.
    ///
    /// # Errors
    /// When the journal cannot be read, or its events do not follow from each other.
    fn replay(&mut self) -> Result<RunState, StoreError> {
        let events = self.catch_up()?;
        RunState::replay(&events).map_err(|source| StoreError::Illegal {
            run: self.run().to_owned(),
            source,
        })
    }

    /// Bytes in which exactly the events lie that this journal has read or written; `None` where that cannot be told.
    fn length(&self) -> Option<u64> {
        None
    }

    /// Bytes of a torn end that were cut off since the journal was opened. They are kept beside it.
    fn torn(&self) -> u64 {
        0
    }
}

/// Held while a process works on a run; dropping it lets go.
pub trait Hold: Send {}

/// A run as it was read.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its events in order.
    pub events: Vec<Event>,
    /// The exact line of each event, for the hash chain.
    pub lines: Vec<Vec<u8>>,
    /// Bytes at the end that are no whole event: being written right now, or torn by a crash.
    pub torn: u64,
}

impl Recorded {
    /// Folds the events.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when they do not follow from each other.
    pub fn state(&self, run: &str) -> Result<RunState, StoreError> {
        RunState::replay(&self.events).map_err(|source| StoreError::Illegal {
            run: run.to_owned(),
            source,
        })
    }
}

/// This machine's name, for messages about who works on a run.
pub(crate) fn host_name() -> String {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .map(|name| name.trim().to_owned())
            .unwrap_or_else(|_| "this machine".to_owned())
    });
    NAME.clone()
}
