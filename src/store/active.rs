//! Which runs keep each other out.
//!
//! A small file a pair of site and runbook names the run that holds the pair, and one a site the run that holds the whole site.
//! They are hints, not a truth: when the named run has ended, or does not exist because its creation was cut short, the claim is
//! taken over. The site's file is also the gate through which every new run of the site passes, one at a time.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::{StoreError, embedded};
use crate::record::{RunCreated, RunLock, RunState};

/// The claim of a new run, while nobody else can claim for the same site.
pub(super) struct Claim {
    /// The file that will name the run.
    mine: Named,
    /// Locked until the run is there.
    _gate: Option<Named>,
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
        if created.lock == RunLock::Nothing {
            return Ok(None);
        }
        let holder = |named: &Named| named.holder.as_deref().map_or(Ok(None), &open);
        let free = |named: &Named| match holder(named)? {
            None => Ok(()),
            Some(holder) => Err(StoreError::StillOpen {
                run: holder.created.run.clone(),
                site: holder.created.site.clone(),
                runbook: holder.created.runbook.clone(),
            }),
        };
        let gate = Named::lock(folder.join(format!("{}~", created.site)))?;
        free(&gate)?;
        if created.lock == RunLock::Site {
            for other in Named::of_site(folder, &created.site)? {
                free(&other)?;
            }
            return Ok(Some(Claim {
                mine: gate,
                _gate: None,
            }));
        }
        let pair = Named::lock(folder.join(format!("{}~{}", created.site, created.runbook)))?;
        free(&pair)?;
        Ok(Some(Claim {
            mine: pair,
            _gate: Some(gate),
        }))
    }

    /// Names the new holder.
    pub(super) fn settle(self, run: &str) -> Result<(), StoreError> {
        let Named { path, file, .. } = self.mine;
        let write = embedded::rewrite(&file, run);
        write.map_err(StoreError::io("write", path))
    }
}

/// A file that names a run. `~` is in no name of a site or runbook, so two of them never share a file.
struct Named {
    path: PathBuf,
    file: File,
    /// The run named so far.
    holder: Option<String>,
}

impl Named {
    fn lock(path: PathBuf) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        Named::read(path, file)
    }

    fn read(path: PathBuf, file: File) -> Result<Self, StoreError> {
        let holder = embedded::first_line(&file).map_err(StoreError::io("read", &path))?;
        Ok(Named {
            path,
            file,
            holder: (!holder.is_empty()).then_some(holder),
        })
    }

    /// The pairs of a site. Nobody can change them while the gate is held.
    fn of_site(folder: &Path, site: &str) -> Result<Vec<Self>, StoreError> {
        let gate = format!("{site}~");
        let mut pairs = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
            let path = entry.map_err(StoreError::io("list", folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.is_some_and(|name| name.starts_with(&gate) && name != gate) {
                let file = File::open(&path).map_err(StoreError::io("open", &path))?;
                pairs.push(Named::read(path, file)?);
            }
        }
        Ok(pairs)
    }
}
