//! The append-only journal of one run.
//!
//! The process that works on a run and those that bring decisions append to the same file. Each append takes the file's lock,
//! looks whether the file has grown since, writes at its end and syncs; so there is one order of events for everybody, and no
//! second place where a decision could get lost.
//!
//! Whoever appends much puts space aside: zeros after the last event, which spare each sync the change of the file's length.
//! Zeros at the end are no event and no damage; they are cut off when the journal is closed, or by the next who reads it under
//! its lock.
//!
//! With a [`Group`] the events are on disk when the group's log is: see there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::libc;
use rustix::fs::{AtFlags, CWD, linkat};
use rustix::io::Errno;

use super::embedded::sync_folder;
use super::group::Group;
use super::scan::{Tail, absent, empty, fold, scan};
use super::{Durable, Journal, StoreError, Submitted, frame};
use crate::record::{Event, GENESIS, NewEvent, RunState, hash};

/// Appends before space is put aside: most runs of a person's decision or a report never get there.
const APPENDS_BEFORE_SPACE: u32 = 4;
/// Bytes put aside at a time: as many as are there already, within these bounds.
const LEAST_SPACE: u64 = 64 << 10;
const MOST_SPACE: u64 = 1 << 20;

/// What was cut off a journal lies beside it: `ID.torn-BYTE-TIME`.
pub(super) const TORN: &str = "torn-";

/// A journal file that is open for appending.
#[derive(Debug)]
pub(super) struct FileJournal {
    run: String,
    path: PathBuf,
    file: File,
    /// Where the next event goes, as far as we have read.
    end: u64,
    /// Bytes of the file as we left it; beyond `end` there are zeros.
    length: u64,
    /// Number of the last event read or written.
    seq: u64,
    /// Its hash.
    last: String,
    poisoned: bool,
    /// Bytes that were cut off the end, no whole event.
    torn: u64,
    buffer: Vec<u8>,
    appends: u32,
    group: Option<Arc<Group>>,
    /// What was there before this journal was opened for a group may not be on disk yet.
    settled: bool,
}

