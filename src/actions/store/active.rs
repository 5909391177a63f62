//! One open run a pair of site and runbook.
//!
//! A small file names the run that holds the pair. It is a hint, not a truth: when the named run has ended, or does not exist
//! because its creation was cut short, the claim is taken over.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// A claim whose file is locked; [`Claim::settle`] writes the new holder.
pub(super) struct Claim {
    path: PathBuf,
    file: File,
    /// The run named so far.
    pub(super) holder: Option<String>,
}

impl Claim {
    /// Locks the claim on a pair and reads who holds it.
    pub(super) fn lock(folder: &Path, site: &str, runbook: &str) -> Result<Self, StoreError> {
        // `~` is in neither name, so two pairs never share a file.
        let path = folder.join(format!("{site}~{runbook}"));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        let mut holder = String::new();
        file.read_to_string(&mut holder)
            .map_err(StoreError::io("read", &path))?;
        let holder = holder.trim().to_owned();
        Ok(Claim {
            path,
            file,
            holder: (!holder.is_empty()).then_some(holder),
        })
    }

    /// Names the new holder.
    pub(super) fn settle(mut self, run: &str) -> Result<(), StoreError> {
        let write = (|| {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(run.as_bytes())
        })();
        write.map_err(StoreError::io("write", &self.path))
    }
}
