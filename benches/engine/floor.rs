//! What the disk itself takes for the same records: the floor that the program's times are held against.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Bytes of a record: about what the end of one step and the start of the next take.
const RECORD: usize = 400;

fn fresh(path: &Path) -> File {
    let _ = std::fs::remove_file(path);
    OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(true)
        .open(path)
        .unwrap()
}

/// `records` appends, each followed by its own fdatasync.
pub(crate) fn append(folder: &Path, records: usize) -> Duration {
    write(&fresh(&folder.join("floor")), records)
}

/// The same into a file whose space was written with zeros and synced before.
pub(crate) fn preallocated(folder: &Path, records: usize) -> Duration {
    let file = fresh(&folder.join("floor"));
    file.write_all_at(&vec![0; records * RECORD], 0).unwrap();
    file.sync_all().unwrap();
    write(&file, records)
}

fn write(file: &File, records: usize) -> Duration {
    let record = [b'x'; RECORD];
    let begun = Instant::now();
    for place in 0..records {
        file.write_all_at(&record, (place * RECORD) as u64).unwrap();
        file.sync_data().unwrap();
    }
    begun.elapsed()
}

#[derive(Default)]
struct Group {
    waiting: Vec<u8>,
    taken: u64,
    flushed: u64,
    flushing: bool,
    end: u64,
}

/// `records` records by `writers` threads, each of which waits for its own record; whoever finds the disk idle flushes for
/// all that wait.
pub(crate) fn grouped(folder: &Path, records: usize, writers: usize) -> Duration {
    let file = fresh(&folder.join("floor"));
    let group = Mutex::new(Group::default());
    let flushed = Condvar::new();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                for _ in 0..records / writers {
                    one_of_group(&file, &group, &flushed);
                }
            });
        }
    });
    begun.elapsed()
}

fn one_of_group(file: &File, group: &Mutex<Group>, flushed: &Condvar) {
    let mut now = group.lock().unwrap();
    now.waiting.extend([b'x'; RECORD]);
    now.taken += 1;
    let mine = now.taken;
    while now.flushed < mine {
        if now.flushing {
            now = flushed.wait(now).unwrap();
            continue;
        }
        now.flushing = true;
        let batch = std::mem::take(&mut now.waiting);
        let (end, taken) = (now.end, now.taken);
        drop(now);
        file.write_all_at(&batch, end).unwrap();
        file.sync_data().unwrap();
        now = group.lock().unwrap();
        now.flushing = false;
        now.end = end + batch.len() as u64;
        now.flushed = taken;
        flushed.notify_all();
    }
}
