//! Which process works on a run: a lock in `locks/HEX`, a few files for all runs. They stay empty, and their locks end with the
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

use super::{Hold, StoreError, embedded};
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
    let (path, file) = embedded::share(folder, &digest)?;
    match lock(&file, place(&digest)) {
        Ok(None) => Ok(Box::new(FileHold(file))),
        Ok(Some(process)) => Err(StoreError::Held {
            run: run.to_owned(),
            holder: format!("process {process} on {}", super::host_name()),
        }),
        Err(source) => Err(StoreError::io("lock", &path)(source)),
    }
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
        let mut other = mine;
        fcntl(file, FcntlArg::F_OFD_GETLK(&mut other))?;
        if i32::from(other.l_type) != libc::F_UNLCK {
            return Ok(Some(other.l_len));
        }
        // It has let go meanwhile.
    }
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
