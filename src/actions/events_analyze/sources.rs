//! The files of an analysis: found, opened, unpacked, read, and how each of them went.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::actions::{ActionError, Context};
use crate::mail::events::{Gap, Intake, Log, Options, Sink, Zone};

/// Files of one analysis, at most.
const MOST: usize = 20_000;

/// Folders below a folder, at most.
const DEPTH: usize = 8;

/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// Bytes that a file may hold, unpacked: 64 GiB. Memory stays flat in any case; this bounds the time.
const LARGEST: u64 = 64 << 30;

/// What is to be read.
pub(super) struct Request {
    pub(super) files: Vec<String>,
    pub(super) format: Option<String>,
    pub(super) options: Options,
}

/// How one file went.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Source {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    lines: u64,
    records: u64,
    pub(super) noise: u64,
    /// Lines that were understood and tell nothing that is looked for.
    passed: u64,
    /// Lines that were not understood.
    unparsed: u64,
    /// The first of them, with their numbers.
    unparsed_lines: Vec<String>,
    span: Option<Span>,
    /// How the time zone is known.
    zone: Option<Zone>,
    gaps: Vec<Gap>,
    notes: Vec<String>,
    /// Why it could not be read, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct Span {
    first: Timestamp,
    last: Timestamp,
}

/// How times are to be understood.
pub(super) fn options(context: &Context<'_>) -> Result<Options, ActionError> {
    let name = context
        .args
        .text("timezone")?
        .or_else(|| context.site.timezone.clone());
    let timezone = name
        .filter(|name| !name.is_empty())
        .map(|name| {
            TimeZone::get(&name).map_err(|error| {
                ActionError::because(
                    format!(
                        "cannot use the time zone '{name}': give an IANA name such as Europe/Rome"
                    ),
                    error,
                )
            })
        })
        .transpose()?;
    Ok(Options {
        timezone,
        date_order: None,
        until: Some(context.now()),
    })
}

/// Reads all files into one sink. A file that cannot be read or understood is a source with an error, not the end.
pub(super) fn read_all(request: &Request, sink: &mut dyn Sink) -> Result<Vec<Source>, ActionError> {
    let mut sources = Vec::new();
    for given in &request.files {
        for path in files_of(Path::new(given))? {
            if sources.len() >= MOST {
                return Err(ActionError::new(format!(
                    "cannot read more than {MOST} files at once: name fewer of them"
                )));
            }
            sources.extend(read_one(&path, request, sink));
        }
    }
    Ok(sources)
}

/// The file itself, or the files of a folder and of the folders in it, in the order of their names. Hidden ones are left out.
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
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
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

/// How a file went, or each file in an archive.
fn read_one(path: &Path, request: &Request, sink: &mut dyn Sink) -> Vec<Source> {
    let shown = path.display().to_string();
    let read = |sink: &mut dyn Sink| -> std::io::Result<Vec<Source>> {
        let mut file = File::open(path)?;
        let changed = file.metadata().and_then(|about| about.modified()).ok();
        let mut magic = [0; 4];
        let filled = file.read(&mut magic)?;
        file.seek(SeekFrom::Start(0))?;
        let mut options = request.options.clone();
        // A copy may be younger than its log, never older.
        if let Some(changed) = changed.and_then(|time| Timestamp::try_from(time).ok()) {
            options.until = Some(options.until.map_or(changed, |now| now.min(changed)));
        }
        let stream = Stream {
            format: request.format.as_deref(),
            options: &options,
        };
        let file = BufReader::with_capacity(PIECE, file);
        Ok(match &magic[..filled] {
            [0x1f, 0x8b, ..] => vec![stream.read(&shown, MultiGzDecoder::new(file), sink)],
            b"PK\x03\x04" | b"PK\x05\x06" => archive(&shown, file, &stream, sink),
            _ => vec![stream.read(&shown, file, sink)],
        })
    };
    read(sink).unwrap_or_else(|error| {
        let error = format!("cannot read {shown}: {error}");
        vec![Source::failed(&shown, error)]
    })
}

