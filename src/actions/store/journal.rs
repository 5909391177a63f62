//! The append-only journal of one run.
//!
//! The process that works on a run and those that bring decisions append to the same file. Each append takes the file's lock,
//! looks whether the file has grown since, writes at its end and syncs; so there is one order of events for everybody, and no
//! second place where a decision could get lost.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Frame};
use super::{Journal, Recorded, StoreError};
use crate::record::{Event, GENESIS, NewEvent, SCHEMA, hash};

/// A journal file that is open for appending.
#[derive(Debug)]
pub(super) struct FileJournal {
    run: String,
    path: PathBuf,
    file: File,
    /// Where the next event goes, as far as we have read.
    end: u64,
    /// Number of the last event read or written.
    seq: u64,
    /// Its hash.
    last: String,
    poisoned: bool,
    buffer: Vec<u8>,
}

impl FileJournal {
    /// Opens an existing journal; [`Journal::catch_up`] or [`FileJournal::load`] reads it.
    pub(super) fn open(run: &str, path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => StoreError::NoSuchRun(run.to_owned()),
                _ => StoreError::Io {
                    doing: "open",
                    path: path.to_owned(),
                    source,
                },
            })?;
        Ok(FileJournal {
            run: run.to_owned(),
            path: path.to_owned(),
            file,
            end: 0,
            seq: 0,
            last: GENESIS.to_owned(),
            poisoned: false,
            buffer: Vec::new(),
        })
    }

    /// Writes a new journal whose first event is `first`: under a temporary name, synced, then renamed, then the folder is
    /// synced. A crash leaves either nothing or a whole beginning.
    pub(super) fn create(run: &str, path: &Path, first: &NewEvent) -> Result<Self, StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let temporary = path.with_extension("new");
        let event = number(first, 1, GENESIS);
        let mut buffer = Vec::new();
        let json = to_json(&event, path)?;
        frame::write(&mut buffer, &json);
        let written = (|| {
            let file = File::create(&temporary)?;
            file.write_all_at(&buffer, 0)?;
            file.sync_all()?;
            // Never replaces a journal: the link fails when the name is taken.
            std::fs::hard_link(&temporary, path)?;
            std::fs::remove_file(&temporary)?;
            File::open(folder)?.sync_all()
        })();
        match written {
            Ok(()) => {}
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                let _ = std::fs::remove_file(&temporary);
                return Err(StoreError::Exists(run.to_owned()));
            }
            Err(source) => {
                return Err(StoreError::Io {
                    doing: "create",
                    path: path.to_owned(),
                    source,
                });
            }
        }
        let mut journal = FileJournal::open(run, path)?;
        journal.end = buffer.len() as u64;
        journal.seq = 1;
        journal.last = hash(&json);
        Ok(journal)
    }

    /// Reads what has been appended since the last look. The caller holds the file's lock, so a torn tail is the work of a
    /// process that died: it is cut off.
    fn read_on(&mut self) -> Result<Vec<Event>, StoreError> {
        let length = self.length()?;
        if length <= self.end {
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; usize::try_from(length - self.end).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, self.end)
            .map_err(StoreError::io("read", &self.path))?;
        let read = parse(&bytes, &self.path, self.seq)?;
        if read.torn > 0 {
            self.file
                .set_len(length - read.torn)
                .and_then(|()| self.file.sync_all())
                .map_err(StoreError::io("cut the torn end of", &self.path))?;
        }
        self.end = length - read.torn;
        if let (Some(event), Some(line)) = (read.events.last(), read.lines.last()) {
            self.seq = event.seq;
            self.last = hash(line);
        }
        Ok(read.events)
    }

    fn length(&self) -> Result<u64, StoreError> {
        Ok(self
            .file
            .metadata()
            .map_err(StoreError::io("look at", &self.path))?
            .len())
    }

    fn append_locked(
        &mut self,
        expected: u64,
        events: &[NewEvent],
    ) -> Result<Vec<Event>, StoreError> {
        if self.length()? != self.end {
            // What was read here stays unread for `catch_up`: only its number is told.
            let (end, seq, last) = (self.end, self.seq, self.last.clone());
            let grown = self.read_on()?;
            if !grown.is_empty() {
                let newest = self.seq;
                (self.end, self.seq, self.last) = (end, seq, last);
                return Err(StoreError::Grown(newest));
            }
        }
        if self.seq != expected {
            return Err(StoreError::Grown(self.seq));
        }
        let mut written = Vec::with_capacity(events.len());
        let (mut seq, mut last) = (self.seq, self.last.clone());
        self.buffer.clear();
        for event in events {
            seq += 1;
            let event = number(event, seq, &last);
            let json = to_json(&event, &self.path)?;
            last = hash(&json);
            frame::write(&mut self.buffer, &json);
            written.push(event);
        }
        let synced = self
            .file
            .write_all_at(&self.buffer, self.end)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = synced {
            // A failed sync is never tried again: the kernel may have dropped the pages and would say yes the second time.
            self.poisoned = true;
            return Err(StoreError::Io {
                doing: "append to",
                path: self.path.clone(),
                source,
            });
        }
        self.end += self.buffer.len() as u64;
        (self.seq, self.last) = (seq, last);
        Ok(written)
    }
}

