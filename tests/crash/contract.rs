//! The table of README, "What is synced before what", held against what the program really asks of the kernel.
//!
//! `strace` writes down each write, each sync and each start of a program, in order. A row that is in the table and not
//! here, or the other way round, is a failure too.

use std::path::Path;
use std::process::{Command, Stdio};

/// A file of our own as a step's result, two acts after one another, and a wait.
const BOOK: &str = "version: 1
name: contract
steps:
  - {id: letter, action: document.render, with: {template: isp-ptr-request.md, to: letter.md}}
  - {id: one, action: command.run, with: {command: [sh, -c, 'echo {}', first-act]}}
  - {id: two, action: command.run, with: {command: [sh, -c, 'echo {}', second-act]}}
  - {id: ask, action: manual, with: {instructions: Do it.}}
";

/// What a process asked of the kernel: one line a call, as it ended.
struct Trace {
    calls: Vec<String>,
}

impl Trace {
    /// Runs the program under `strace`; gives the trace and the exit code.
    fn of(folder: &Path, arguments: &[&str]) -> (Self, Option<i32>) {
        let file = folder.join("trace");
        let calls = "trace=write,pwrite64,fsync,fdatasync,link,linkat,execve,exit_group";
        let status = Command::new("strace")
            .args([
                "-f",
                "-y",
                "-s",
                "100000",
                "-e",
                "signal=none",
                "-e",
                calls,
                "-o",
            ])
            .arg(&file)
            .arg(env!("CARGO_BIN_EXE_mailmedic"))
            .args(["--state", "state"])
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap_or_else(|error| {
                panic!("cannot start strace (`tests/install` installs it): {error}")
            });
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        (Trace::parse(&text), status.code())
    }

    /// A call that another thread interrupts stands on two lines: it counts where it ends.
    fn parse(text: &str) -> Self {
        let mut begun: Vec<(&str, &str)> = Vec::new();
        let mut calls = Vec::new();
        for line in text.lines() {
            let (process, call) = line.split_once(' ').unwrap_or((line, ""));
            let call = call.trim_start();
            if let Some(beginning) = call.strip_suffix(" <unfinished ...>") {
                begun.push((process, beginning));
            } else if call.starts_with("<... ") {
                let of_process = begun.iter().position(|(other, _)| *other == process);
                let beginning = of_process.map_or("", |place| begun.remove(place).1);
                calls.push(format!("{beginning}{call}"));
            } else {
                calls.push(call.to_owned());
            }
        }
        Trace { calls }
    }

    /// The first call from `from` on that `is` it.
    fn find(&self, from: usize, what: &str, is: impl Fn(&str) -> bool) -> usize {
        let rest = self.calls[from..].iter();
        let place = rest.enumerate().find(|(_, call)| is(call));
        let calls = || {
            self.calls
                .iter()
                .map(|call| call.chars().take(160).collect::<String>() + "\n")
        };
        place
            .unwrap_or_else(|| {
                panic!(
                    "no {what} from call {from} on:\n{}",
                    calls().collect::<String>()
                )
            })
            .0
            + from
    }

    /// Where a file whose name ends with `file` was synced after call `from`.
    fn synced(&self, from: usize, file: &str) -> usize {
        self.find(from, &format!("sync of {file}"), |call| {
            let sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
            sync && call.contains(&format!("{file}>")) && call.ends_with("= 0")
        })
    }

    /// Where an event with all these words was written to the run's journal.
    fn event(&self, words: &[&str]) -> usize {
        self.find(0, &format!("event with {words:?}"), |call| {
            let write = call.starts_with("pwrite64(") || call.starts_with("write(");
            write && call.contains("/runs/") && words.iter().all(|word| call.contains(word))
        })
    }

    /// Where the program said `text`.
    fn said(&self, text: &str) -> usize {
        self.find(0, &format!("line with '{text}'"), |call| {
            call.starts_with("write(1") && call.contains(text)
        })
    }

    /// Where a step's program was started.
    fn act(&self, name: &str) -> usize {
        self.find(0, &format!("start of {name}"), |call| {
            call.starts_with("execve(") && call.contains(name)
        })
    }

