//! One server process: started in the foreground, asked to end, then made to.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How much of a log a failed test shows.
const LOG_LINES: usize = 150;

/// A running server. Dropping it ends it.
pub(super) struct Daemon {
    name: String,
    child: Child,
    logs: Vec<PathBuf>,
}

impl Daemon {
    /// Starts `command`; what it prints goes to `printed`, what else it logs is in `logs`.
    pub(super) fn start(
        name: &str,
        mut command: Command,
        arguments: &[&str],
        printed: PathBuf,
        logs: &[PathBuf],
    ) -> Daemon {
        let file = File::create(&printed).unwrap();
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {name}: {e}"));
        let mut all = vec![printed];
        all.extend(logs.iter().cloned());
        Daemon {
            name: name.to_owned(),
            child,
            logs: all,
        }
    }

    /// The name it was started under.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it printed and logged so far.
    pub(super) fn log(&self) -> String {
        self.logs
            .iter()
            .map(|path| std::fs::read(path).unwrap_or_default())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }

    /// The last lines of the log, for a person.
    pub(super) fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let from = lines.len().saturating_sub(LOG_LINES);
        lines[from..].join("\n")
    }

    /// Its exit status, when it has ended by itself.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it to end, without waiting, so that several end at the same time.
    pub(super) fn ask_to_end(&self) {
        signal("TERM", &[self.child.id()]);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.ask_to_end();
        let deadline = Instant::now() + Duration::from_secs(3);
        while Instant::now() < deadline {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to processes by their ids. One that has ended already is not a fault.
pub(super) fn signal(name: &str, ids: &[u32]) {
    if ids.is_empty() {
        return;
    }
    let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", ids.join(" "))])
        .stderr(Stdio::null())
        .status();
}
