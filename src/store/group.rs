//! One sync for many runs: the log that the runs of a fleet share.
//!
//! Each run keeps its own journal, which anybody reads and appends to as ever. A process that works on many runs at once writes
//! to the journals without a sync, and puts the same bytes into one log, `shared/ID.log`; a thread of its own writes and syncs
//! there what has gathered. What the log holds is durable: after a power cut the journals are made whole from it (see
//! [`settle`]). A process that dies loses nothing, for the kernel still has what was written to the journals.
//!
//! A process that can tell when it has nothing to do but wait says so ([`Group::gather`], [`Group::hurry`]): then appends that
//! are about to come share the sync of those that are there, and none waits for it longer than the process would anyway.
//!
//! A log is done with once its journals have reached the disk by themselves: it is put aside when it is long, or by whoever
//! opens the store later.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use super::settle::Origin;
use super::{Durable, StoreError, embedded, frame};

/// Bytes after which a new log is begun.
const LONG: u64 = 16 << 20;
/// Appends that are worth a sync while the process still has things to do, at least and at most: half of those that may come
/// at the same time. With more the disk would rest meanwhile, with fewer a sync would be for few.
const ENOUGH: (usize, usize) = (8, 64);
/// The longest that fewer are kept waiting, should nobody hurry.
const LONGEST: Duration = Duration::from_millis(5);
/// Bytes put aside at a time, see `journal`.
const SPACE: usize = 256 << 10;

type Answer = oneshot::Sender<Result<(), StoreError>>;

/// The shared log of a process. Dropping it writes what is left.
#[derive(Debug)]
pub(super) struct Group {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    queue: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    buffer: Vec<u8>,
    waiting: Vec<Answer>,
    /// Runs whose journals are ahead of the disk.
    runs: BTreeSet<String>,
    failed: Option<PathBuf>,
    closing: bool,
    /// Somebody tells when there is nothing more to come; so many appends are worth a sync before.
    enough: Option<usize>,
    /// Nothing more is to come.
    hurry: bool,
}

impl Queue {
    /// Is what has gathered worth a sync?
    fn is_ripe(&self) -> bool {
        self.closing
            || self.hurry
            || self
                .enough
                .is_none_or(|enough| self.waiting.len() >= enough)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Begins a log below `root`, the folder of the store.
    pub(super) fn start(root: &Path) -> Result<Self, StoreError> {
        let log = Log::create(root)?;
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            queue: Mutex::default(),
            filled: Condvar::new(),
        });
        let work = shared.clone();
        let thread = std::thread::Builder::new()
            .name("shared log".to_owned())
            .spawn(move || flush_all(&work, log))
            .map_err(StoreError::io("start the thread that writes to", root))?;
        Ok(Group {
            shared,
            thread: Some(thread),
        })
    }

    /// Takes in lines that were written to the journal of `run`.
    pub(super) fn flush(&self, run: &str, lines: &[u8]) -> Result<Durable, StoreError> {
        let (answer, durable) = oneshot::channel();
        let mut queue = self.shared.queue();
        if let Some(path) = &queue.failed {
            return Err(StoreError::Poisoned { path: path.clone() });
        }
        let first = queue.buffer.is_empty();
        let _ = frame::write(&mut queue.buffer, first, |out| {
            out.extend_from_slice(run.as_bytes());
            out.push(b'\n');
            out.extend_from_slice(lines);
            Ok::<_, std::convert::Infallible>(())
        });
        queue.waiting.push(answer);
        if !queue.runs.contains(run) {
            queue.runs.insert(run.to_owned());
        }
        // The thread sleeps without a limit of time only while there is nothing.
        let wakes = first || queue.is_ripe();
        drop(queue);
        if wakes {
            self.shared.filled.notify_one();
        }
        Ok(Durable::Later(durable))
    }

    /// From now on somebody calls [`Group::hurry`] whenever nothing more is to come. So many runs append at the same time.
    pub(super) fn gather(&self, runs: usize) {
        self.shared.queue().enough = Some((runs / 2).clamp(ENOUGH.0, ENOUGH.1));
    }

    /// Nothing more is to come before what has gathered is on disk.
    pub(super) fn hurry(&self) {
        let mut queue = self.shared.queue();
        if !queue.buffer.is_empty() && !queue.hurry {
            queue.hurry = true;
            drop(queue);
            self.shared.filled.notify_one();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.shared.queue().closing = true;
        self.shared.filled.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The work of the thread: one write and one sync for all that has gathered.
fn flush_all(shared: &Shared, mut log: Log) {
    let mut batch = Vec::new();
    loop {
        let mut queue = shared.queue();
        while queue.buffer.is_empty() && !queue.closing {
            queue = shared
                .filled
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if !queue.is_ripe() {
            let (gathered, _) = shared
                .filled
                .wait_timeout_while(queue, LONGEST, |queue| !queue.is_ripe())
                .unwrap_or_else(PoisonError::into_inner);
            queue = gathered;
        }
        if queue.buffer.is_empty() {
            return;
        }
        queue.hurry = false;
        batch.clear();
        std::mem::swap(&mut batch, &mut queue.buffer);
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        let written = log.append(&mut batch);
        if written.is_err() {
            shared.queue().failed = Some(log.path.clone());
        }
        for answer in waiting {
            let told = match &written {
                Ok(()) => Ok(()),
                Err(error) => Err(StoreError::Io {
                    doing: "append to",
                    path: log.path.clone(),
                    source: std::io::Error::new(error.kind(), error.to_string()),
                }),
            };
            let _ = answer.send(told);
        }
        if written.is_ok() && log.end > LONG {
            log = renew(shared, log);
        }
    }
}

/// Begins a new log, and is done with the old one. Where that does not work, the old one goes on.
fn renew(shared: &Shared, old: Log) -> Log {
    let Ok(new) = Log::create(&shared.root) else {
        return old;
    };
    let runs = std::mem::take(&mut shared.queue().runs);
    let synced = runs
        .iter()
        .try_for_each(|run| embedded::sync_journal(&shared.root, run))
        .and_then(|()| embedded::sync_folder(&shared.root.join("runs")));
    if synced.is_ok() {
        let _ = std::fs::remove_file(&old.path);
    }
    new
}

/// A log file. Its lock tells others that its process lives.
#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: File,
    end: u64,
    length: u64,
}

impl Log {
    fn create(root: &Path) -> Result<Self, StoreError> {
        let folder = embedded::folder(root, "shared")?;
        let now = jiff::Timestamp::now().as_nanosecond();
        let path = folder.join(format!("{}-{now}.log", std::process::id()));
        let mut head = Vec::new();
        frame::write(&mut head, true, |out| {
            serde_json::to_writer(out, &Origin::here())
        })
        .map_err(StoreError::event(&path))?;
        let open = (|| {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)?;
            file.lock()?;
            file.write_all_at(&head, 0)?;
            file.sync_all()?;
            Ok(file)
        })();
        let file = open.map_err(StoreError::io("create", &path))?;
        embedded::sync_folder(&folder)?;
        let end = head.len() as u64;
        Ok(Log {
            path,
            file,
            end,
            length: end,
        })
    }

    fn append(&mut self, batch: &mut Vec<u8>) -> std::io::Result<()> {
        let end = self.end + batch.len() as u64;
        if end > self.length {
            batch.resize(batch.len() + SPACE, 0);
        }
        self.file.write_all_at(batch, self.end)?;
        self.file.sync_data()?;
        self.length = self.length.max(self.end + batch.len() as u64);
        self.end = end;
        Ok(())
    }
}
