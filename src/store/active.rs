//! Which runs keep each other out.
//!
//! A small file a site names its open runs, a line each: the runbook whose pair with the site a run holds, or `~` when it holds
//! the whole site, and the run. The lines are hints, not a truth: when the named run has ended, or does not exist because its
//! creation was cut short, its place is free. The file is also the gate through which every new run of the site passes, one at a
//! time.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::{StoreError, embedded};
use crate::record::{RunCreated, RunLock, RunState};

/// In place of a runbook: the whole site. No runbook has that name.
const WHOLE_SITE: &str = "~";

/// The claim of a new run, while nobody else can claim for the same site.
pub(super) struct Claim {
    path: PathBuf,
    /// Locked until the run is there.
    file: File,
    /// What the new run holds.
    mine: String,
    /// The lines of the others.
    others: Vec<String>,
}

impl Claim {
    /// Claims what the run needs; `None` when it needs nothing. `open` gives a run as it stands if it is open.
    ///
    /// # Errors
    /// [`StoreError::StillOpen`] names the run that holds it; what `open` refuses.
    pub(super) fn take(
        folder: &Path,
        created: &RunCreated,
        open: impl Fn(&str) -> Result<Option<RunState>, StoreError>,
    ) -> Result<Option<Self>, StoreError> {
        let mine = match created.lock {
            RunLock::Nothing => return Ok(None),
            RunLock::Site => WHOLE_SITE,
            RunLock::Runbook => &created.runbook,
        };
        let path = folder.join(&created.site);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        let mut others = Vec::new();
        for line in embedded::lines(&file).map_err(StoreError::io("read", &path))? {
            let Some((held, run)) = line.rsplit_once(' ') else {
                continue;
            };
            if held != mine && held != WHOLE_SITE && mine != WHOLE_SITE {
                others.push(line);
            } else if let Some(holder) = open(run)? {
                return Err(StoreError::StillOpen {
                    run: holder.created.run.clone(),
                    site: holder.created.site.clone(),
                    runbook: holder.created.runbook.clone(),
                });
            }
        }
        Ok(Some(Claim {
            mine: mine.to_owned(),
            path,
            file,
            others,
        }))
    }

    /// Names the new holder.
    pub(super) fn settle(mut self, run: &str) -> Result<(), StoreError> {
        self.others.push(format!("{} {run}", self.mine));
        let write = embedded::rewrite(&self.file, &self.others.join("\n"));
        write.map_err(StoreError::io("write", self.path))
    }
}
