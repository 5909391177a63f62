//! The records of a fleet run: a small file of its own, framed like a journal. Its sites' runs have journals like any others.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Frame};
use super::{Embedded, StoreError, embedded};
use crate::record::{Fleet, FleetEvent, FleetPlan};

fn path_of(root: &Path, fleet: &str) -> PathBuf {
    root.join("fleets").join(format!("{fleet}.fleet"))
}

/// Writes the first record, synced, under a name that did not exist.
pub(super) fn create(root: &Path, plan: FleetPlan) -> Result<(), StoreError> {
    let folder = embedded::folder(root, "fleets")?;
    let path = path_of(root, &plan.fleet);
    let temporary = path.with_extension("new");
    let fleet = plan.fleet.clone();
    let bytes = framed(&FleetEvent::Created(Box::new(plan)), &path)?;
    let written = (|| {
        let file = File::create(&temporary)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_all()?;
        std::fs::hard_link(&temporary, &path)
    })();
    let _ = std::fs::remove_file(&temporary);
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists(fleet),
        _ => StoreError::io("create", &path)(source),
    })?;
    embedded::sync_folder(&folder)
}

/// Appends a record, synced. What a crash has left of an earlier append is cut off.
pub(super) fn note(root: &Path, fleet: &str, event: &FleetEvent) -> Result<(), StoreError> {
    let path = path_of(root, fleet);
    let bytes = framed(event, &path)?;
    let append = (|| {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        file.lock()?;
        let (_, end) = whole(&std::fs::read(&path)?);
        file.set_len(end)?;
        file.write_all_at(&bytes, end)?;
        file.sync_all()
    })();
    append.map_err(StoreError::io("append to", &path))
}

/// Reads and folds the records.
pub(super) fn read(root: &Path, fleet: &str) -> Result<Fleet, StoreError> {
    let path = path_of(root, fleet);
    let bytes = std::fs::read(&path).map_err(|source| absent(fleet, &path, source))?;
    let (lines, end) = whole(&bytes);
    let at = usize::try_from(end).unwrap_or(usize::MAX);
    if frame::is_damage(&bytes, at) || lines.is_empty() {
        return Err(StoreError::Damaged {
            path,
            at: end,
            what: "a line that is no record".to_owned(),
            whole: lines.len() as u64,
        });
    }
    let events: Vec<FleetEvent> = lines
        .into_iter()
        .map(|line| serde_json::from_slice(line).map_err(StoreError::event(&path)))
        .collect::<Result<_, _>>()?;
    Fleet::replay(events).ok_or(StoreError::NotABeginning)
}

/// The length of a fleet run's file.
pub(super) fn length(root: &Path, fleet: &str) -> Result<u64, StoreError> {
    let path = path_of(root, fleet);
    let known = path.metadata();
    known
        .map(|known| known.len())
        .map_err(|source| absent(fleet, &path, source))
}

fn absent(fleet: &str, path: &Path, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::NotFound => StoreError::NoSuchFleet(fleet.to_owned()),
        _ => StoreError::io("read", path)(source),
    }
}

/// The ids of all fleet runs, and the lengths of their files.
pub(super) fn lengths(root: &Path) -> Result<BTreeMap<String, u64>, StoreError> {
    let mut lengths = BTreeMap::new();
    for path in embedded::entries(&root.join("fleets"))? {
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(fleet) = name.and_then(|name| name.strip_suffix(".fleet")) {
            let known = path.metadata().map_err(StoreError::io("look at", &path))?;
            lengths.insert(fleet.to_owned(), known.len());
        }
    }
    Ok(lengths)
}

impl Embedded {
    /// The ids of the fleet runs that have not ended, sorted. Their sites are not looked at: there may be thousands.
    ///
    /// # Errors
    /// When they cannot be listed, or one cannot be read.
    pub fn open_fleets(&self) -> Result<Vec<String>, StoreError> {
        let mut open = Vec::new();
        for (fleet, _) in lengths(self.root())? {
            let path = path_of(self.root(), &fleet);
            let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
            let (lines, _) = whole(&bytes);
            let end = |line: &&[u8]| line.starts_with(b"{\"finished\":");
            if !lines.iter().any(end) {
                open.push(fleet);
            }
        }
        Ok(open)
    }
}

fn framed(event: &FleetEvent, path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    frame::write(&mut bytes, true, |out| serde_json::to_writer(out, event))
        .map_err(StoreError::event(path))?;
    Ok(bytes)
}

/// The whole records, and where they end.
fn whole(bytes: &[u8]) -> (Vec<&[u8]>, u64) {
    let mut lines = Vec::new();
    let mut at = 0;
    while let Frame::Whole { json, next } = frame::read(bytes, at) {
        lines.push(json);
        at = next;
    }
    (lines, at as u64)
}
