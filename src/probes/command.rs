//! Programs, run without a shell: an argument list in, status and output out, and nothing left
//! running when the time is over or the one who waits has gone.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command as Process};

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);
/// How long output is read on after the program ended: a child of it may hold the pipe.
const LINGER: Duration = Duration::from_millis(500);

/// Runs programs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Command;

/// What to run.
#[derive(Clone)]
pub struct Invocation {
    /// Program and arguments, each as it is. No shell reads them.
    pub argv: Vec<String>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// Its environment: only these, and PATH (ours, if none is given here). Values may be secret.
    pub env: BTreeMap<String, String>,
    /// Where it runs; None means here.
    pub directory: Option<PathBuf>,
    /// After this long it and its children are ended.
    pub timeout: Duration,
    /// Octets kept of each output; the rest is read and thrown away.
    pub output_cap: usize,
}

impl Invocation {
    /// `argv` with nothing to read, one minute and 1 MiB of output.
    pub fn new(argv: Vec<String>) -> Self {
        Self {
            argv,
            stdin: Vec::new(),
            env: BTreeMap::new(),
            directory: None,
            timeout: Duration::from_secs(60),
            output_cap: 1024 * 1024,
        }
    }
}

/// Shows the program alone: arguments, input and environment may hold secrets.
impl std::fmt::Debug for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation")
            .field("program", &self.argv.first())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// We ended it, because its time was over.
    TimedOut,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutput {
    /// How it ended.
    pub ending: Ending,
    /// Standard output, up to the cap.
    pub stdout: Vec<u8>,
    /// Standard error, up to the cap.
    pub stderr: Vec<u8>,
    /// One of them was longer.
    pub truncated: bool,
    /// Milliseconds it took.
    pub ms: u64,
}

