//! The store on this machine: a folder.
//!
//! ```text
//! runs/ID.journal      the truth, append-only (see `frame` and `journal`)
//! locks/NN             which processes work on which runs (see `hold`)
//! fleets/ID.fleet      what a fleet run was started with, and how it ended
//! known/FLEET          how its runs stood, until the index has taken that in (see `known`)
//! active/NN            which runs are open for a site, and what each of them keeps others out of (see `active`)
//! shared/ID.log        what the runs of one process share their syncs with (see `group`)
//! artifacts/ab/DIGEST  files by the SHA-256 of their bytes
//! index/               sled; may be deleted at any time
//! ```

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::active::Claim;
use super::group::Group;
use super::index::Index;
use super::journal::FileJournal;
use super::known::Known;
use super::outlook::{Seen, Troubles};
use super::{
    Durable, Hold, Journal, Recorded, Store, StoreError, Summaries, fleet, hold, scan, settle,
};
use crate::record::{
    Artifact, EventKind, Fleet, FleetEvent, FleetPlan, NewEvent, RunState, RunSummary, hash,
};

/// The store in a folder.
#[derive(Debug, Clone)]
pub struct Embedded {
    root: PathBuf,
    group: Option<Arc<Group>>,
    /// The logs of processes that are gone were looked after.
    settled: Arc<OnceLock<()>>,
}

