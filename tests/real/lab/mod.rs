//! The laboratory: a server side and a client side, joined by one cable, with no way out.
//!
//! A [`Lab`] belongs to one test. Its servers are started one by one by the methods in `dns`, `postfix`, `exim` and `dovecot`;
//! each waits until its server answers. When the test fails, their logs are printed with it.

mod certificates;
mod daemon;
mod dns;
mod dovecot;
mod exim;
mod gateway;
mod mailmedic;
mod network;
mod postfix;
mod web;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Mutex;

use daemon::Daemon;
use network::Network;
use tempfile::TempDir;

pub(crate) use certificates::{EXPIRED, VALID};
pub(crate) use dns::{Zone, delegation};
pub(crate) use dovecot::PASSWORD;
pub(crate) use exim::Exim;
pub(crate) use mailmedic::Answer;
pub(crate) use network::{Side, address};
pub(crate) use postfix::{DOMAIN, HOST, MAILBOX, Personality};
pub(crate) use web::Host;

/// Two sides, the servers running on one of them, and a folder that holds everything they write.
pub(crate) struct Lab {
    // Fields are dropped in this order: first the servers, then the network they stand in, then their files.
    daemons: Mutex<Vec<Daemon>>,
    network: Network,
    folder: TempDir,
}

impl Lab {
    /// An empty laboratory.
    ///
    /// # Panics
    /// Without root, or without `ip`; the message tells what to do.
    pub(crate) fn new() -> Lab {
        network::assert_root();
        let folder = tempfile::Builder::new()
            .prefix("mailmedic-lab-")
            .tempdir()
            .expect("cannot make a temporary folder");
        // The servers give up root and must still reach their files.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Lab {
            daemons: Mutex::new(Vec::new()),
            network: Network::new(),
            folder,
        }
    }

    /// A file or folder of this laboratory.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of this laboratory, readable by every server.
    pub(crate) fn write(&self, name: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// Runs a program on one side and waits for it. Its exit status is the caller's to judge.
    pub(crate) fn output(&self, side: Side, program: &str, arguments: &[&str]) -> Output {
        self.network
            .command(side, program)
            .args(arguments)
            .output()
            .unwrap_or_else(|e| panic!("cannot run {program}: {e}"))
    }

    /// Runs a program on one side; it must succeed. Returns what it printed.
    pub(crate) fn run(&self, side: Side, program: &str, arguments: &[&str]) -> String {
        let output = self.output(side, program, arguments);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{program} {arguments:?} ended with {}\n{printed}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        printed
    }

    /// Asks a DNS server from the client's side, as `dig +short` does: one answer a line, empty when there is none.
    pub(crate) fn dig(&self, server: &str, arguments: &[&str]) -> String {
        let at = format!("@{server}");
        let mut all = vec!["+short", "+time=3", "+tries=2", at.as_str()];
        all.extend(arguments);
        self.run(Side::Client, "dig", &all).trim().to_owned()
    }

    /// The text of a server's log so far; the name is the one the server was started under.
    pub(crate) fn log(&self, name: &str) -> String {
        let daemons = self.daemons.lock().unwrap();
        let daemon = daemons
            .iter()
            .find(|d| d.name() == name)
            .unwrap_or_else(|| panic!("no server {name} was started here"));
        daemon.log()
    }

    /// Starts a server in the foreground on the servers' side and watches it from now on.
    fn start(&self, name: &str, program: &str, arguments: &[&str], logs: &[PathBuf]) {
        let printed = self.write(format!("{name}.printed"), "");
        let command = self.network.command(Side::Servers, program);
        let daemon = Daemon::start(name, command, arguments, printed, logs);
        self.daemons.lock().unwrap().push(daemon);
    }

    /// Waits until `answers` says yes. Panics with the server's log when it ends, or stays silent for 30 seconds.
    fn wait_for(&self, name: &str, mut answers: impl FnMut() -> bool) {
        let started = std::time::Instant::now();
        while !answers() {
            let mut daemons = self.daemons.lock().unwrap();
            let daemon = daemons.iter_mut().find(|d| d.name() == name).unwrap();
            if let Some(status) = daemon.ended() {
                panic!("{name} ended with {status}\n{}", daemon.tail());
            }
            assert!(
                started.elapsed().as_secs() < 30,
                "{name} does not answer after 30 s\n{}",
                daemon.tail()
            );
            drop(daemons);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// The first line that a TCP server sends, seen from the client's side; `None` when it sends none within 2 s.
    pub(crate) fn banner(&self, address: &str, port: u16) -> Option<String> {
        let script =
            format!("exec 3<>/dev/tcp/{address}/{port} && read -r -t 2 line <&3 && echo \"$line\"");
        let output = self.output(Side::Client, "timeout", &["3", "bash", "-c", &script]);
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (output.status.success() && !line.is_empty()).then_some(line)
    }
}

impl Drop for Lab {
    #[allow(clippy::print_stderr)] // a test's own output: shown only when it failed
    fn drop(&mut self) {
        if std::thread::panicking() {
            for daemon in self.daemons.lock().unwrap().iter() {
                eprintln!("--- log of {}\n{}", daemon.name(), daemon.tail());
            }
        }
        self.daemons
            .lock()
            .unwrap()
            .iter()
            .for_each(Daemon::ask_to_end);
    }
}

/// Where a program is, in the folders of root too.
///
/// # Panics
/// When it is not installed.
fn program(name: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run `tests/install` as root"))
}
