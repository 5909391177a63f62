//! The files of an analysis: found, read, and how each of them went.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::actions::{ActionError, Context};
use crate::mail::events::{self, Gap, Log, Options};

/// Files larger than this are not read: 512 MiB.
const LARGEST: u64 = 512 << 20;

/// Files of one analysis, at most.
const MOST: usize = 2_000;

/// What is to be read.
pub(super) struct Request {
    pub(super) files: Vec<String>,
    pub(super) format: Option<String>,
    pub(super) options: Options,
}

/// What was read.
pub(super) struct Read {
    pub(super) logs: Vec<Log>,
    pub(super) sources: Vec<Source>,
}

/// How one file went.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Source {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    records: usize,
    noise: usize,
    /// Lines that were not understood.
    unparsed: usize,
    /// The first of them, with their numbers.
    unparsed_lines: Vec<String>,
    span: Option<Span>,
    gaps: Vec<Gap>,
    notes: Vec<String>,
    /// Why it could not be read.
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
    })
}

/// Reads all files. A file that cannot be read or understood is a source with an error, not the end.
pub(super) fn read_all(request: &Request) -> Result<Read, ActionError> {
    let mut read = Read {
        logs: Vec::new(),
        sources: Vec::new(),
    };
    for given in &request.files {
        for path in files_of(Path::new(given))? {
            if read.sources.len() >= MOST {
                return Err(ActionError::new(format!(
                    "cannot read more than {MOST} files at once: name fewer of them"
                )));
            }
            match read_one(&path, request) {
                Ok(log) => {
                    read.sources.push(source(&log));
                    read.logs.push(log);
                }
                Err(error) => read.sources.push(failed(&path, error)),
            }
        }
    }
    Ok(read)
}

/// The file itself, or the files of a folder in the order of their names.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, ActionError> {
    let cannot = |error| ActionError::because(format!("cannot read {}", path.display()), error);
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(cannot)? {
        let entry = entry.map_err(cannot)?.path();
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if entry.is_file() && !hidden {
            files.push(entry);
        }
    }
    files.sort();
    Ok(files)
}

fn read_one(path: &Path, request: &Request) -> Result<Log, String> {
    let shown = path.display().to_string();
    let cannot = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let size = std::fs::metadata(path).map_err(cannot)?.len();
    if size > LARGEST {
        return Err(format!(
            "{shown} is larger than {} MiB: split it",
            LARGEST >> 20
        ));
    }
    let bytes = std::fs::read(path).map_err(cannot)?;
    events::read(&shown, &bytes, request.format.as_deref(), &request.options)
        .map_err(|error| error.to_string())
}

fn source(log: &Log) -> Source {
    Source {
        file: log.file.clone(),
        format: Some(log.format.clone()),
        encoding: Some(log.encoding.clone()),
        records: log.events.len(),
        noise: log.noise(),
        unparsed: log.unparsed.len(),
        unparsed_lines: log
            .unparsed
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
        span: log.span().map(|(first, last)| Span { first, last }),
        gaps: log.gaps.iter().take(100).cloned().collect(),
        notes: log.notes.clone(),
        error: None,
    }
}

fn failed(path: &Path, error: String) -> Source {
    Source {
        file: path.display().to_string(),
        format: None,
        encoding: None,
        records: 0,
        noise: 0,
        unparsed: 0,
        unparsed_lines: Vec::new(),
        span: None,
        gaps: Vec::new(),
        notes: Vec::new(),
        error: Some(error),
    }
}
