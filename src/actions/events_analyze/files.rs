//! The files of an analysis: found in folders and archives, put in the order in which they were written, and unpacked.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use zip::ZipArchive;

use super::sources::Request;
use crate::actions::ActionError;
use crate::mail::events::{Options, beginning};

/// Files of one analysis, at most.
const MOST: usize = 20_000;

/// Folders below a folder, at most.
const DEPTH: usize = 8;

/// Bytes that are read at once.
pub(super) const PIECE: usize = 256 << 10;

/// Bytes by which the beginning of a log is told.
const HEAD: u64 = 64 << 10;

/// A file that is to be read.
pub(super) struct Found {
    /// As it is shown: its path, or that of its archive and its name in it.
    pub(super) name: String,
    /// Its place among all files as they were given.
    pub(super) given: usize,
    pub(super) options: Options,
    /// Why it cannot be read.
    pub(super) error: Option<String>,
    path: PathBuf,
    /// Its number in an archive.
    entry: Option<usize>,
    /// When the first and the last line of its beginning were written, where that matters.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

/// All files of a request, in the order in which they are to be read: logs that go on from file to file by their beginnings,
/// whatever their names are.
pub(super) fn found(request: &Request, archives: &mut Archives) -> Result<Vec<Found>, ActionError> {
    let mut files = Vec::new();
    for given in &request.files {
        for path in files_of(Path::new(given))? {
            add(path, request, archives, &mut files);
            if files.len() > MOST {
                return Err(ActionError::new(format!(
                    "cannot read more than {MOST} files at once: name fewer of them"
                )));
            }
        }
    }
    // A single file needs no order.
    if files.len() > 1 {
        for file in files.iter_mut().filter(|file| file.error.is_none()) {
            let mut head = Vec::new();
            let read = archives.unpacked(file, |bytes| bytes.take(HEAD).read_to_end(&mut head));
            // What breaks off may tell its beginning all the same, and is reported when it is read.
            if read.is_ok() {
                let format = request.format.as_deref();
                file.span = beginning(&file.name, &head, format, &file.options);
            }
        }
    }
    // Of two that begin in the same second the older one ends in it too; else the higher number of a rotation is older.
    files.sort_by_key(|file| {
        (
            file.span.is_none(),
            file.span,
            Reverse(rotation(&file.name)),
        )
    });
    Ok(files)
}

/// The number of a rotated log: 2 of `mail.log.2.gz`, 0 where there is none. A date is no such number.
fn rotation(name: &str) -> u32 {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let number = name.rsplit('.').next().filter(|number| number.len() < 5);
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Adds a file, or the files of an archive.
fn add(path: PathBuf, request: &Request, archives: &mut Archives, files: &mut Vec<Found>) {
    let name = path.display().to_string();
    let mut options = request.options.clone();
    // A copy may be younger than its log, never older.
    let changed = std::fs::metadata(&path).and_then(|about| about.modified());
    if let Some(changed) = changed.ok().and_then(|time| Timestamp::try_from(time).ok()) {
        options.until = Some(options.until.map_or(changed, |now| now.min(changed)));
    }
    let of = |name: String, given: usize, entry: Option<usize>| Found {
        name,
        given,
        options: options.clone(),
        error: None,
        path: path.clone(),
        entry,
        span: None,
    };
    match archives.entries(&path, &name) {
        Err(error) => files.push(Found {
            error: Some(error),
            ..of(name, files.len(), None)
        }),
        Ok(None) => files.push(of(name, files.len(), None)),
        Ok(Some(entries)) => {
            for (entry, inner) in entries {
                let name = format!("{name}/{}", inner.escape_debug());
                files.push(of(name, files.len(), Some(entry)));
            }
        }
    }
}

/// The file itself, or the files of a folder and of the folders in it, in the order of their names. Hidden ones are left out,
/// but for the folders of a Maildir: they begin with a dot (`.Junk`).
fn files_of(path: &Path) -> Result<Vec<PathBuf>, ActionError> {
    let mut files = Vec::new();
    if path.is_dir() {
        walk(path, DEPTH, &mut files)?;
    } else {
        files.push(path.to_owned());
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), ActionError> {
    let cannot = |error| ActionError::because(format!("cannot read {}", folder.display()), error);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.')
            && !["cur", "new"]
                .iter()
                .any(|name| entry.path().join(name).is_dir());
        // A linked folder may lead in a circle.
        let linked_folder =
            entry.file_type().map_err(cannot)?.is_symlink() && entry.path().is_dir();
        if !hidden && !linked_folder {
            entries.push(entry.path());
        }
    }
    entries.sort();
    for entry in entries {
        if files.len() > MOST {
            return Ok(());
        }
        if entry.is_file() {
            files.push(entry);
        } else if entry.is_dir() && depth > 0 {
            walk(&entry, depth - 1, files)?;
        }
    }
    Ok(())
}

/// Opens files, and archives once for all files in them.
#[derive(Default)]
pub(super) struct Archives {
    open: Option<(PathBuf, ZipArchive<BufReader<File>>)>,
}

impl Archives {
    /// The files of an archive by number; `None` for a file that is none.
    fn entries(&mut self, path: &Path, name: &str) -> Result<Option<Vec<(usize, String)>>, String> {
        let mut magic = [0; 4];
        let mut file = File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
        let read = file.read(&mut magic);
        let read = read.map_err(|error| format!("cannot read {name}: {error}"))?;
        if !matches!(&magic[..read], b"PK\x03\x04" | b"PK\x05\x06") {
            return Ok(None);
        }
        let archive = self.archive(path, name)?;
        if archive.len() > MOST {
            return Err(format!(
                "{name} holds more than {MOST} files: unpack it and name some of them"
            ));
        }
        let named = |entry: usize| {
            let inner = archive.name_for_index(entry)?;
            (!inner.ends_with('/')).then(|| (entry, inner.to_owned()))
        };
        Ok(Some((0..archive.len()).filter_map(named).collect()))
    }

    fn archive(
        &mut self,
        path: &Path,
        name: &str,
    ) -> Result<&mut ZipArchive<BufReader<File>>, String> {
        let known = self.open.take().filter(|(open, _)| open == path);
        let open = match known {
            Some(open) => open,
            None => {
                let file =
                    File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
                let file = BufReader::with_capacity(PIECE, file);
                let archive = ZipArchive::new(file)
                    .map_err(|error| format!("cannot unpack {name}: {error}"))?;
                (path.to_owned(), archive)
            }
        };
        Ok(&mut self.open.insert(open).1)
    }

    /// Hands the unpacked bytes of a file on.
    pub(super) fn unpacked<T>(
        &mut self,
        file: &Found,
        read: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<T, String> {
        let name = &file.name;
        let cannot = |error: std::io::Error| format!("cannot read {name}: {error}");
        let Some(entry) = file.entry else {
            let bytes = File::open(&file.path).map_err(cannot)?;
            let bytes = BufReader::with_capacity(PIECE, bytes);
            return unzipped(bytes, read).map_err(cannot);
        };
        let archive = self.archive(&file.path, name)?;
        let bytes = archive
            .by_index(entry)
            .map_err(|error| format!("cannot unpack {name}: {error}"))?;
        unzipped(bytes, read).map_err(cannot)
    }
}

/// The bytes themselves, or what gzip had packed in them.
fn unzipped<T>(mut bytes: impl Read, read: impl FnOnce(&mut dyn Read) -> T) -> std::io::Result<T> {
    let mut magic = Vec::new();
    bytes.by_ref().take(2).read_to_end(&mut magic)?;
    let packed = magic == [0x1f, 0x8b];
    let mut bytes = Cursor::new(magic).chain(bytes);
    Ok(match packed {
        true => read(&mut MultiGzDecoder::new(bytes)),
        false => read(&mut bytes),
    })
}

#[cfg(test)]
mod tests {
    use super::rotation;

    #[test]
    fn numbers_of_rotations() {
        for (name, number) in [
            ("/var/log/mail.log", 0),
            ("/var/log/mail.log.1", 1),
            ("/var/log/mail.log.12.gz", 12),
            ("maillog-20261101", 0),
            ("mail.20261101.gz", 0),
        ] {
            assert_eq!(rotation(name), number, "{name}");
        }
    }
}