impl FileJournal {
    /// Opens an existing journal; [`Journal::catch_up`] or [`Journal::replay`] reads it.
    pub(super) fn open(
        run: &str,
        path: &Path,
        group: Option<Arc<Group>>,
    ) -> Result<Self, StoreError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| absent(run, path, source, "open"))?;
        Ok(FileJournal::of(run, path, file, group))
    }

    fn of(run: &str, path: &Path, file: File, group: Option<Arc<Group>>) -> Self {
        FileJournal {
            run: run.to_owned(),
            path: path.to_owned(),
            file,
            end: 0,
            length: 0,
            seq: 0,
            last: GENESIS.to_owned(),
            poisoned: false,
            torn: 0,
            buffer: Vec::new(),
            appends: 0,
            group,
            settled: false,
        }
    }

    /// Writes a new journal whose first event is `first`: under a temporary name, synced, then renamed, then the folder is
    /// synced. A crash leaves either nothing or a whole beginning.
    pub(super) fn create(run: &str, path: &Path, first: &NewEvent) -> Result<Self, StoreError> {
        let mut buffer = Vec::new();
        let json = frame::write(&mut buffer, true, |out| first.write_line(out, 1, GENESIS))
            .map_err(StoreError::event(path))?;
        FileJournal::place(run, path, &buffer)?;
        let mut journal = FileJournal::open(run, path, None)?;
        journal.begun(buffer.len() as u64, hash(&buffer[json]));
        Ok(journal)
    }

    /// Keeps the events of a run that was recorded elsewhere, given as their lines of JSON.
    pub(super) fn keep(run: &str, path: &Path, lines: &[Vec<u8>]) -> Result<(), StoreError> {
        let mut buffer = Vec::new();
        for line in lines {
            frame::write(&mut buffer, true, |out| {
                out.extend_from_slice(line);
                Ok::<_, StoreError>(())
            })?;
        }
        FileJournal::place(run, path, &buffer)
    }

    fn place(run: &str, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let temporary = path.with_extension("new");
        let written = (|| {
            let file = File::create(&temporary)?;
            file.write_all_at(bytes, 0)?;
            file.sync_all()?;
            // Never replaces a journal: the link fails when the name is taken.
            std::fs::hard_link(&temporary, path)?;
            std::fs::remove_file(&temporary)?;
            File::open(folder)?.sync_all()
        })();
        written.map_err(|source| {
            let _ = std::fs::remove_file(&temporary);
            taken(run, path, source)
        })
    }

    /// Begins a journal whose first event is on disk as soon as the group's log is. It gets its name when the event is in it:
    /// whoever reads it finds a whole one.
    pub(super) fn begin(
        run: &str,
        path: &Path,
        first: &NewEvent,
        group: &Arc<Group>,
    ) -> Result<(Self, Durable), StoreError> {
        let mut buffer = Vec::new();
        let json = frame::write(&mut buffer, true, |out| first.write_line(out, 1, GENESIS))
            .map_err(StoreError::event(path))?;
        let file = named(path, &buffer).map_err(|source| taken(run, path, source))?;
        let mut journal = FileJournal::of(run, path, file, Some(group.clone()));
        journal.buffer = buffer;
        let last = hash(&journal.buffer[json]);
        journal.begun(journal.buffer.len() as u64, last);
        journal.settled = true;
        // The first event is by far the longest: its room is not kept for those that follow.
        let durable = group.flush(run, &std::mem::take(&mut journal.buffer))?;
        Ok((journal, durable))
    }

    fn begun(&mut self, end: u64, last: String) {
        (self.end, self.length, self.seq, self.last) = (end, end, 1, last);
    }

    /// Reads what has been appended since the last look. The caller holds the file's lock, so what is no event at the end is
    /// the work of a process that died, or space put aside: it is cut off.
    fn read_on(
        &mut self,
        each: impl FnMut(Event, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let tail = scan(&self.file, &self.path, self.end, self.seq, each)?;
        if tail.seq == 0 {
            return Err(empty(&self.path, &tail));
        }
        if tail.end < tail.length {
            self.keep_torn(&tail)?;
            let cut = self.file.set_len(tail.end);
            let cut = match tail.torn {
                0 => cut,
                _ => cut.and_then(|()| self.file.sync_all()),
            };
            cut.map_err(StoreError::io("cut the torn end of", &self.path))?;
            self.torn += tail.torn;
        }
        self.moved_to(tail);
        Ok(())
    }

    /// What is no event may have been one, of which a bit was flipped since: it is kept beside the journal before it is cut off.
    fn keep_torn(&self, tail: &Tail) -> Result<(), StoreError> {
        if tail.torn == 0 {
            return Ok(());
        }
        let now = jiff::Timestamp::now().as_nanosecond();
        let path = self
            .path
            .with_extension(format!("{TORN}{}-{now}", tail.end));
        let mut bytes = vec![0; usize::try_from(tail.torn).unwrap_or(0)];
        let kept = (|| {
            self.file.read_exact_at(&mut bytes, tail.end)?;
            let file = File::create_new(&path)?;
            file.write_all_at(&bytes, 0)?;
            file.sync_all()
        })();
        kept.map_err(StoreError::io("keep a torn end in", &path))?;
        // Its name too, before the bytes go from where they stand.
        path.parent().map_or(Ok(()), sync_folder)
    }

    fn moved_to(&mut self, tail: Tail) {
        (self.end, self.length, self.seq) = (tail.end, tail.end, tail.seq);
        if let Some(last) = tail.last {
            self.last = last;
        }
    }

    fn file_length(&self) -> Result<u64, StoreError> {
        Ok(self
            .file
            .metadata()
            .map_err(StoreError::io("look at", &self.path))?
            .len())
    }

    /// Has anybody written since?
    fn has_grown(&mut self) -> Result<bool, StoreError> {
        if self.length == self.end {
            return Ok(self.file_length()? != self.end);
        }
        // Into the space put aside, or after cutting it off.
        let mut byte = [0];
        let read = self
            .file
            .read_at(&mut byte, self.end)
            .map_err(StoreError::io("read", &self.path))?;
        if read == 0 {
            self.length = self.end;
        }
        Ok(read > 0 && byte[0] != 0)
    }

    fn locked<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.file
            .lock()
            .map_err(StoreError::io("lock", &self.path))?;
        let result = work(self);
        self.file
            .unlock()
            .map_err(StoreError::io("unlock", &self.path))?;
        result
    }

    fn write(
        &mut self,
        expected: u64,
        events: &mut Vec<NewEvent>,
    ) -> Result<Submitted, StoreError> {
        if self.has_grown()? {
            // What was read here stays unread for `catch_up`: only its number is told.
            let (end, seq, last) = (self.end, self.seq, self.last.clone());
            self.read_on(|_, _| Ok(()))?;
            let newest = self.seq;
            (self.end, self.seq, self.last) = (end, seq, last);
            if newest > seq {
                return Err(StoreError::Grown(newest));
            }
        }
        if self.seq != expected {
            return Err(StoreError::Grown(self.seq));
        }
        self.buffer.clear();
        let mut prevs = Vec::with_capacity(events.len());
        let mut last = self.last.clone();
        for (seq, event) in (self.seq + 1..).zip(events.iter()) {
            let json = frame::write(&mut self.buffer, prevs.is_empty(), |out| {
                event.write_line(out, seq, &last)
            })
            .map_err(StoreError::event(&self.path))?;
            prevs.push(std::mem::replace(&mut last, hash(&self.buffer[json])));
        }
        let durable = match self.group.clone() {
            Some(group) => self.write_with(&group),
            None => self.write_and_sync().map(|()| Durable::Now),
        };
        let durable = durable.inspect_err(|_| {
            // A failed sync is never tried again: the kernel may have dropped the pages and would say yes the second time.
            self.poisoned = true;
        })?;
        let places = (self.seq + 1..).zip(prevs);
        let written = std::mem::take(events).into_iter().zip(places);
        let written: Vec<Event> = written
            .map(|(event, (seq, prev))| event.placed(seq, prev))
            .collect();
        self.seq += written.len() as u64;
        self.last = last;
        Ok(Submitted {
            events: written,
            durable,
        })
    }

    /// Writes the buffer at the end and syncs it, and puts space aside once it pays.
    fn write_and_sync(&mut self) -> Result<(), StoreError> {
        let events = self.buffer.len();
        let end = self.end + events as u64;
        self.appends = self.appends.saturating_add(1);
        if end > self.length && self.appends > APPENDS_BEFORE_SPACE {
            let space = end.clamp(LEAST_SPACE, MOST_SPACE);
            let space = usize::try_from(space).unwrap_or(0);
            self.buffer.resize(events + space, 0);
        }
        let written = match self.file.write_all_at(&self.buffer, self.end) {
            // There may be room for the events still.
            Err(error)
                if self.buffer.len() > events && error.kind() == io::ErrorKind::StorageFull =>
            {
                self.buffer.truncate(events);
                self.appends = 0;
                self.file.write_all_at(&self.buffer, self.end)
            }
            written => written,
        };
        written
            .and_then(|()| self.file.sync_data())
            .map_err(StoreError::io("append to", &self.path))?;
        self.length = self.length.max(self.end + self.buffer.len() as u64);
        self.end = end;
        Ok(())
    }

    /// Writes the buffer at the end; the group sees to it that it reaches the disk.
    fn write_with(&mut self, group: &Group) -> Result<Durable, StoreError> {
        let written = if self.settled {
            Ok(())
        } else {
            self.file.sync_data()
        };
        written
            .and_then(|()| self.file.write_all_at(&self.buffer, self.end))
            .map_err(StoreError::io("append to", &self.path))?;
        self.settled = true;
        self.end += self.buffer.len() as u64;
        self.length = self.end;
        group.flush(&self.run, &self.buffer)
    }
}

