//! Reading a journal file, event by event: a run of a hundred thousand steps need not be in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::{self, Frame};
use super::{Recorded, StoreError};
use crate::record::{Event, RunState, hash, next};

/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// Where the whole events of a file end.
#[derive(Debug)]
pub(super) struct Tail {
    /// Where the next event goes.
    pub(super) end: u64,
    /// Number of the last event.
    pub(super) seq: u64,
    /// Its hash; `None` when nothing was read.
    pub(super) last: Option<String>,
    /// Bytes after `end` that are no whole event: being written right now, or torn by a crash.
    pub(super) torn: u64,
    /// Bytes of the file, with the zeros that were put aside for later events.
    pub(super) length: u64,
}

/// Hands each event from the byte `from` on to `each`, with its line; the first must have the number after `before`.
///
/// # Errors
/// When the file cannot be read or is damaged, and what `each` refuses.
pub(super) fn scan(
    file: &File,
    path: &Path,
    from: u64,
    before: u64,
    mut each: impl FnMut(Event, &[u8]) -> Result<(), StoreError>,
) -> Result<Tail, StoreError> {
    let length = file
        .metadata()
        .map_err(StoreError::io("look at", path))?
        .len();
    let mut tail = Tail {
        end: from,
        seq: before,
        last: None,
        torn: 0,
        length,
    };
    let mut bytes = Vec::new();
    // `bytes` holds the file from `base` to `base + bytes.len()`.
    let (mut base, mut at) = (from, 0);
    let mut line = 0..0;
    loop {
        let read = base + bytes.len() as u64;
        match frame::read(&bytes, at) {
            Frame::Whole { json, next } => {
                let event: Event =
                    serde_json::from_slice(json).map_err(|source| StoreError::Event {
                        path: path.to_owned(),
                        source,
                    })?;
                if event.seq != tail.seq + 1 {
                    return Err(StoreError::Damaged {
                        path: path.to_owned(),
                        at: base + at as u64,
                        what: format!("event {} stands where {} belongs", event.seq, tail.seq + 1),
                        whole: tail.seq,
                    });
                }
                tail.seq = event.seq;
                each(event, json)?;
                line = next - 1 - json.len()..next - 1;
                at = next;
            }
            Frame::End | Frame::Broken(_) if read < length => {
                if !line.is_empty() {
                    tail.last = Some(hash(&bytes[line]));
                    line = 0..0;
                }
                bytes.drain(..at);
                base += at as u64;
                at = 0;
                let old = bytes.len();
                let more = CHUNK
                    .max(old)
                    .min(usize::try_from(length - read).unwrap_or(CHUNK));
                bytes.resize(old + more, 0);
                file.read_exact_at(&mut bytes[old..], read)
                    .map_err(StoreError::io("read", path))?;
            }
            Frame::Broken(what) if frame::is_damage(&bytes, at) => {
                return Err(StoreError::Damaged {
                    path: path.to_owned(),
                    at: base + at as u64,
                    what: what.to_owned(),
                    whole: tail.seq,
                });
            }
            Frame::End | Frame::Broken(_) => {
                if !line.is_empty() {
                    tail.last = Some(hash(&bytes[line]));
                }
                tail.end = base + at as u64;
                let rest = &bytes[at..];
                let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
                tail.torn = (rest.len() - zeros) as u64;
                return Ok(tail);
            }
        }
    }
}

/// Reads a journal file without its lock.
pub(super) fn read(run: &str, path: &Path) -> Result<Recorded, StoreError> {
    let (recorded, damage) = before_damage(run, path)?;
    damage.map_or(Ok(recorded), Err)
}

/// Reads a journal file without its lock, up to where it is damaged; tells the damage, if there is any.
pub(super) fn before_damage(
    run: &str,
    path: &Path,
) -> Result<(Recorded, Option<StoreError>), StoreError> {
    let mut recorded = Recorded {
        events: Vec::new(),
        lines: Vec::new(),
        torn: 0,
    };
    let tail = unlocked(run, path, |file| {
        recorded.events.clear();
        recorded.lines.clear();
        scan(file, path, 0, 0, |event, line| {
            recorded.events.push(event);
            recorded.lines.push(line.to_vec());
            Ok(())
        })
    });
    match tail {
        Ok(tail) => recorded.torn = tail.torn,
        Err(damage @ StoreError::Damaged { .. }) => return Ok((recorded, Some(damage))),
        Err(error) => return Err(error),
    }
    Ok((recorded, None))
}

/// The state that a journal file's events add up to, and what is behind them. A file that goes on behind them may come to
/// hold more without growing.
pub(super) fn state(run: &str, path: &Path) -> Result<(RunState, Tail), StoreError> {
    let mut state = None;
    let tail = unlocked(run, path, |file| {
        state = None;
        scan(file, path, 0, 0, fold(run, &mut state))
    })?;
    let state = state.ok_or_else(|| StoreError::NoSuchRun(run.to_owned()))?;
    Ok((state, tail))
}

/// Reads without the lock. What looks damaged, torn or empty may be half of what is being written: that is
/// looked at again under it.
fn unlocked(
    run: &str,
    path: &Path,
    mut read: impl FnMut(&File) -> Result<Tail, StoreError>,
) -> Result<Tail, StoreError> {
    let file = File::open(path).map_err(|source| absent(run, path, source, "read"))?;
    let tail = match read(&file) {
        Ok(tail) if tail.seq > 0 && tail.torn == 0 => tail,
        Ok(_) | Err(StoreError::Damaged { .. }) => {
            file.lock_shared().map_err(StoreError::io("lock", path))?;
            read(&file)?
        }
        Err(error) => return Err(error),
    };
    match tail.seq {
        0 => Err(empty(path, &tail)),
        _ => Ok(tail),
    }
}

pub(super) fn empty(path: &Path, tail: &Tail) -> StoreError {
    StoreError::Empty {
        path: path.to_owned(),
        left: tail.torn,
    }
}

pub(super) fn fold<'a>(
    run: &'a str,
    state: &'a mut Option<RunState>,
) -> impl FnMut(Event, &[u8]) -> Result<(), StoreError> + 'a {
    move |event, _| {
        let folded = next(state.take(), &event).map_err(|source| StoreError::Illegal {
            run: run.to_owned(),
            source,
        })?;
        *state = Some(folded);
        Ok(())
    }
}

pub(super) fn absent(run: &str, path: &Path, source: io::Error, doing: &'static str) -> StoreError {
    match source.kind() {
        io::ErrorKind::NotFound => StoreError::NoSuchRun(run.to_owned()),
        _ => StoreError::io(doing, path)(source),
    }
}
