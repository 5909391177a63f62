//! Files that all runs share, and what they say.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// Makes `text` all that a small file says, which holds no truth. The file is never emptied: ext4 writes one that was to
/// disk as soon as it is closed, which costs more than all else about it.
pub(super) fn rewrite(file: &File, text: &str) -> io::Result<()> {
    file.write_all_at(text.as_bytes(), 0)?;
    if file.metadata()?.len() > text.len() as u64 {
        file.set_len(text.len() as u64)?;
    }
    Ok(())
}

/// Files that all runs share for one purpose. A file for each run would cost more than all else that a short run does, and one
/// file for all would grow too long to be read each time.
const SHARED: u8 = 64;

/// One of the files of `folder` that all runs share, by the hash of what it is about.
pub(super) fn shared(folder: &Path, digest: &str) -> PathBuf {
    let number = u8::from_str_radix(&digest[..2], 16).unwrap_or_default() % SHARED;
    folder.join(format!("{number:02}"))
}

/// The same, opened.
pub(super) fn share(folder: &Path, digest: &str) -> Result<(PathBuf, File), StoreError> {
    let path = shared(folder, digest);
    let file = open_or_make(&path)?;
    Ok((path, file))
}

/// A file to read and to write, made if it is not there.
pub(super) fn open_or_make(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(StoreError::io("open", path))
}

/// What a small file says.
pub(super) fn text(file: &File) -> io::Result<String> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|damaged| String::from_utf8_lossy(damaged.as_bytes()).into_owned()))
}