impl Journal for FileJournal {
    fn run(&self) -> &str {
        &self.run
    }

    fn append(&mut self, expected: u64, events: &[NewEvent]) -> Result<Vec<Event>, StoreError> {
        let submitted = self.submit(expected, &mut events.to_vec())?;
        if let Some(group) = &self.group {
            group.hurry();
        }
        submitted.durable.block()?;
        Ok(submitted.events)
    }

    fn submit(
        &mut self,
        expected: u64,
        events: &mut Vec<NewEvent>,
    ) -> Result<Submitted, StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned {
                path: self.path.clone(),
            });
        }
        self.locked(|journal| journal.write(expected, events))
    }

    fn catch_up(&mut self) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::new();
        if self.seq == 0 || self.has_grown()? {
            self.locked(|journal| {
                journal.read_on(|event, _| {
                    events.push(event);
                    Ok(())
                })
            })?;
        }
        Ok(events)
    }

    fn length(&self) -> Option<u64> {
        (self.length == self.end && !self.poisoned).then_some(self.end)
    }

    fn torn(&self) -> u64 {
        self.torn
    }

    fn replay(&mut self) -> Result<RunState, StoreError> {
        let mut state = None;
        let run = self.run.clone();
        self.locked(|journal| journal.read_on(fold(&run, &mut state)))?;
        state.ok_or(StoreError::NoSuchRun(run))
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        if self.length > self.end && !self.poisoned {
            // Space that is not cut off here is cut off by the next who reads under the lock.
            let _ = self.locked(|journal| {
                if !journal.has_grown()? {
                    let _ = journal.file.set_len(journal.end);
                }
                Ok(())
            });
        }
    }
}

/// A file that gets its name when it holds `bytes`, and never in the place of another.
///
/// A file that has no name at first costs half of one that must be rid of its first name; not every file system can make one.
fn named(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut open = OpenOptions::new();
    open.read(true).write(true);
    let folder = path.parent().unwrap_or(Path::new("."));
    if let Ok(file) = open.clone().custom_flags(libc::O_TMPFILE).open(folder) {
        file.write_all_at(bytes, 0)?;
        let nameless = format!("/proc/self/fd/{}", file.as_raw_fd());
        match linkat(CWD, nameless, CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => return Ok(file),
            Err(Errno::EXIST) => return Err(Errno::EXIST.into()),
            // Without /proc, it can get no name.
            Err(_) => {}
        }
    }
    let temporary = path.with_extension("new");
    let named = (|| {
        let file = open.create(true).truncate(true).open(&temporary)?;
        file.write_all_at(bytes, 0)?;
        std::fs::hard_link(&temporary, path)?;
        Ok(file)
    })();
    let _ = std::fs::remove_file(&temporary);
    named
}

fn taken(run: &str, path: &Path, source: io::Error) -> StoreError {
    match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists(run.to_owned()),
        _ => StoreError::io("create", path)(source),
    }
}