impl Embedded {
    /// The store in `root`. The folder is made (readable by its owner alone) when something is first written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Embedded {
            root: root.into(),
            group: None,
            settled: Arc::default(),
        }
    }

    /// The same store for a process that works on many runs at once: what they append at the same time is one sync.
    ///
    /// # Errors
    /// When its folder cannot be written.
    pub fn grouped(&self) -> Result<Self, StoreError> {
        Ok(Embedded {
            group: Some(Arc::new(Group::start(&self.root)?)),
            ..self.clone()
        })
    }

    /// Lets appends gather: [`Embedded::hurry`] will be called whenever the process has nothing to do but wait for them. So many
    /// runs append at the same time.
    pub fn gather(&self, runs: usize) {
        if let Some(group) = &self.group {
            group.gather(runs);
        }
    }

    /// Nothing more is appended before what was appended is on disk.
    pub fn hurry(&self) {
        if let Some(group) = &self.group {
            group.hurry();
        }
    }

    /// Leaves what a fleet knows of its runs to whoever lists runs next, each line with the length of the journal that it was
    /// made from. Nothing is lost when this does not work: the journals are read then.
    pub fn leave(&self, fleet: &str, lines: &[(u64, RunSummary)]) {
        Known::leave(&self.root, fleet, lines);
    }

    /// How a run stands by its journal, and the length of the journal that this was read from.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn line(&self, run: &str) -> Result<(u64, RunSummary), StoreError> {
        let (state, tail) = scan::state(run, &self.journal_path(run))?;
        Ok((tail.end, RunSummary::of(&state)))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ids of all runs, in no order. A run whose creation was cut short may be among them.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn ids(&self) -> Result<Vec<String>, StoreError> {
        let journals = self.journals()?.into_iter();
        Ok(journals.map(|(run, _)| run).collect())
    }

    fn folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        folder(&self.root, name)
    }

    fn journal_path(&self, run: &str) -> PathBuf {
        journal_path(&self.root, run)
    }

    /// Before the journals are looked at for the first time: they are made whole.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        if self.settled.get().is_none() {
            settle::settle(&self.root)?;
            let _ = self.settled.set(());
        }
        Ok(())
    }

    /// Claims what the lock of the run that `first` creates keeps others out of. Nobody else can claim for the same site until
    /// the claim is dropped, when the run is there.
    pub(super) fn claim(&self, first: &NewEvent) -> Result<(String, Option<Claim>), StoreError> {
        let EventKind::RunCreated(created) = &first.event else {
            return Err(StoreError::NotABeginning);
        };
        self.settle()?;
        let open = |holder: &str| match self.state(holder) {
            Ok(state) => Ok(state.conclusion.is_none().then_some(state)),
            // Its creation was cut short, or it was thrown away.
            Err(StoreError::NoSuchRun(_)) => Ok(None),
            // It may be open: nothing may be done twice for want of its record.
            Err(error) => Err(error),
        };
        let claim = in_folder(&self.root, "active", |folder| {
            Claim::take(folder, created, open)
        })?;
        if let Some(claim) = &claim {
            claim.name(&created.run)?;
        }
        Ok((created.run.clone(), claim))
    }

    /// Id and length of each journal.
    fn journals(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let folder = self.root.join("runs");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => {
                return Err(StoreError::Io {
                    doing: "list",
                    path: folder,
                    source,
                });
            }
        };
        let mut journals = Vec::new();
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list", &folder))?;
            let name = entry.file_name();
            let Some(run) = name.to_str().and_then(|name| name.strip_suffix(".journal")) else {
                continue;
            };
            let length = entry
                .metadata()
                .map_err(StoreError::io("look at", entry.path()))?
                .len();
            journals.push((run.to_owned(), length));
        }
        Ok(journals)
    }

    /// A line about every run, newest first, from the journals alone: a line of the index tells nothing of damage that has left
    /// the journal as long as it was. What is wrong with a run is in the second list.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn summaries_read(&self) -> Result<Summaries, StoreError> {
        Ok(newest_first(self.survey(Ask::Lengths, |_, _| None)?))
    }

    /// Where every run stands. `known` gives the line about one whose journal has this length; the index, as it is asked, and
    /// what fleets have left come next, and what none of them knows is replayed.
    pub(super) fn survey(
        &self,
        ask: Ask,
        known: impl Fn(&str, u64) -> Option<Arc<RunSummary>>,
    ) -> Result<(Vec<Seen>, Troubles), StoreError> {
        self.settle()?;
        let mut index = None;
        let mut left = None;
        let mut seen = Vec::new();
        let mut troubles = Vec::new();
        let mut changed = Vec::new();
        for (run, length) in self.journals()? {
            if let Some(summary) = known(&run, length) {
                let length = Some(length);
                seen.push(Seen { summary, length });
                continue;
            }
            let mut whole = |summary, length| {
                let summary = Arc::new(summary);
                seen.push(Seen { summary, length });
            };
            if ask != Ask::Nothing && index.is_none() {
                index = Some(Index::open(&self.root.join("index")));
                left = Some(Known::read(&self.root));
            }
            let before = match index.iter().flatten().find_map(|index| index.get(&run)) {
                Some((made_from, summary)) if made_from == length && ask == Ask::Lines => {
                    whole(summary, Some(length));
                    continue;
                }
                indexed => indexed.map_or(0, |(made_from, _)| made_from),
            };
            let before = match left.as_ref().and_then(|left| left.get(&run)) {
                Some((made_from, summary)) if made_from == length && ask == Ask::Lines => {
                    changed.push((length, summary.clone()));
                    whole(summary, Some(length));
                    continue;
                }
                left => before.max(left.map_or(0, |(made_from, _)| made_from)),
            };
            let path = self.journal_path(&run);
            match scan::state(&run, &path) {
                Ok((state, tail)) => {
                    let summary = RunSummary::of(&state);
                    // Only what stays true as long as the journal has its length is kept.
                    let ends = (tail.end == length).then_some(length);
                    if tail.end < before {
                        let lost = before - tail.end;
                        troubles.push((run, StoreError::Shrunk { path, lost }));
                    } else if tail.torn > 0 {
                        let torn = tail.torn;
                        troubles.push((run, StoreError::Torn { path, torn }));
                    } else if ends.is_some() {
                        changed.push((length, summary.clone()));
                    }
                    whole(summary, ends);
                }
                // It was removed meanwhile.
                Err(StoreError::NoSuchRun(_)) => {}
                Err(error) => troubles.push((run, error)),
            }
        }
        if let Some(index) = index.flatten() {
            index.put(&changed);
            if let Some(left) = left {
                left.forget();
            }
        }
        Ok((seen, troubles))
    }
}

impl Store for Embedded {
    fn create(&self, first: NewEvent) -> Result<Box<dyn Journal>, StoreError> {
        if self.group.is_some() {
            let (journal, durable) = self.begin(first)?;
            self.hurry();
            durable.block()?;
            return Ok(journal);
        }
        let (run, _claim) = self.claim(&first)?;
        let path = self.journal_path(&run);
        let journal = in_folder(&self.root, "runs", |_| {
            FileJournal::create(&run, &path, &first)
        })?;
        Ok(Box::new(journal))
    }

    fn begin(&self, first: NewEvent) -> Result<(Box<dyn Journal>, Durable), StoreError> {
        let Some(group) = &self.group else {
            return Ok((self.create(first)?, Durable::Now));
        };
        let (run, _claim) = self.claim(&first)?;
        let path = self.journal_path(&run);
        let (journal, durable) = in_folder(&self.root, "runs", |_| {
            FileJournal::begin(&run, &path, &first, group)
        })?;
        Ok((Box::new(journal), durable))
    }

    fn open(&self, run: &str) -> Result<Box<dyn Journal>, StoreError> {
        self.settle()?;
        let path = self.journal_path(run);
        Ok(Box::new(FileJournal::open(run, &path, self.group.clone())?))
    }

