//! Which process works on a run: a lock in `locks/NN`, a few files for all runs. They stay empty, and their locks end with the
//! process that took them.
//!
//! A file for each run would do as well, but some file systems take longer to make one than a short run takes for all else. One
//! file for all would do too, but the kernel goes through the locks of a file one by one.
//!
//! Each run has its own place in its file. The lock there is as long as the number of its process, so whoever finds it taken can
//! say by whom. It belongs to the open file (`F_OFD_SETLK`, see fcntl(2)): two holds keep each other out in one process as well.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::{Embedded, Hold, StoreError, files};
use crate::record::hash;

/// Bits of a process number and one more: the room of a place.
const ROOM: u32 = 23;
/// Hexadecimal digits of a run's hash that choose its place in it: 40 bits, the rest of what an offset can say.
const DIGITS: usize = 10;

struct FileHold(#[expect(dead_code, reason = "dropping it lets go of the lock")] File);

impl Hold for FileHold {}

/// Becomes the one that works on `run`.
pub(super) fn hold(folder: &Path, run: &str) -> Result<Box<dyn Hold>, StoreError> {
    let digest = hash(run.as_bytes());
    let (path, file) = files::share(folder, &digest)?;
    match lock(&file, place(&digest)) {
        Ok(None) => Ok(Box::new(FileHold(file))),
        Ok(Some(process)) => Err(StoreError::Held {
            run: run.to_owned(),
            holder: named(process),
        }),
        Err(source) => Err(StoreError::io("lock", &path)(source)),
    }
}

impl Embedded {
    /// The process that works on a run, or on a fleet run, in words. `None` when nobody does, or where that cannot be told.
    pub fn worked_on_by(&self, run: &str) -> Option<String> {
        let digest = hash(run.as_bytes());
        let file = File::open(files::shared(&self.root().join("locks"), &digest)).ok()?;
        taken(&file, range(place(&digest), 1)).ok()?.map(named)
    }
}

fn named(process: i64) -> String {
    format!("process {process} on {}", super::host_name())
}

fn place(digest: &str) -> i64 {
    i64::from_str_radix(&digest[digest.len() - DIGITS..], 16).unwrap_or_default() << ROOM
}

/// Locks a place, or gives the process that has done so.
fn lock(file: &File, place: i64) -> io::Result<Option<i64>> {
    loop {
        let mine = range(place, i64::from(std::process::id()));
        match fcntl(file, FcntlArg::F_OFD_SETLK(&mine)) {
            Ok(_) => return Ok(None),
            Err(Errno::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        match taken(file, mine)? {
            None => {} // It has let go meanwhile.
            holder => return Ok(holder),
        }
    }
}

/// The process that keeps a lock of this range from being taken, by the length of its own.
fn taken(file: &File, mut range: libc::flock) -> io::Result<Option<i64>> {
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut range))?;
    Ok((i32::from(range.l_type) != libc::F_UNLCK).then_some(range.l_len))
}

fn range(start: i64, length: i64) -> libc::flock {
    libc::flock {
        l_type: libc::F_WRLCK as i16,
        l_whence: libc::SEEK_SET as i16,
        l_start: start,
        l_len: length,
        l_pid: 0,
    }
}
