//! One run, driven to its end by the program itself, through kills.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::counter::Counter;

/// When to kill the next process.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kill {
    /// As soon as the journal holds so many events.
    AtEvent(u64),
    /// So long after it was started.
    After(Duration),
}

/// How a run came out.
pub(crate) struct End {
    /// `healthy`, `findings_open`, ...
    pub(crate) conclusion: String,
    /// Key -> state and outcome.
    pub(crate) steps: BTreeMap<String, String>,
    /// Effects of its steps, and the names of their actions.
    pub(crate) classes: BTreeSet<String>,
    /// Events in the journal.
    pub(crate) events: u64,
    /// Processes killed.
    pub(crate) kills: usize,
}

/// A folder with one run in it.
pub(crate) struct Lane {
    folder: PathBuf,
    set: Vec<String>,
}

impl Lane {
    /// Writes site and runbook into `folder`. `set` are the run's inputs.
    pub(crate) fn new(folder: PathBuf, site: &str, runbook: &str, set: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("acme.yaml"), site).unwrap();
        std::fs::write(folder.join("book.yaml"), runbook).unwrap();
        let set = set
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        Lane { folder, set }
    }

    /// Writes one more file.
    pub(crate) fn put(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailmedic"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LANE", &self.folder)
            .args(["--state", "state"])
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn journal(&self) -> Option<Vec<u8>> {
        let entry = std::fs::read_dir(self.folder.join("state/runs"))
            .ok()?
            .flatten()
            .find(|entry| entry.path().extension().is_some_and(|end| end == "journal"))?;
        std::fs::read(entry.path()).ok()
    }

    fn events(&self) -> u64 {
        self.journal().map_or(0, |bytes| {
            bytes.iter().filter(|byte| **byte == b'\n').count() as u64
        })
    }

    /// Drives the run to its end.
    pub(crate) fn drive(&self, kills: &[Kill], counter: &Counter) -> End {
        self.drive_with(kills, counter, &|_| {})
    }

    /// Drives the run to its end; `before` is told each step that is about to be answered.
    pub(crate) fn drive_with(
        &self,
        kills: &[Kill],
        counter: &Counter,
        before: &dyn Fn(&str),
    ) -> End {
        let mut kills_left = kills.iter();
        let mut next_kill = kills_left.next().copied();
        let mut killed = 0;
        let deadline = Instant::now() + Duration::from_secs(170);
        loop {
            assert!(
                Instant::now() < deadline,
                "no end in sight: {}",
                self.trouble()
            );
            let before_bytes = self.journal();
            let (was_killed, output) = self.one_process(next_kill);
            self.assert_kept(before_bytes.as_deref());
            if was_killed {
                killed += 1;
                next_kill = kills_left.next().copied();
                continue;
            }
            match output.status.code() {
                Some(0 | 1 | 4) if self.status()["status"] != "waiting" => break,
                Some(3) => self.answer(before),
                Some(5) => self.resolve(counter),
                code => panic!("exit {code:?}: {}", String::from_utf8_lossy(&output.stderr)),
            }
        }
        let verified = self.call(&["verify", "acme"]);
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
        self.end(killed)
    }

    /// Starts one process and kills it when its moment has come. Says whether it was killed.
    fn one_process(&self, kill: Option<Kill>) -> (bool, Output) {
        let set: Vec<&str> = self
            .set
            .iter()
            .flat_map(|pair| ["--set", pair.as_str()])
            .collect();
        let mut arguments = match self.journal() {
            Some(_) => vec!["resume", "acme"],
            None => vec!["run", "book.yaml", "--site", "acme.yaml", "--by", "tester"],
        };
        if arguments[0] == "run" {
            arguments.extend(set);
        }
        let mut child = self.command(&arguments).spawn().unwrap();
        let begun = Instant::now();
        let mut killed = false;
        if let Some(kill) = kill {
            loop {
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                let now = match kill {
                    Kill::AtEvent(at) => self.events() >= at,
                    Kill::After(moment) => begun.elapsed() >= moment,
                };
                if now {
                    child.kill().unwrap();
                    killed = true;
                    break;
                }
                std::thread::sleep(Duration::from_micros(300));
            }
        }
        (killed, child.wait_with_output().unwrap())
    }

    /// What was on disk before is there still, byte for byte; only a torn end may have been cut off.
    fn assert_kept(&self, before: Option<&[u8]>) {
        let Some(before) = before else { return };
        let whole = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        let after = self.journal().unwrap();
        assert!(
            after.starts_with(&before[..whole]),
            "an acknowledged event is gone or altered"
        );
    }

    fn status(&self) -> Value {
        let output = self.call(&["status", "acme", "--json"]);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        object["run"].clone()
    }

    fn steps(&self) -> Vec<Value> {
        let output = self.call(&["show", "acme", "--json"]);
        let object: Value = serde_json::from_slice(&output.stdout).unwrap();
        object["steps"].as_array().unwrap().clone()
    }

    /// Answers every question and task that waits.
    fn answer(&self, before: &dyn Fn(&str)) {
        for step in self.steps() {
            let kind = &step["status"]["waiting"]["kind"];
            let verb = match (kind.get("approval"), kind.get("manual")) {
                (Some(_), _) => "approve",
                (_, Some(_)) => "done",
                _ => continue,
            };
            let key = step["key"].as_str().unwrap();
            before(key);
            let mut arguments = vec![verb, "acme", key, "--by", "tester", "--note", "seen to"];
            let form = kind["manual"]["form"].as_object();
            let answers: Vec<String> = form
                .iter()
                .flat_map(|form| form.keys())
                .map(|name| format!("{name}=x"))
                .collect();
            for answer in &answers {
                arguments.extend(["--set", answer]);
            }
            let output = self.call(&arguments);
            assert!(
                output.status.success(),
                "{verb} {key}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    /// A person looks what became of each interrupted step, and says so.
    fn resolve(&self, counter: &Counter) {
        let journal = String::from_utf8_lossy(&self.journal().unwrap()).into_owned();
        for step in self.steps() {
            if step["status"]["interrupted"]["ask"] != true {
                continue;
            }
            let key = step["key"].as_str().unwrap();
            let idempotency_key = journal
                .lines()
                .filter(|line| line.contains(&format!("\"step_started\":{{\"step\":\"{key}\"")))
                .find_map(|line| {
                    Some(
                        line.split_once("\"idempotency_key\":\"")?
                            .1
                            .split_once('"')?
                            .0,
                    )
                })
                .unwrap();
            let happened = match step["plan"]["action"].as_str() {
                Some("http.request" | "notify") => counter.has(idempotency_key),
                Some("command.run") => self.folder.join(format!("ran-{key}")).exists(),
                // Parked after too many kills: only looks, or writes its own files.
                _ => false,
            };
            let what = if happened { "--done" } else { "--rerun" };
            let output = self.call(&["resolve", "acme", key, what, "--by", "tester"]);
            assert!(
                output.status.success(),
                "resolve {key}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    fn end(&self, kills: usize) -> End {
        let all = self.steps();
        let classes = all
            .iter()
            .flat_map(|step| [&step["plan"]["effect"], &step["plan"]["action"]]);
        let classes = classes
            .filter_map(|class| class.as_str().map(str::to_owned))
            .collect();
        let steps = all
            .iter()
            .map(|step| {
                let text = |field: &str| step[field].as_str().unwrap_or("-").to_owned();
                (
                    text("key"),
                    format!("{} {}", text("state"), text("outcome")),
                )
            })
            .collect();
        let conclusion = self.status()["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        End {
            conclusion,
            steps,
            classes,
            events: self.events(),
            kills,
        }
    }

    fn trouble(&self) -> String {
        let output = self.call(&["show", "acme"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
