//! The index: one line a run, so that lists of thousands of runs need no replay.
//!
//! It holds nothing that the journals do not hold, and it is allowed to fail: sled 0.34 panics on some damage and lets one
//! process in at a time. So it is opened behind `catch_unwind`; when another process has it, journals are read instead; when
//! it is damaged, it is put aside and begun anew. An entry counts only when the journal has the length it was made from.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::record::RunSummary;

/// The open index.
#[derive(Debug)]
pub(super) struct Index {
    runs: sled::Tree,
    database: sled::Db,
}

/// Version of the entries; another one is as good as none.
const TREE: &str = "runs-4";

impl Index {
    /// Opens the index. `None` when it cannot be used right now: the caller reads the journals.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        match Self::attempt(folder) {
            Attempt::Open(index) => Some(index),
            Attempt::Busy => None,
            Attempt::Damaged => {
                let aside =
                    folder.with_extension(format!("bad-{}", jiff::Timestamp::now().as_second()));
                std::fs::rename(folder, aside).ok()?;
                match Self::attempt(folder) {
                    Attempt::Open(index) => Some(index),
                    _ => None,
                }
            }
        }
    }

    fn attempt(folder: &Path) -> Attempt {
        let opened = quietly(|| {
            let database = sled::Config::new()
                .path(folder)
                .cache_capacity(16 * 1024 * 1024)
                .flush_every_ms(None)
                .open()?;
            let runs = database.open_tree(TREE)?;
            Ok::<_, sled::Error>(Index { runs, database })
        });
        match opened {
            Some(Ok(index)) => Attempt::Open(index),
            Some(Err(sled::Error::Io(error))) if is_lock(&error) => Attempt::Busy,
            Some(Err(sled::Error::Io(error)))
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::PermissionDenied
                        | std::io::ErrorKind::ReadOnlyFilesystem
                        | std::io::ErrorKind::StorageFull
                ) =>
            {
                Attempt::Busy
            }
            Some(Err(_)) | None => Attempt::Damaged,
        }
    }

    /// The entry of a run, and the length of the journal that it was made from.
    pub(super) fn get(&self, run: &str) -> Option<(u64, RunSummary)> {
        let bytes = quietly(|| self.runs.get(run))?.ok()??;
        let (crc, rest) = bytes.split_first_chunk::<4>()?;
        let (made_from, json) = rest.split_first_chunk::<8>()?;
        if crc32c::crc32c(rest) != u32::from_be_bytes(*crc) {
            return None;
        }
        let summary = serde_json::from_slice(json).ok()?;
        Some((u64::from_be_bytes(*made_from), summary))
    }

    /// Keeps entries. Nothing is lost when this fails.
    pub(super) fn put(&self, entries: &[(u64, RunSummary)]) {
        if entries.is_empty() {
            return;
        }
        let _ = quietly(|| {
            for (length, summary) in entries {
                let mut body = length.to_be_bytes().to_vec();
                if let Ok(json) = serde_json::to_vec(summary) {
                    body.extend(json);
                    let mut value = crc32c::crc32c(&body).to_be_bytes().to_vec();
                    value.extend(body);
                    self.runs.insert(summary.run.as_bytes(), value)?;
                }
            }
            self.database.flush()
        });
    }
}

enum Attempt {
    Open(Index),
    Busy,
    Damaged,
}

/// sled tells a held lock as an I/O error of kind `Other` or `WouldBlock`.
fn is_lock(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("lock")
}

/// Runs sled's code; a panic in it becomes `None` and is not shown.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    use std::cell::Cell;
    use std::sync::Once;
    thread_local! {
        static QUIET: Cell<bool> = const { Cell::new(false) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.with(Cell::get) {
                usual(info);
            }
        }));
    });
    QUIET.with(|quiet| quiet.set(true));
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.with(|quiet| quiet.set(false));
    result.ok()
}
