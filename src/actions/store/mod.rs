//! Where runs are kept. The journal is the truth; everything else can be rebuilt from it.
//!
//! [`Store`] is what the engine and the command line see. [`Embedded`] keeps a folder on this machine: one append-only journal
//! a run, artifacts under their digest, and an index that may be lost at any time. [`Memory`] keeps nothing and is for
//! rehearsals and tests; both pass the same tests.

mod active;
mod embedded;
mod error;
mod frame;
mod index;
mod journal;
mod memory;
mod summary;

use crate::record::{Artifact, Event, NewEvent, RunState};

pub use embedded::Embedded;
pub use error::StoreError;
pub use memory::Memory;
pub use summary::RunSummary;

/// A place where runs are kept.
pub trait Store: Send + Sync {
    /// Writes the first event of a new run, synced, and opens it for appending. Claims the pair of site and runbook: a second
    /// run for the same pair is refused while this one is open.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::StillOpen`], or when the store cannot be written.
    fn create(&self, first: NewEvent) -> Result<Box<dyn Journal>, StoreError>;

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

    /// Becomes the one process that works on a run, until the guard is dropped.
    ///
    /// # Errors
    /// [`StoreError::Held`] names who works on it.
    fn hold(&self, run: &str) -> Result<Box<dyn Hold>, StoreError>;

    /// A line about every run, newest first. Runs that cannot be read are in the second list, with the reason.
    ///
    /// # Errors
    /// When the store cannot be listed.
    fn summaries(&self) -> Result<(Vec<RunSummary>, Vec<(String, StoreError)>), StoreError>;

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

    /// The events that others have appended since the last call.
    ///
    /// # Errors
    /// When the journal cannot be read.
    fn catch_up(&mut self) -> Result<Vec<Event>, StoreError>;
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
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map(|name| name.trim().to_owned())
        .unwrap_or_else(|_| "this machine".to_owned())
}