impl Journal for FileJournal {
    fn run(&self) -> &str {
        &self.run
    }

    fn append(&mut self, expected: u64, events: &[NewEvent]) -> Result<Vec<Event>, StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned {
                path: self.path.clone(),
            });
        }
        self.file
            .lock()
            .map_err(StoreError::io("lock", &self.path))?;
        let result = self.append_locked(expected, events);
        self.file
            .unlock()
            .map_err(StoreError::io("unlock", &self.path))?;
        result
    }

    fn catch_up(&mut self) -> Result<Vec<Event>, StoreError> {
        if self.length()? == self.end {
            return Ok(Vec::new());
        }
        self.file
            .lock()
            .map_err(StoreError::io("lock", &self.path))?;
        let result = self.read_on();
        self.file
            .unlock()
            .map_err(StoreError::io("unlock", &self.path))?;
        result
    }
}

/// Reads a journal file without its lock.
pub(super) fn read(run: &str, path: &Path) -> Result<Recorded, StoreError> {
    let bytes = std::fs::read(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => StoreError::NoSuchRun(run.to_owned()),
        _ => StoreError::Io {
            doing: "read",
            path: path.to_owned(),
            source,
        },
    })?;
    parse(&bytes, path, 0)
}

/// The events in `bytes`; the first must have the number after `before`.
fn parse(bytes: &[u8], path: &Path, before: u64) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded {
        events: Vec::new(),
        lines: Vec::new(),
        torn: 0,
    };
    let mut at = 0;
    loop {
        let whole = before + recorded.events.len() as u64;
        let damaged = |what: String| StoreError::Damaged {
            path: path.to_owned(),
            at: at as u64,
            what,
            whole,
        };
        match frame::read(bytes, at) {
            Frame::End => return Ok(recorded),
            Frame::Broken(what) if frame::any_whole_after(bytes, at) => {
                return Err(damaged(what.to_owned()));
            }
            Frame::Broken(_) => {
                recorded.torn = (bytes.len() - at) as u64;
                return Ok(recorded);
            }
            Frame::Whole { json, next } => {
                let event: Event =
                    serde_json::from_slice(json).map_err(|source| StoreError::Event {
                        path: path.to_owned(),
                        source,
                    })?;
                if event.seq != whole + 1 {
                    return Err(damaged(format!(
                        "event {} stands where {} belongs",
                        event.seq,
                        whole + 1
                    )));
                }
                recorded.events.push(event);
                recorded.lines.push(json.to_vec());
                at = next;
            }
        }
    }
}

fn number(event: &NewEvent, seq: u64, prev: &str) -> Event {
    Event {
        v: SCHEMA,
        seq,
        at: event.at,
        actor: event.actor.clone(),
        prev: prev.to_owned(),
        event: event.event.clone(),
    }
}

fn to_json(event: &Event, path: &Path) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(event).map_err(|source| StoreError::Event {
        path: path.to_owned(),
        source,
    })
}
