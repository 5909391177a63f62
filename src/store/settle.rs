//! What becomes of the shared logs of processes that are gone: journals that a power cut has left behind their log are made
//! whole from it, and a log whose journals are on disk is removed.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::{self, Frame};
use super::scan::scan;
use super::{StoreError, embedded, files};
use crate::record::{Event, GENESIS, hash};

/// So old a log's journals have long been written to disk by the kernel: making sure of it costs nothing then.
const OLD: Duration = Duration::from_secs(60);

/// The first line of a log.
#[derive(Debug, Serialize, Deserialize, PartialEq)]
pub(super) struct Origin {
    schema: String,
    /// The kernel's name for the time since the machine was started: what was written since then is not lost.
    boot: String,
}

impl Origin {
    /// This machine, now.
    pub(super) fn here() -> Self {
        Origin {
            schema: "mailmedic.log/1".to_owned(),
            boot: std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
                .map(|id| id.trim().to_owned())
                .unwrap_or_default(),
        }
    }

    /// Was everything that this log's process wrote seen by the kernel that runs now?
    fn is_this_boot(&self) -> bool {
        !self.boot.is_empty() && *self == Origin::here()
    }
}

/// Looks after the logs that no living process holds.
///
/// # Errors
/// When a journal cannot be made whole; nothing is lost then, the log stays.
pub(super) fn settle(root: &Path) -> Result<(), StoreError> {
    let Ok(entries) = std::fs::read_dir(root.join("shared")) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(file) = OpenOptions::new().read(true).write(true).open(&path) else {
            // Of another user, or a read-only folder: left as it is.
            continue;
        };
        if file.try_lock().is_ok() {
            settle_one(root, &path, &file)?;
        }
    }
    Ok(())
}

fn settle_one(root: &Path, path: &Path, file: &File) -> Result<(), StoreError> {
    let bytes = std::fs::read(path).map_err(StoreError::io("read", path))?;
    let log = Log::parse(&bytes);
    let known = log.origin.as_ref().is_some_and(Origin::is_this_boot);
    if known && age(file) < OLD {
        return Ok(());
    }
    for (run, lines) in &log.runs {
        if !known {
            restore(root, run, lines)?;
        }
        embedded::sync_journal(root, run)?;
    }
    embedded::sync_folder(&embedded::folder(root, "runs")?)?;
    std::fs::remove_file(path).map_err(StoreError::io("remove", path))
}

fn age(file: &File) -> Duration {
    file.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|written| written.elapsed().ok())
        .unwrap_or_default()
}

/// What a log holds: each run's lines, framed as they stand in its journal. A torn end was never acknowledged.
#[derive(Debug, Default)]
struct Log<'a> {
    origin: Option<Origin>,
    runs: BTreeMap<&'a str, Vec<&'a [u8]>>,
}

impl<'a> Log<'a> {
    fn parse(bytes: &'a [u8]) -> Self {
        let mut log = Log::default();
        let mut at = 0;
        while let Frame::Whole { json, next } = frame::read(bytes, at) {
            if at == 0 {
                log.origin = serde_json::from_slice(json).ok();
            } else if let Some(split) = json.iter().position(|byte| *byte == b'\n')
                && let Ok(run) = std::str::from_utf8(&json[..split])
            {
                log.runs.entry(run).or_default().push(&json[split + 1..]);
            }
            at = next;
        }
        log
    }
}

/// Appends to a journal what the log holds beyond it.
fn restore(root: &Path, run: &str, appends: &[&[u8]]) -> Result<(), StoreError> {
    embedded::folder(root, "runs")?;
    let path = embedded::journal_path(root, run);
    let file = files::open_or_make(&path)?;
    file.lock().map_err(StoreError::io("lock", &path))?;
    let mut kept = Kept::default();
    let mut end = 0;
    let whole = scan(&file, &path, 0, 0, |event, line| {
        kept.add(event.seq, line);
        end += frame::size(line);
        Ok(())
    });
    match whole {
        // A page that was written without the one before: the log knows better, if it reaches back that far. If it does not,
        // whoever reads the journal is told.
        Ok(_) | Err(StoreError::Damaged { .. }) => {}
        Err(error) => return Err(error),
    }
    let mut missing = Vec::new();
    for lines in appends {
        let mut at = 0;
        let mut first = true;
        while let Frame::Whole { json, next } = frame::read(lines, at) {
            at = next;
            let event: Event = serde_json::from_slice(json).map_err(StoreError::event(&path))?;
            if event.seq == kept.seq + 1 && event.prev == kept.last() {
                kept.add(event.seq, json);
                let _ = frame::write(&mut missing, first, |out| {
                    out.extend_from_slice(json);
                    Ok::<_, std::convert::Infallible>(())
                });
                first = false;
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    file.set_len(end)
        .and_then(|()| file.write_all_at(&missing, end))
        .and_then(|()| file.sync_all())
        .map_err(StoreError::io("restore", &path))
}

/// How far a journal reaches.
#[derive(Debug, Default)]
struct Kept {
    seq: u64,
    last: Vec<u8>,
}

impl Kept {
    fn add(&mut self, seq: u64, line: &[u8]) {
        self.seq = seq;
        self.last = line.to_vec();
    }

    fn last(&self) -> String {
        if self.seq == 0 {
            GENESIS.to_owned()
        } else {
            hash(&self.last)
        }
    }
}
