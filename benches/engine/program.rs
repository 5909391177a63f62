//! The compiled program in a folder of its own, and what a call of it costs.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What one call took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// From the start of the process to its end.
    pub(crate) wall: Duration,
    /// User and system time of the process and its children.
    pub(crate) cpu: Duration,
}

/// A workspace: runbooks, sites, state.
pub(crate) struct Program {
    binary: PathBuf,
    /// Where everything lies.
    pub(crate) folder: PathBuf,
}

impl Program {
    /// An empty workspace.
    pub(crate) fn new(binary: &Path, folder: PathBuf) -> Self {
        put_aside(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Program {
            binary: binary.to_owned(),
            folder,
        }
    }

    /// Writes a file of the workspace.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Writes `count` site files into `sites`.
    pub(crate) fn write_sites(&self, count: usize) {
        for number in 0..count {
            self.write(
                &format!("sites/site{number}.yaml"),
                &site(&format!("site{number}")),
            );
        }
    }

    /// Forgets all runs.
    pub(crate) fn forget(&self) {
        put_aside(&self.folder.join("state"));
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("MAILMEDIC_STATE", "state")
            .env("MAILMEDIC_BY", "bench")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(&self.binary, arguments).spawn().unwrap()
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Cost {
        self.measure(&self.binary, arguments)
    }

    /// Runs another program in the same folder.
    pub(crate) fn measure(&self, program: &Path, arguments: &[&str]) -> Cost {
        let before = children_cpu();
        let begun = Instant::now();
        let status = self.command(program, arguments).status().unwrap();
        let wall = begun.elapsed();
        assert!(
            matches!(status.code(), Some(0 | 3 | 4)),
            "{program:?} {arguments:?}: {status}"
        );
        Cost {
            wall,
            cpu: children_cpu() - before,
        }
    }

    /// The most memory that a call takes, in MiB, looked at every half millisecond: a call of its own, the looking costs.
    pub(crate) fn memory(&self, arguments: &[&str]) -> f64 {
        let mut child = self.start(arguments);
        let path = format!("/proc/{}/status", child.id());
        let mut most = 0;
        while child.try_wait().unwrap().is_none() {
            let status = std::fs::read_to_string(&path).unwrap_or_default();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
            most = most.max(kib.unwrap_or(0));
            std::thread::sleep(Duration::from_micros(500));
        }
        f64::from(most) / 1024.0
    }

    /// How often a call flushes, counted by strace in a call of its own; `None` without strace.
    pub(crate) fn flushes(&self, arguments: &[&str]) -> Option<u64> {
        let binary = self.binary.to_str()?;
        let mut traced = vec![
            "-f",
            "-qq",
            "-o",
            "flushes",
            "-e",
            "trace=fsync,fdatasync,sync_file_range",
            binary,
        ];
        traced.extend(arguments);
        self.command(Path::new("strace"), &traced).status().ok()?;
        let text = std::fs::read_to_string(self.folder.join("flushes")).ok()?;
        Some(
            text.lines()
                .filter(|line| line.contains("sync") && !line.contains("resumed"))
                .count() as u64,
        )
    }

    /// How often the runs of the last fleet were flushed: each flush begins with a line that is marked so (see
    /// `store::frame`); the first line of a log is its head.
    pub(crate) fn shared_flushes(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.join("state/shared")).into_iter();
        let logs = entries
            .flatten()
            .flatten()
            .filter_map(|entry| std::fs::read(entry.path()).ok());
        logs.map(|bytes| {
            let (mut at, mut flushes) = (0, 0);
            while let Some(head) = bytes
                .get(at..at + 8)
                .and_then(|head| std::str::from_utf8(head).ok())
                && let Ok(length) = usize::from_str_radix(head, 16)
            {
                flushes += usize::from(bytes[at + 8] == b' ');
                at += 18 + length + 1;
            }
            flushes - 1
        })
        .sum()
    }

    /// The journals.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.join("state/runs"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "journal"))
            .collect()
    }

    /// Lines of the only journal.
    pub(crate) fn events(&self) -> usize {
        let Some(path) = self.journals().pop() else {
            return 0;
        };
        std::fs::read(path).map_or(0, |bytes| {
            bytes.iter().filter(|byte| **byte == b'\n').count()
        })
    }

    /// From the first event of any run to the last, in seconds.
    pub(crate) fn inside(&self) -> f64 {
        let (mut first, mut last) = (f64::MAX, f64::MIN);
        for path in self.journals() {
            let text = std::fs::read_to_string(path).unwrap();
            for line in text.lines() {
                let Some((_, rest)) = line.split_once("\"at\":\"") else {
                    continue;
                };
                let at: jiff::Timestamp = rest.split_once('"').unwrap().0.parse().unwrap();
                let at = at.as_microsecond() as f64 / 1e6;
                (first, last) = (first.min(at), last.max(at));
            }
        }
        last - first
    }
}

/// Takes a folder out of the way, to be removed at the very end. Where it is removed at once, ext4 without a journal looks for
/// some minutes at every inode that was set free before it gives a new file one, and that is what would be measured.
fn put_aside(folder: &Path) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if folder.exists() {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        std::fs::rename(folder, folder.with_extension(format!("aside-{count}"))).unwrap();
    }
}

/// A site file.
pub(crate) fn site(id: &str) -> String {
    format!(
        "id: {id}\nname: Site {id}\nlaboratory: true\ndomains: [{id}.example]\nallow_hosts: [127.0.0.1]\n"
    )
}

/// CPU time of all children that have ended, to a hundredth of a second: the kernel's clock tick.
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(13) + ticks(14)) * 10)
}