    fn read(&self, run: &str) -> Result<Recorded, StoreError> {
        self.settle()?;
        scan::read(run, &self.journal_path(run))
    }

    fn state(&self, run: &str) -> Result<RunState, StoreError> {
        self.settle()?;
        Ok(scan::state(run, &self.journal_path(run))?.0)
    }

    fn hold(&self, run: &str) -> Result<Box<dyn Hold>, StoreError> {
        in_folder(&self.root, "locks", |folder| hold::hold(folder, run))
    }

    fn summaries(&self) -> Result<Summaries, StoreError> {
        Ok(newest_first(self.survey(Ask::Lines, |_, _| None)?))
    }

    fn create_fleet(&self, plan: FleetPlan) -> Result<(), StoreError> {
        fleet::create(&self.root, plan)
    }

    fn note_fleet(&self, fleet: &str, event: FleetEvent) -> Result<(), StoreError> {
        fleet::note(&self.root, fleet, &event)
    }

    fn fleet(&self, fleet: &str) -> Result<Fleet, StoreError> {
        fleet::read(&self.root, fleet)
    }

    fn fleet_length(&self, fleet: &str) -> Result<u64, StoreError> {
        fleet::length(&self.root, fleet)
    }

    fn fleets(&self) -> Result<Vec<String>, StoreError> {
        Ok(fleet::lengths(&self.root)?.into_keys().collect())
    }

    fn put_artifact(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, StoreError> {
        let digest = hash(bytes);
        let folder = self.folder(&format!("artifacts/{}", &digest[..2]))?;
        let path = folder.join(&digest);
        if path.exists() {
            // Somebody is about to speak of it: it is not thrown away as one that nobody speaks of.
            let touched = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
            touched.map_err(StoreError::io("touch", &path))?;
        } else {
            let temporary = folder.join(format!("{digest}.{}.new", std::process::id()));
            let write = (|| {
                let mut file = File::create(&temporary)?;
                file.write_all(bytes)?;
                file.sync_all()?;
                std::fs::rename(&temporary, &path)
            })();
            write.map_err(StoreError::io("write", &path))?;
            sync_folder(&folder)?;
        }
        Ok(Artifact {
            name: name.to_owned(),
            digest,
            bytes: bytes.len() as u64,
            media: media.to_owned(),
        })
    }

    fn artifact(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        let altered = || StoreError::Artifact {
            digest: digest.to_owned(),
        };
        if digest.len() != 64 || !digest.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(altered());
        }
        let bytes = std::fs::read(self.root.join("artifacts").join(&digest[..2]).join(digest))
            .map_err(|_| altered())?;
        if hash(&bytes) == digest {
            Ok(bytes)
        } else {
            Err(altered())
        }
    }
}

/// What the index, and what fleets have left, is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Nothing,
    /// How long the journals were.
    Lengths,
    /// The lines about runs whose journals are as long as they were.
    Lines,
}

fn newest_first((seen, troubles): (Vec<Seen>, Troubles)) -> Summaries {
    let lines = seen.into_iter();
    let mut summaries: Vec<RunSummary> = lines
        .map(|seen| Arc::unwrap_or_clone(seen.summary))
        .collect();
    summaries.sort_by(|a, b| b.created.cmp(&a.created).then(a.run.cmp(&b.run)));
    (summaries, troubles)
}

/// A folder below the store's, made if it is not there.
pub(super) fn folder(root: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let folder = root.join(name);
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(StoreError::io("create the folder", &folder))?;
        sync_folder(root)?;
    }
    Ok(folder)
}

/// What needs a folder below the store's. It is only made when it turns out to be missing.
fn in_folder<T>(
    root: &Path,
    name: &str,
    work: impl Fn(&Path) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    match work(&root.join(name)) {
        Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            work(&folder(root, name)?)
        }
        done => done,
    }
}

/// What lies in a folder; nothing when there is no such folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    match std::fs::read_dir(folder) {
        // A list that breaks off is none: what is missing in it could be taken for thrown away.
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()
            .map_err(StoreError::io("list", folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io("list", folder)(error)),
    }
}

/// Where the journal of a run lies.
pub(super) fn journal_path(root: &Path, run: &str) -> PathBuf {
    root.join("runs").join(format!("{run}.journal"))
}

/// Makes sure that what was written to a run's journal is on disk. A journal that is gone is no fault.
pub(super) fn sync_journal(root: &Path, run: &str) -> Result<(), StoreError> {
    let path = journal_path(root, run);
    match File::open(&path).and_then(|file| file.sync_all()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        synced => synced.map_err(StoreError::io("sync", &path)),
    }
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(StoreError::io("sync the folder", folder))
}
