//! What can go wrong with the store, in words that name the file and the next step.

use std::io;
use std::path::PathBuf;

use crate::record::IllegalTransition;

/// The store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder cannot be used.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done: `append to`, `read`, `create`, ...
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A run of this id exists.
    #[error("a run '{0}' exists already")]
    Exists(String),
    /// There is no such run.
    #[error("there is no run '{0}' (`mailmedic runs` lists them)")]
    NoSuchRun(String),
    /// There is no such fleet run.
    #[error("there is no fleet run '{0}'")]
    NoSuchFleet(String),
    /// Another run for the same site and runbook is open.
    #[error(
        "run {run} of '{runbook}' for site '{site}' is still open: go on with `mailmedic resume {run}`, or end it with `mailmedic cancel {run}`"
    )]
    StillOpen {
        /// The open run.
        run: String,
        /// Its site.
        site: String,
        /// Its runbook.
        runbook: String,
    },
    /// Somebody works on the run.
    #[error("{holder} is working on run {run}: wait until it ends, or stop it and resume")]
    Held {
        /// Which run.
        run: String,
        /// Process and host.
        holder: String,
    },
    /// Somebody else has appended meanwhile.
    #[error("the run has grown to event {0} meanwhile")]
    Grown(u64),
    /// An earlier write failed; what is on disk is not known.
    #[error(
        "an earlier write to {path} failed, and it is not known what reached the disk: check the disk, then `mailmedic resume`"
    )]
    Poisoned {
        /// Which journal.
        path: PathBuf,
    },
    /// A record in the middle is damaged.
    #[error(
        "{path} is damaged at byte {at} ({what}), with whole records after it: restore the file from a backup; `mailmedic export` saves what stands before it (whole events: {whole})"
    )]
    Damaged {
        /// Which journal.
        path: PathBuf,
        /// Where.
        at: u64,
        /// How.
        what: String,
        /// Number of whole events before.
        whole: u64,
    },
    /// A journal without a whole event: each was given one before it got its name.
    #[error(
        "{path} holds no whole event any more, {left} bytes are left: restore the file from a backup; without one, what it told is lost: move it out of the folder"
    )]
    Empty {
        /// Which journal.
        path: PathBuf,
        /// Bytes in it that are not zero.
        left: u64,
    },
    /// A journal held more whole events before.
    #[error(
        "{path} is shorter than it was, {lost} bytes of whole events are gone from its end: compare it with a backup before the run goes on"
    )]
    Shrunk {
        /// Which journal.
        path: PathBuf,
        /// So many bytes fewer than when its run was last listed.
        lost: u64,
    },
    /// What stands at the end of a journal is no whole event.
    #[error(
        "{torn} bytes at the end of {path} are no whole event: a crash leaves this, or a fault of the disk; resume cuts them off, and keeps them beside it"
    )]
    Torn {
        /// Which journal.
        path: PathBuf,
        /// How many.
        torn: u64,
    },
    /// An event does not follow from those before it.
    #[error("the record of run {run} does not hold together (`mailmedic verify {run}` tells more)")]
    Illegal {
        /// Which run.
        run: String,
        /// Which event.
        source: IllegalTransition,
    },
    /// An event cannot be turned into JSON or back.
    #[error("cannot read an event of {path}: it was written by a newer version, or altered")]
    Event {
        /// Which journal.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// An artifact's bytes do not fit its digest.
    #[error("the artifact {digest} is missing or altered")]
    Artifact {
        /// Which.
        digest: String,
    },
    /// The id of a run becomes the name of a file.
    #[error(
        "'{0}' is no id of a run that mailmedic has made: it cannot be the name of a file; nothing was kept"
    )]
    BadId(String),
    /// The first event of a run must create it.
    #[error("a run begins with run_created")]
    NotABeginning,
}

impl StoreError {
    /// Does it tell what is gone from a run that can be read all the same?
    pub fn leaves_readable(&self) -> bool {
        matches!(self, StoreError::Shrunk { .. } | StoreError::Torn { .. })
    }

    /// An event of `path` that is no JSON, or cannot become it.
    pub(super) fn event(path: impl Into<PathBuf>) -> impl FnOnce(serde_json::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Event { path, source }
    }

    /// An I/O failure while `doing` something with `path`.
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.into();
        move |source| StoreError::Io {
            doing,
            path,
            source,
        }
    }
}
