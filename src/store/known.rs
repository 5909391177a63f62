//! What a fleet knew of its runs when its process ended, for whoever lists runs next: `known/FLEET`. It spares the next list
//! reading every journal, and the fleet opening the index.
//!
//! Like the index it holds nothing that the journals do not hold, and may be lost at any time; a line counts only as long as
//! the journal has the length that it was made from.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use super::embedded;
use super::frame::{self, Frame};
use crate::record::RunSummary;

/// Lines about runs, by run, each with the length of the journal that it was made from.
#[derive(Debug, Default)]
pub(super) struct Known {
    runs: HashMap<String, (u64, RunSummary)>,
    files: Vec<PathBuf>,
}

impl Known {
    /// Leaves lines for the next list. Nothing is lost when this does not work.
    pub(super) fn leave(root: &Path, fleet: &str, lines: &[(u64, RunSummary)]) {
        let mut bytes = Vec::new();
        for line in lines {
            if let Ok(json) = serde_json::to_vec(line) {
                let _ = frame::write(&mut bytes, true, |out| {
                    out.extend_from_slice(&json);
                    Ok::<_, Infallible>(())
                });
            }
        }
        if !bytes.is_empty()
            && let Ok(folder) = embedded::folder(root, "known")
        {
            let _ = std::fs::write(folder.join(fleet), bytes);
        }
    }

    /// All that fleets have left.
    pub(super) fn read(root: &Path) -> Self {
        let mut known = Known::default();
        let entries = std::fs::read_dir(root.join("known")).into_iter();
        for entry in entries.flatten().flatten() {
            let path = entry.path();
            let bytes = std::fs::read(&path).unwrap_or_default();
            let mut at = 0;
            while let Frame::Whole { json, next } = frame::read(&bytes, at) {
                if let Ok((length, summary)) = serde_json::from_slice::<(u64, RunSummary)>(json) {
                    known.runs.insert(summary.run.clone(), (length, summary));
                }
                at = next;
            }
            known.files.push(path);
        }
        known
    }

    /// The line about a run.
    pub(super) fn get(&self, run: &str) -> Option<(u64, RunSummary)> {
        self.runs.get(run).cloned()
    }

    /// The index has taken the lines in: they are not needed any more.
    pub(super) fn forget(self) {
        for file in self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}