/// The program did not start: nothing happened.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// No program was named.
    #[error("no program to run: the command is an empty list")]
    Empty,
    /// It cannot be started.
    #[error("cannot start {program} (is it installed, and may it be run?)")]
    Start {
        /// Which one.
        program: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Command {
    /// Runs a program to its end.
    ///
    /// # Errors
    ///
    /// When it cannot be started. How it ended is no error.
    pub async fn run(&self, invocation: &Invocation) -> Result<CommandOutput, CommandError> {
        let started = Instant::now();
        let mut child = start(invocation)?;
        let group = Group::of(&child);
        let cap = invocation.output_cap;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let feed = async move {
            if let Some(mut pipe) = stdin {
                // A program that does not read its input to the end is no error.
                let _ = pipe.write_all(&invocation.stdin).await;
            }
        };
        let mut out = Capped::new(cap);
        let mut err = Capped::new(cap);
        let ending = {
            let streams = async { tokio::join!(feed, out.fill(stdout), err.fill(stderr)) };
            tokio::pin!(streams);
            let work = async {
                tokio::select! {
                    status = child.wait() => {
                        // What it wrote is still in the pipes.
                        let _ = tokio::time::timeout(LINGER, &mut streams).await;
                        status
                    }
                    _ = &mut streams => child.wait().await,
                }
            };
            match tokio::time::timeout(invocation.timeout, work).await {
                Ok(status) => status.map_or(Ending::TimedOut, ending),
                Err(_) => {
                    group.terminate();
                    let _ = tokio::time::timeout(GRACE, child.wait()).await;
                    Ending::TimedOut
                }
            }
        };
        group.kill();
        Ok(CommandOutput {
            ending,
            truncated: out.truncated || err.truncated,
            stdout: out.bytes,
            stderr: err.bytes,
            ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }
}

fn start(invocation: &Invocation) -> Result<Child, CommandError> {
    let (program, arguments) = invocation.argv.split_first().ok_or(CommandError::Empty)?;
    let path = match invocation.env.get("PATH") {
        Some(own) => Some(OsString::from(own)),
        None => std::env::var_os("PATH"),
    };
    let spawn = |file: &OsStr| {
        let mut process = Process::new(file);
        process
            .args(arguments)
            .env_clear()
            .stdin(match invocation.stdin.is_empty() {
                true => Stdio::null(),
                false => Stdio::piped(),
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(path) = &path {
            process.env("PATH", path);
        }
        process.envs(&invocation.env);
        if let Some(directory) = &invocation.directory {
            process.current_dir(directory);
        }
        #[cfg(unix)]
        process.process_group(0).arg0(program);
        process.spawn()
    };
    // A name that the standard library has to look up in a PATH other than ours makes it copy this whole process before it
    // starts the program; a full path does not. What cannot be started so is left to the slow way, and its error.
    let quick = path
        .as_deref()
        .and_then(|path| look_up(program, path))
        .and_then(|file| spawn(file.as_os_str()).ok());
    match quick {
        Some(child) => Ok(child),
        None => spawn(OsStr::new(program)).map_err(|source| CommandError::Start {
            program: program.clone(),
            source,
        }),
    }
}

/// The file that a bare name stands for in `path`, when that is beyond doubt: the first file there is of this name.
fn look_up(program: &str, path: &OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return None;
    }
    for folder in std::env::split_paths(path) {
        if !folder.is_absolute() {
            return None;
        }
        let file = folder.join(program);
        if file.is_file() {
            return Some(file);
        }
    }
    None
}

/// The program with all its children; ended when dropped.
struct Group {
    #[cfg(unix)]
    leader: Option<rustix::process::Pid>,
}

#[cfg(unix)]
impl Group {
    fn of(child: &Child) -> Self {
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        Self { leader }
    }

    fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        if let Some(leader) = self.leader {
            // No such group means that all of it has ended.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }
}

#[cfg(not(unix))]
impl Group {
    fn of(_child: &Child) -> Self {
        Self {}
    }

    fn terminate(&self) {}

    fn kill(&self) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(unix)]
fn ending(status: ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Killed(signal.unwrap_or_default()),
    }
}

#[cfg(not(unix))]
fn ending(status: ExitStatus) -> Ending {
    Ending::Exited(status.code().unwrap_or(-1))
}

struct Capped {
    bytes: Vec<u8>,
    cap: usize,
    truncated: bool,
}

impl Capped {
    fn new(cap: usize) -> Self {
        Self {
            bytes: Vec::new(),
            cap,
            truncated: false,
        }
    }

    /// Reads to the end: a program whose pipe is full would never end.
    async fn fill(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(got) = pipe.read(&mut buffer).await {
            if got == 0 {
                return;
            }
            let room = (self.cap - self.bytes.len()).min(got);
            self.bytes.extend_from_slice(&buffer[..room]);
            self.truncated |= room < got;
        }
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Invocation {
        Invocation::new(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn status_outputs_and_input() {
        let mut invocation = sh("cat; echo oops >&2; exit 3");
        invocation.stdin = b"hello".to_vec();
        let output = Command.run(&invocation).await.unwrap();
        assert_eq!(output.ending, Ending::Exited(3));
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&b"hello"[..], &b"oops\n"[..])
        );
        let killed = Command.run(&sh("kill -9 $$")).await.unwrap();
        assert_eq!(killed.ending, Ending::Killed(9));
    }

    #[tokio::test]
    async fn arguments_are_not_read_by_a_shell() {
        let argv = ["echo", "$HOME; `id` && *"].map(str::to_owned).to_vec();
        let output = Command.run(&Invocation::new(argv)).await.unwrap();
        assert_eq!(output.stdout, b"$HOME; `id` && *\n");
    }

    #[tokio::test]
    async fn the_environment_is_what_was_given_and_path() {
        let mut invocation = Invocation::new(vec!["env".to_owned()]);
        invocation.env.insert("ONLY".to_owned(), "this".to_owned());
        let output = Command.run(&invocation).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut names: Vec<&str> = text
            .lines()
            .filter_map(|l| l.split_once('='))
            .map(|(n, _)| n)
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["ONLY", "PATH"]);
    }

    #[tokio::test]
    async fn a_name_is_looked_up_in_the_path_that_is_given() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("first/told", "#!/bin/sh\necho not to be run\n", 0o644);
        write("second/told", "#!/bin/sh\necho $0 $PATH\n", 0o755);
        // Without its first line only the slow way knows what to do with it.
        write("second/bare", "echo bare\n", 0o755);
        let path = ["first", "second"].map(|name| folder.path().join(name).display().to_string());
        for (name, said) in [
            ("told", format!("{}/told {}", path[1], path.join(":"))),
            ("bare", "bare".to_owned()),
        ] {
            let mut invocation = Invocation::new(vec![name.to_owned()]);
            invocation.env.insert("PATH".to_owned(), path.join(":"));
            let output = Command.run(&invocation).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), said);
        }
    }

    #[tokio::test]
    async fn a_program_is_called_by_the_name_that_was_given() {
        let output = Command.run(&sh("echo $0; read x; echo end")).await.unwrap();
        assert_eq!(output.stdout, b"sh\nend\n", "and it has nothing to read");
    }

    #[tokio::test]
    async fn long_output_is_cut_and_does_not_block() {
        let mut invocation = sh("head -c 3000000 /dev/zero");
        invocation.output_cap = 1000;
        let output = Command.run(&invocation).await.unwrap();
        assert_eq!(
            (output.stdout.len(), output.truncated, output.ending),
            (1000, true, Ending::Exited(0))
        );
    }

    #[tokio::test]
    async fn after_its_time_the_program_and_its_children_are_ended() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("alive");
        let mut invocation = sh(&format!(
            "(sleep 1; touch {}) & echo started; sleep 60",
            mark.display()
        ));
        invocation.timeout = Duration::from_millis(300);
        let output = Command.run(&invocation).await.unwrap();
        assert_eq!(output.ending, Ending::TimedOut);
        assert_eq!(output.stdout, b"started\n");
        tokio::time::sleep(Duration::from_millis(1300)).await;
        assert!(!mark.exists(), "the child lived on");
    }

    #[tokio::test]
    async fn a_program_whose_child_holds_the_pipe_still_ends() {
        let output = Command.run(&sh("sleep 60 & echo done")).await.unwrap();
        assert_eq!(
            (output.ending, output.stdout.as_slice()),
            (Ending::Exited(0), &b"done\n"[..])
        );
        assert!(output.ms < 10_000, "{}", output.ms);
    }

    #[tokio::test]
    async fn what_cannot_start_is_an_error() {
        let missing = Invocation::new(vec!["/nonexistent/program".to_owned()]);
        assert!(matches!(
            Command.run(&missing).await,
            Err(CommandError::Start { .. })
        ));
        assert!(matches!(
            Command.run(&Invocation::new(Vec::new())).await,
            Err(CommandError::Empty)
        ));
    }
}