/// The files of a zip archive.
fn archive(
    shown: &str,
    file: BufReader<File>,
    stream: &Stream<'_>,
    sink: &mut dyn Sink,
) -> Vec<Source> {
    let cannot = |name: &str, error: zip::result::ZipError| {
        let error = format!("cannot unpack {name}: {error}");
        Source::failed(name, error)
    };
    let mut archive = match zip::ZipArchive::new(file) {
        Ok(archive) => archive,
        Err(error) => return vec![cannot(shown, error)],
    };
    if archive.len() > MOST {
        let error =
            format!("{shown} holds more than {MOST} files: unpack it and name some of them");
        return vec![Source::failed(shown, error)];
    }
    let mut sources = Vec::new();
    for index in 0..archive.len() {
        match archive.by_index(index) {
            Ok(entry) if entry.is_dir() => {}
            Ok(entry) => {
                let name = format!("{shown}/{}", entry.name().escape_debug());
                sources.push(stream.read(&name, entry, sink));
            }
            Err(error) => sources.push(cannot(&format!("{shown}, file {}", index + 1), error)),
        }
    }
    sources
}

/// How the bytes of a file are to be understood.
struct Stream<'s> {
    format: Option<&'s str>,
    options: &'s Options,
}

impl Stream<'_> {
    /// Reads unpacked bytes to their end, or to where they break off.
    fn read(&self, shown: &str, bytes: impl Read, sink: &mut dyn Sink) -> Source {
        match self.log(shown, bytes, sink) {
            Ok((log, error)) => Source {
                error,
                ..source(&log)
            },
            Err(error) => Source::failed(shown, error),
        }
    }

    fn log(
        &self,
        shown: &str,
        mut bytes: impl Read,
        sink: &mut dyn Sink,
    ) -> Result<(Log, Option<String>), String> {
        let mut intake =
            Intake::new(shown, self.format, self.options).map_err(|error| error.to_string())?;
        let mut piece = vec![0; PIECE];
        let mut total = 0_u64;
        let mut early = None;
        loop {
            match bytes.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    total += read as u64;
                    intake
                        .push(&piece[..read], sink)
                        .map_err(|error| error.to_string())?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    early = Some(format!(
                        "{shown} breaks off after {total} bytes: {error}; what stands before is counted"
                    ));
                    break;
                }
            }
            if total > LARGEST {
                early = Some(format!(
                    "{shown} holds more than {} GiB: the rest was not read",
                    LARGEST >> 30
                ));
                break;
            }
        }
        let log = intake.finish(sink).map_err(|error| match &early {
            Some(early) => early.clone(),
            None => error.to_string(),
        })?;
        Ok((log, early))
    }
}

impl Source {
    fn failed(file: &str, error: String) -> Self {
        Self {
            file: file.to_owned(),
            error: Some(error),
            ..Self::default()
        }
    }
}

fn source(log: &Log) -> Source {
    let mut notes = log.notes.clone();
    if !log.strangers.is_empty() {
        let named: Vec<String> = log
            .strangers
            .iter()
            .map(|(program, lines)| format!("{program} {lines}"))
            .collect();
        notes.push(format!(
            "lines of other programs were passed over: {}",
            named.join(", ")
        ));
    }
    Source {
        file: log.file.clone(),
        format: Some(log.format.clone()),
        encoding: Some(log.encoding.clone()).filter(|name| !name.is_empty()),
        lines: log.lines,
        records: log.records,
        noise: log.noise,
        passed: log.passed,
        unparsed: log.unparsed,
        unparsed_lines: log
            .samples
            .iter()
            .take(10)
            .map(|line| {
                format!(
                    "{}: {}",
                    line.line,
                    line.text.trim().chars().take(120).collect::<String>()
                )
            })
            .collect(),
        span: log.span.map(|(first, last)| Span { first, last }),
        zone: Some(log.zone),
        gaps: log.gaps.iter().take(100).cloned().collect(),
        notes,
        error: None,
    }
}
