//! A journal taken apart for people, and one that comes from elsewhere.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::frame::{self, Frame};
use super::journal::{FileJournal, TORN};
use super::{Embedded, Recorded, StoreError, embedded, scan};
use crate::record::NewEvent;

/// Bytes that the id of a run may have: it becomes the name of a file.
const LONGEST_ID: usize = 128;

/// One line of a journal, whole or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// Where in the file it begins.
    pub at: u64,
    /// The event's JSON, or what is there in its place.
    pub json: Vec<u8>,
    /// What is wrong with the line itself.
    pub fault: Option<&'static str>,
}

/// All lines of a journal, damaged ones too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLines {
    /// Each line, in order.
    pub lines: Vec<StoredLine>,
    /// Bytes at the end that are no whole event: being written right now, or torn by a crash.
    pub torn: u64,
}

impl Embedded {
    /// Every line of a run's journal as it lies there, also past a damaged one.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], or when it cannot be read.
    pub fn lines(&self, run: &str) -> Result<StoredLines, StoreError> {
        self.settle()?;
        let path = embedded::journal_path(self.root(), run);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|mut file| {
            // Not while somebody is in the middle of an append.
            file.lock_shared()?;
            file.read_to_end(&mut bytes)
        });
        match read {
            Ok(_) => Ok(take_apart(&bytes)),
            Err(error) => Err(scan::absent(run, &path, error, "read")),
        }
    }

    /// The events of a run up to where its journal is damaged, and the damage, if there is any.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::Empty`], or when it cannot be read.
    pub fn before_damage(&self, run: &str) -> Result<(Recorded, Option<StoreError>), StoreError> {
        self.settle()?;
        scan::before_damage(run, &embedded::journal_path(self.root(), run))
    }

    /// The files with what was cut off the end of a run's journal, because it was no whole event.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn cut_off(&self, run: &str) -> Result<Vec<PathBuf>, StoreError> {
        let beside = format!("{run}.{TORN}");
        let mut found = embedded::entries(&self.root().join("runs"))?;
        found.retain(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(&beside))
        });
        found.sort();
        Ok(found)
    }

    /// Keeps a run that was recorded elsewhere, byte for byte, and gives its id. Its chain was checked by the caller.
    ///
    /// # Errors
    /// When there is such a run already, or an open one that keeps it out; when its id cannot be the name of a file; when it
    /// cannot be written. Nothing is kept then.
    pub fn import(&self, recorded: &Recorded) -> Result<String, StoreError> {
        let first = recorded.events.first().ok_or(StoreError::NotABeginning)?;
        let state = recorded.state("to be imported")?;
        let run = state.created.run.clone();
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        if run.is_empty()
            || run.len() > LONGEST_ID
            || run.starts_with('.')
            || !run.bytes().all(plain)
        {
            return Err(StoreError::BadId(run));
        }
        let path = embedded::journal_path(self.root(), &run);
        if path.exists() {
            return Err(StoreError::Exists(run));
        }
        let _claim = match state.conclusion {
            Some(_) => None,
            None => {
                self.claim(&NewEvent {
                    at: first.at,
                    actor: first.actor.clone(),
                    event: first.event.clone(),
                })?
                .1
            }
        };
        embedded::folder(self.root(), "runs")?;
        FileJournal::keep(&run, &path, &recorded.lines)?;
        Ok(run)
    }
}

fn take_apart(bytes: &[u8]) -> StoredLines {
    let mut lines = Vec::new();
    let mut at = 0;
    loop {
        match frame::read(bytes, at) {
            Frame::Whole { json, next } => {
                lines.push(StoredLine {
                    at: at as u64,
                    json: json.to_vec(),
                    fault: None,
                });
                at = next;
            }
            Frame::Broken(fault) if frame::is_damage(bytes, at) => {
                // There is a later line, so there is a line end.
                let end = bytes[at..]
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(bytes.len(), |length| at + length);
                lines.push(StoredLine {
                    at: at as u64,
                    json: frame::payload(&bytes[at..end]).to_vec(),
                    fault: Some(fault),
                });
                at = end + 1;
            }
            Frame::End | Frame::Broken(_) => {
                let rest = bytes.get(at..).unwrap_or_default();
                let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
                return StoredLines {
                    lines,
                    torn: (rest.len() - zeros) as u64,
                };
            }
        }
    }
}
