//! What is thrown away: ended runs, and files that no run speaks of any more.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Embedded, Store, StoreError, embedded};

/// A younger file may belong to a step whose end is being written.
const YOUNG: Duration = Duration::from_secs(86_400);

/// Hex digits of a SHA-256.
const DIGEST: usize = 64;

impl Embedded {
    /// Removes an ended run for good: its journal, what lies beside it, and its documents.
    ///
    /// # Errors
    /// [`StoreError::StillOpen`] when it has not ended, [`StoreError::Held`] when somebody works on it, and when something
    /// cannot be removed; the journal goes last, so that the rest is found again then.
    pub fn remove(&self, run: &str) -> Result<(), StoreError> {
        let hold = self.hold(run)?;
        let state = self.state(run)?;
        if state.conclusion.is_none() {
            return Err(StoreError::StillOpen {
                run: run.to_owned(),
                site: state.created.site.clone(),
                runbook: state.created.runbook.clone(),
            });
        }
        self.remove_documents(run)?;
        let folder = self.root().join("runs");
        for path in self.cut_off(run)? {
            gone(&path, std::fs::remove_file(&path))?;
        }
        let path = embedded::journal_path(self.root(), run);
        gone(&path, std::fs::remove_file(&path))?;
        drop(hold);
        embedded::sync_folder(&folder)
    }

    /// Removes the record and the documents of a fleet run. Its runs are removed by themselves, before.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove_fleet(&self, fleet: &str) -> Result<(), StoreError> {
        self.remove_documents(fleet)?;
        let folder = self.root().join("fleets");
        let path = folder.join(format!("{fleet}.fleet"));
        gone(&path, std::fs::remove_file(&path))?;
        embedded::sync_folder(&folder)
    }

    fn remove_documents(&self, name: &str) -> Result<(), StoreError> {
        let documents = self.root().join("reports").join(name);
        gone(&documents, std::fs::remove_dir_all(&documents))
    }

    /// Removes the kept files that no run speaks of, but for those that were put there within a day. Gives how many, and their
    /// bytes.
    ///
    /// # Errors
    /// When a run or the folder cannot be read, or a file not be removed.
    pub fn sweep(&self) -> Result<(usize, u64), StoreError> {
        let mut old = self.old_files()?;
        self.keep_spoken_of(&mut old)?;
        let (mut files, mut bytes) = (0, 0);
        for (path, length) in old.into_values() {
            gone(&path, std::fs::remove_file(&path))?;
            files += 1;
            bytes += length;
        }
        Ok((files, bytes))
    }

    /// The kept files that are old enough to go, by their names, with their lengths.
    fn old_files(&self) -> Result<HashMap<String, (PathBuf, u64)>, StoreError> {
        let mut old = HashMap::new();
        let now = SystemTime::now();
        for folder in embedded::entries(&self.root().join("artifacts"))? {
            for path in embedded::entries(&folder)? {
                let Ok(known) = path.metadata() else { continue };
                let modified = known.modified().ok();
                let age = modified.and_then(|at| now.duration_since(at).ok());
                if age.is_some_and(|age| age >= YOUNG)
                    && let Some(name) = path.file_name()
                {
                    let name = name.to_string_lossy().into_owned();
                    old.insert(name, (path, known.len()));
                }
            }
        }
        Ok(old)
    }

    /// Takes out of `old` what stands in a journal or in what was cut off one. An event that was superseded, or lost, still
    /// speaks of its files. Journals are read for as long as there is a file of which none has spoken yet.
    fn keep_spoken_of(&self, old: &mut HashMap<String, (PathBuf, u64)>) -> Result<(), StoreError> {
        self.settle()?;
        for path in embedded::entries(&self.root().join("runs"))? {
            if old.is_empty() {
                return Ok(());
            }
            let bytes = match std::fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                read => read.map_err(StoreError::io("read", &path))?,
            };
            let words = bytes.split(|byte| !byte.is_ascii_hexdigit());
            for word in words.filter(|word| word.len() == DIGEST) {
                if let Ok(digest) = std::str::from_utf8(word) {
                    old.remove(digest);
                }
            }
        }
        Ok(())
    }
}

/// What is not there is as good as removed.
fn gone(path: &Path, removed: io::Result<()>) -> Result<(), StoreError> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(StoreError::io("remove", path)),
    }
}