    /// The event was written, then synced, and only then came what it goes before.
    fn before(&self, words: &[&str], then: usize) {
        let written = self.event(words);
        let synced = self.synced(written, ".journal");
        assert!(
            synced < then,
            "{words:?}: written at {written}, synced at {synced}, and the rest came at {then}"
        );
    }
}

/// What strace makes of a quoted word.
fn quoted(name: &str, value: &str) -> String {
    format!("\\\"{name}\\\":\\\"{value}\\\"")
}

/// A row of the table, and what it is held against: the trace of a run, and that of an answer.
type Row = (&'static str, &'static str, fn(&Trace, &Trace));

const ROWS: &[Row] = &[
    (
        "the run, with the text of its runbook and its site",
        "its id is printed",
        |run, _| {
            let written = run.event(&["run_created", "name: contract", "acme.example"]);
            let file = run.synced(written, ".new");
            let named = run.find(file, "link to its name", |call| call.starts_with("link"));
            let folder = run.synced(named, "/runs");
            assert!(folder < run.said("run acme-"), "its folder is synced too");
        },
    ),
    (
        "the start of a step, with the digest of its arguments",
        "the step acts",
        |run, _| {
            run.before(
                &["step_started", &quoted("step", "one"), "input"],
                run.act("first-act"),
            );
            run.before(
                &["step_started", &quoted("step", "two"), "input"],
                run.act("second-act"),
            );
        },
    ),
    (
        "the end of a step, with findings and files",
        "the steps that need it start",
        |run, _| {
            let words = ["step_finished", &quoted("step", "letter"), "artifacts"];
            run.before(&words, run.act("first-act"));
            run.before(
                &["step_finished", &quoted("step", "one"), "findings"],
                run.act("second-act"),
            );
            let file = run.find(0, "file that is kept", |call| {
                call.starts_with("write(") && call.contains("/artifacts/")
            });
            let kept = run.synced(file, ".new");
            assert!(
                kept < run.event(&words),
                "the file before the event that speaks of it"
            );
        },
    ),
    ("a wait, with its deadline", "the process ends", |run, _| {
        let ends = run.find(run.said("ask: waiting"), "end", |call| {
            call.starts_with("exit_group(")
        });
        run.before(
            &["{\\\"waiting\\\":", &quoted("step", "ask")],
            run.said("ask: waiting"),
        );
        run.before(&["{\\\"waiting\\\":", &quoted("step", "ask")], ends);
    }),
    (
        "a decision, with who and why",
        "the command prints success",
        |_, answer| {
            let words = [
                "decided",
                &quoted("by", "tester"),
                &quoted("note", "seen to"),
            ];
            answer.before(&words, answer.said("ask is done"));
        },
    ),
];

#[test]
fn the_table_of_readme_holds() {
    let readme = include_str!("../../README.md");
    let table = readme
        .split_once("| written and synced | before |")
        .unwrap()
        .1;
    let rows: Vec<(String, String)> = table
        .lines()
        .skip(2)
        .map_while(|line| {
            line.strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")
        })
        .map(|(written, before)| (written.to_owned(), before.to_owned()))
        .collect();
    let checked: Vec<(String, String)> = ROWS
        .iter()
        .map(|(written, before, _)| ((*written).to_owned(), (*before).to_owned()))
        .collect();
    assert_eq!(rows, checked, "each row of the table is checked here");

    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("book.yaml", BOOK);
    put(
        "acme.yaml",
        "id: acme\nname: Acme\ndomains: [acme.example]\n",
    );
    let (run, code) = Trace::of(
        folder.path(),
        &["run", "book.yaml", "--site", "acme.yaml", "--by", "tester"],
    );
    assert_eq!(code, Some(3), "it waits for a person");
    let (answer, code) = Trace::of(
        folder.path(),
        &["done", "acme", "ask", "--by", "tester", "--note", "seen to"],
    );
    assert_eq!(code, Some(0));
    for (_, _, holds) in ROWS {
        holds(&run, &answer);
    }
}
