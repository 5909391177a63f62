//! Which runs keep each other out.
//!
//! A line for each open run: the site, the runbook whose pair with the site it holds, or `~` when it holds the whole site, and
//! the run. The lines of all sites are shared out over a few files by the site. They are hints, not a truth: when the named run
//! has ended, or does not exist because its creation was cut short, its place is free. So a line is written before its run is
//! there: the other way round, a process that died in between would leave an open run that keeps nobody out. The file is also
//! the gate through which every new run of the site passes, one at a time.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{StoreError, files};
use crate::record::{RunCreated, RunLock, RunState, hash};

/// In place of a runbook: the whole site. No runbook has that name.
const WHOLE_SITE: &str = "~";

/// The claim of a new run, while nobody else can claim for the same site.
pub(super) struct Claim {
    path: PathBuf,
    /// Locked until the run is there.
    file: File,
    /// Where the next line goes.
    end: u64,
    /// What the file still has to say, where that is less than it says.
    kept: Option<String>,
    /// The site and what the new run holds of it.
    mine: String,
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
        let (path, file) = files::share(folder, &hash(created.site.as_bytes()))?;
        file.lock().map_err(StoreError::io("lock", &path))?;
        let text = files::text(&file).map_err(StoreError::io("read", &path))?;
        let mut free = Vec::new();
        for line in text.lines() {
            let of_site = line.strip_prefix(created.site.as_str());
            if let Some(rest) = of_site.and_then(|rest| rest.strip_prefix(' '))
                && let Some((held, run)) = rest.rsplit_once(' ')
                && (held == mine || held == WHOLE_SITE || mine == WHOLE_SITE)
            {
                if let Some(holder) = open(run)? {
                    return Err(StoreError::StillOpen {
                        run: holder.created.run.clone(),
                        site: holder.created.site.clone(),
                        runbook: holder.created.runbook.clone(),
                    });
                }
                free.push(line);
            }
        }
        // Damaged text is another length than what the file holds.
        let whole = (text.is_empty() || text.ends_with('\n'))
            && !text.contains(char::REPLACEMENT_CHARACTER);
        let kept = (!whole || !free.is_empty()).then(|| {
            let says = |line: &&str| line.contains(' ') && !free.contains(line);
            let kept = text.lines().filter(says);
            kept.flat_map(|line| [line, "\n"]).collect()
        });
        Ok(Some(Claim {
            mine: format!("{} {mine}", created.site),
            end: text.len() as u64,
            path,
            file,
            kept,
        }))
    }

    /// Names the new holder, which the caller creates now, and lets go of this claim when it is there.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub(super) fn name(&self, run: &str) -> Result<(), StoreError> {
        let line = format!("{} {run}\n", self.mine);
        let written = match &self.kept {
            None => self.file.write_all_at(line.as_bytes(), self.end),
            Some(kept) => files::rewrite(&self.file, &(kept.clone() + &line)),
        };
        written.map_err(StoreError::io("write", &self.path))
    }
}
