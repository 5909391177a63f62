//! PDF by an installed chromium or weasyprint. Nothing is built in: a browser prints better than anything we could carry.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Names looked for on PATH, in this order.
const PROGRAMS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "weasyprint",
];

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there is no PDF.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// No program is there.
    #[error(
        "no program that prints PDF was found (looked for {0}): install chromium or weasyprint, name one with --pdf-program, or take --format html and print it"
    )]
    NoProgram(String),
    /// A file of the work folder cannot be written or read.
    #[error("cannot use the work file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The program cannot be started.
    #[error("cannot run {program}")]
    Start {
        /// Which program.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The program ended without a PDF.
    #[error("{program} made no PDF ({why}): try it by hand, or take --format html and print it")]
    Refused {
        /// Which program.
        program: PathBuf,
        /// Its exit status and its last words.
        why: String,
    },
}

/// The program to use: `wanted`, or the first known one on PATH.
///
/// # Errors
/// [`PdfError::NoProgram`], naming what was looked for.
pub(super) fn find(wanted: Option<&Path>) -> Result<PathBuf, PdfError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    find_in(wanted, &path)
}

fn find_in(wanted: Option<&Path>, path: &std::ffi::OsStr) -> Result<PathBuf, PdfError> {
    let on_path = |name: &Path| {
        std::env::split_paths(path)
            .map(|folder| folder.join(name))
            .find(|program| program.is_file())
    };
    let found = match wanted {
        Some(wanted) if wanted.components().count() > 1 => {
            wanted.is_file().then(|| wanted.to_owned())
        }
        Some(name) => on_path(name),
        None => PROGRAMS.iter().find_map(|name| on_path(Path::new(name))),
    };
    found.ok_or_else(|| {
        PdfError::NoProgram(match wanted {
            Some(wanted) => wanted.display().to_string(),
            None => PROGRAMS.join(", "),
        })
    })
}

/// Prints a self-contained HTML page.
///
/// # Errors
/// The program cannot be run, takes longer than two minutes, or makes no PDF.
pub(super) fn print(html: &str, program: &Path) -> Result<Vec<u8>, PdfError> {
    let folder = WorkFolder::new()?;
    let page = folder.0.join("report.html");
    let made = folder.0.join("report.pdf");
    let log = folder.0.join("log");
    let file = |path: &Path, source| PdfError::File {
        path: path.to_owned(),
        source,
    };
    std::fs::write(&page, html).map_err(|source| file(&page, source))?;
    let errors = std::fs::File::create(&log).map_err(|source| file(&log, source))?;
    let mut command = command(program, &folder.0, &page, &made);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .map_err(|source| PdfError::Start {
            program: program.to_owned(),
            source,
        })?;
    let started = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.to_string(),
            Ok(None) if started.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(None) => {
                // It may end by itself just now; then there is nothing to end.
                let _ = child.kill();
                let _ = child.wait();
                break format!("stopped after {} s", PATIENCE.as_secs());
            }
            Err(source) => {
                return Err(PdfError::Start {
                    program: program.to_owned(),
                    source,
                });
            }
        }
    };
    match std::fs::read(&made) {
        Ok(bytes) if bytes.starts_with(b"%PDF") => Ok(bytes),
        _ => {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            Err(PdfError::Refused {
                program: program.to_owned(),
                why: match last {
                    Some(last) => format!("{status}; {}", super::view::line(last)),
                    None => status,
                },
            })
        }
    }
}

fn command(program: &Path, folder: &Path, page: &Path, made: &Path) -> Command {
    let mut command = Command::new(program);
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    if name.contains("weasyprint") {
        command.arg(page).arg(made);
        return command;
    }
    let mut to = std::ffi::OsString::from("--print-to-pdf=");
    to.push(made);
    let mut profile = std::ffi::OsString::from("--user-data-dir=");
    profile.push(folder.join("profile"));
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-pdf-header-footer",
        ])
        .arg(profile)
        .arg(to)
        .arg(page);
    command
}

/// A folder of our own that goes when it is dropped.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn new() -> Result<Self, PdfError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let stamp = jiff::Timestamp::now().as_nanosecond();
        let path =
            std::env::temp_dir().join(format!("mailmedic-{}-{number}-{stamp}", std::process::id()));
        let made = make_private(&path);
        made.map_err(|source| PdfError::File {
            path: path.clone(),
            source,
        })?;
        Ok(WorkFolder(path))
    }
}

/// The report of a client is nobody else's business. Fails when the folder exists already.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of its temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_says_what_to_do() {
        let nowhere = tempfile::tempdir().unwrap();
        let error = find_in(None, nowhere.path().as_os_str()).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("chromium") && text.contains("--format html"),
            "{text}"
        );
        let error = find_in(
            Some(Path::new("/nowhere/printer")),
            nowhere.path().as_os_str(),
        );
        assert!(error.unwrap_err().to_string().contains("/nowhere/printer"));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_makes_nothing_is_told_with_its_last_words() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("weasyprint");
        std::fs::write(&program, "#!/bin/sh\necho no fonts here >&2\nexit 3\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found = find_in(None, folder.path().as_os_str()).unwrap();
        let text = print("<p>x", &found).unwrap_err().to_string();
        assert!(
            text.contains("no fonts here") && text.contains('3'),
            "{text}"
        );
        std::fs::write(&program, "#!/bin/sh\nprintf '%%PDF-1.7' > \"$2\"\n").unwrap();
        assert_eq!(print("<p>x", &found).unwrap(), b"%PDF-1.7");
    }
}
