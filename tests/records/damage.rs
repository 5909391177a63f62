//! Journals and indexes that a disk has spoilt: an error that says where, or a beginning that is whole, and is told. Never a
//! panic, and nothing goes missing in silence.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::Folder;

/// A letter is written, then a person is waited for: artifacts, and a decision as the last event.
const BOOK: &str = "version: 1
name: book
steps:
  - {id: write, action: document.render, with: {template: isp-ptr-request.md, to: letter.md}}
  - {id: ask, action: manual, needs: [write], with: {instructions: Do it.}}
";

/// Commands that read, and the one that goes on.
const COMMANDS: &[&str] = &[
    "runs",
    "status RUN",
    "show RUN",
    "verify RUN",
    "report RUN --format md -o out.md",
    "export RUN",
    "resume --all",
    "resume RUN",
];

/// A state folder with a run that was answered, and the bytes of its journal.
struct Spoilt {
    folder: Folder,
    run: String,
    journal: PathBuf,
    whole: Vec<u8>,
}

impl Spoilt {
    fn new() -> Self {
        let folder = Folder::new();
        folder.put("book.yaml", BOOK);
        folder.says(3, "run book.yaml --site acme.yaml");
        folder.says(0, "done acme ask");
        let run = folder.runs().remove(0);
        let journal = folder.journal(&run);
        let whole = std::fs::read(&journal).unwrap();
        Spoilt {
            folder,
            run,
            journal,
            whole,
        }
    }

    /// Where each event stands in the file.
    fn lines(&self) -> Vec<Range<usize>> {
        let mut from = 0;
        let ends = self
            .whole
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n');
        ends.map(|(end, _)| std::mem::replace(&mut from, end + 1)..end + 1)
            .collect()
    }

    /// Each command on the spoilt journal, each on a fresh copy. Gives what they said, and their exit codes.
    fn all_commands(&self, bytes: &[u8], without_index: bool, case: &str) -> Vec<(i32, String)> {
        COMMANDS
            .iter()
            .map(|line| {
                self.put_back(bytes);
                if without_index {
                    let _ = std::fs::remove_dir_all(self.folder.path().join("state/index"));
                }
                self.command(&line.replace("RUN", &self.run), case)
            })
            .collect()
    }

    fn put_back(&self, bytes: &[u8]) {
        std::fs::write(&self.journal, bytes).unwrap();
        for beside in self.beside() {
            std::fs::remove_file(beside).unwrap();
        }
    }

    /// What was cut off and kept.
    fn beside(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.journal.parent().unwrap()).unwrap();
        let mut kept: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
        kept.retain(|path| path.to_string_lossy().contains(".torn-"));
        kept
    }

    fn command(&self, line: &str, case: &str) -> (i32, String) {
        let words = line.split(' ');
        let output = self.folder.command().args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(
            !said.contains("panicked") && code.is_some_and(|code| code < 70),
            "{case}: {line}: {code:?} {said}"
        );
        (code.unwrap(), said)
    }
}

/// What becomes of a journal that is spoilt in some way.
#[derive(Debug, PartialEq)]
enum Told {
    /// An error that names the file.
    Error,
    /// What is whole goes on; what is not was told, and kept byte for byte.
    CutOff(Vec<u8>),
}

fn judge(spoilt: &Spoilt, bytes: &[u8], without_index: bool, wanted: &Told, case: &str) {
    let answers = spoilt.all_commands(bytes, without_index, case);
    let name = spoilt.journal.file_name().unwrap().to_str().unwrap();
    for ((code, said), line) in answers.iter().zip(COMMANDS) {
        let flowing = said.split_whitespace().collect::<Vec<_>>().join(" ");
        match wanted {
            Told::Error if *line == "runs" && !without_index => {
                // The index still has the line of the run: whether the journal was read is seen by what reads it.
            }
            Told::Error => {
                let named = said.contains(name) || said.contains(&spoilt.run);
                assert!(named, "{case}: {line}: {said}");
                let quiet = *line == "runs" || *line == "resume --all";
                assert!(*code != 0 || quiet, "{case}: {line}: {said}");
                assert!(
                    said.contains("error") || said.contains("warning"),
                    "{case}: {line}: {said}"
                );
            }
            Told::CutOff(_) if line.starts_with("resume") => {
                // Whether the run is due is what the lost event told.
                let idle = *line == "resume --all" && *code == 0;
                assert!(idle || *code == 3, "{case}: {line}: {said}");
                let told = [
                    "were no whole event",
                    "are no whole event",
                    "of whole events are gone",
                ];
                assert!(
                    told.iter().any(|told| flowing.contains(told)),
                    "{case}: {line}: {said}"
                );
            }
            Told::CutOff(_) if line.starts_with("verify") => {
                assert!(said.contains("are no whole event"), "{case}: {said}");
            }
            Told::CutOff(_) if line.starts_with("report") => {
                assert!(flowing.contains("were no whole event"), "{case}: {said}");
            }
            Told::CutOff(_) => assert_eq!(*code, 0, "{case}: {line}: {said}"),
        }
    }
    if let Told::CutOff(lost) = wanted {
        // The last command cut it off.
        let kept = spoilt.beside();
        assert_eq!(kept.len(), 1, "{case}: {kept:?}");
        assert_eq!(std::fs::read(&kept[0]).unwrap(), *lost, "{case}");
        let verified = spoilt.command(&format!("verify {}", spoilt.run), case);
        assert_eq!(verified.0, 0, "{case}: {}", verified.1);
    } else {
        assert_eq!(
            std::fs::read(&spoilt.journal).unwrap(),
            bytes,
            "{case}: nothing was written"
        );
        assert!(spoilt.beside().is_empty(), "{case}");
    }
}

#[test]
fn a_flipped_bit_in_any_part_of_any_event_is_told() {
    let spoilt = Spoilt::new();
    let lines = spoilt.lines();
    let last = lines.len() - 1;
    // (part of the line, byte): the event's length, the sign after it, its checksum, the blank, the JSON.
    let parts = [
        ("length", 3),
        ("sign", 8),
        ("checksum", 12),
        ("blank", 17),
        ("first brace", 18),
        ("json", 60),
    ];
    for place in [0, 1, last / 2, last - 1, last] {
        let line = &lines[place];
        let newline = ("line end", line.len() - 1);
        for (part, offset) in parts.iter().copied().chain([newline]) {
            // All parts of the first and last line, one of those between.
            if place != 0 && place != last && part != "json" {
                continue;
            }
            let mut bytes = spoilt.whole.clone();
            bytes[line.start + offset] ^= 4;
            let wanted = match place == last {
                true => Told::CutOff(bytes[line.start..].to_vec()),
                false => Told::Error,
            };
            judge(
                &spoilt,
                &bytes,
                false,
                &wanted,
                &format!("{part} of event {}", place + 1),
            );
        }
    }
}

#[test]
fn a_journal_that_was_cut_short_is_told() {
    let spoilt = Spoilt::new();
    let (first, last) = (spoilt.lines().remove(0), spoilt.lines().pop().unwrap());
    for (end, without_index) in [
        (last.end - 1, false),
        (last.start + 30, true),
        (last.start + 1, false),
    ] {
        let lost = Told::CutOff(spoilt.whole[last.start..end].to_vec());
        judge(
            &spoilt,
            &spoilt.whole[..end],
            without_index,
            &lost,
            &format!("cut at byte {end}"),
        );
    }
    for end in [0, 1, first.end - 1] {
        judge(
            &spoilt,
            &spoilt.whole[..end],
            true,
            &Told::Error,
            &format!("cut at byte {end}"),
        );
    }
}

#[test]
fn a_journal_that_was_zeroed_is_told() {
    let spoilt = Spoilt::new();
    let last = spoilt.lines().pop().unwrap();
    for from in [0, 100, last.start / 2] {
        let mut bytes = spoilt.whole.clone();
        bytes[from..].fill(0);
        let whole = spoilt
            .lines()
            .iter()
            .rev()
            .find(|line| line.end <= from)
            .map(|line| line.end);
        let wanted = match whole {
            Some(end) => Told::CutOff(bytes[end..from].to_vec()),
            None => Told::Error,
        };
        judge(
            &spoilt,
            &bytes,
            true,
            &wanted,
            &format!("zeros from byte {from}"),
        );
    }
    // Zeros in the middle of a file are damage.
    let mut bytes = spoilt.whole.clone();
    bytes[200..300].fill(0);
    judge(&spoilt, &bytes, true, &Told::Error, "a hole");
}

/// It may be open: whoever looks after all runs tells a script of it.
#[test]
fn a_run_that_cannot_be_read_shows_in_the_exit_code() {
    let spoilt = Spoilt::new();
    let lines = spoilt.lines();
    let mut bytes = spoilt.whole.clone();
    bytes[lines[1].start + 40] ^= 1;
    bytes.pop();
    spoilt.put_back(&bytes);
    for line in ["resume --all", "agent --until-done"] {
        let (code, said) = spoilt.command(line, "a flipped bit");
        assert!(
            code == 1 && said.contains("cannot be read"),
            "{line}: {code} {said}"
        );
    }
}

/// Whole events that are gone leave no trace in the journal: the index knows that there were more.
#[test]
fn whole_events_that_are_gone_from_the_end_are_told() {
    let spoilt = Spoilt::new();
    let last = spoilt.lines().pop().unwrap();
    assert!(!spoilt.command("runs", "whole").1.contains("warning"));
    spoilt.put_back(&spoilt.whole[..last.start]);
    for line in [
        "runs",
        "resume --all",
        "prune --older-than 0s --keep 0 --yes",
    ] {
        let (code, said) = spoilt.command(line, "cut at an event");
        let wanted = format!("{} bytes of whole events are gone", last.len());
        assert!(code == 0 && said.contains(&wanted), "{line}: {said}");
    }
    let (code, said) = spoilt.command("verify acme", "cut at an event");
    let told = said.contains(&format!("{} bytes of whole events are gone", last.len()));
    assert!(code == 1 && told, "{code} {said}");
}

#[test]
fn what_stands_before_the_damage_is_saved() {
    let spoilt = Spoilt::new();
    let lines = spoilt.lines();
    let mut bytes = spoilt.whole.clone();
    bytes[lines[2].start + 40] ^= 1;
    spoilt.put_back(&bytes);
    let (code, said) = spoilt.command(&format!("export {} -o saved.jsonl", spoilt.run), "export");
    assert!(
        code == 1 && said.contains("these are the 2 events before the damage"),
        "{said}"
    );
    let saved = spoilt.folder.text("saved.jsonl");
    assert_eq!(saved.lines().count(), 2);
    spoilt.folder.says(1, "run book.yaml --site acme.yaml");
}

/// What is done to the bytes of a file.
type Harm = Box<dyn Fn(&mut Vec<u8>)>;

/// Every way to spoil a file of the index, in every file of it.
#[test]
fn an_index_that_is_spoilt_changes_nothing() {
    let folder = Folder::new();
    folder.put(
        "book.yaml",
        &BOOK.replace("name: book\n", "name: book\nlock: nothing\n"),
    );
    for _ in 0..4 {
        folder.says(3, "run book.yaml --site acme.yaml");
    }
    let runs = folder.runs();
    let index = folder.path().join("state/index");
    let kept = folder.path().join("kept");
    copy(&index, &kept);
    let files = files(&kept);
    assert!(files.len() > 1, "{files:?}");
    let mut harms: Vec<(String, Harm)> = vec![
        ("emptied".to_owned(), Box::new(Vec::clear) as Harm),
        (
            "half".to_owned(),
            Box::new(|bytes| bytes.truncate(bytes.len() / 2)),
        ),
        ("zeroed".to_owned(), Box::new(|bytes| bytes.fill(0))),
        (
            "zeroed from the middle".to_owned(),
            Box::new(|bytes| {
                let half = bytes.len() / 2;
                bytes[half..].fill(0);
            }),
        ),
        ("ones".to_owned(), Box::new(|bytes| bytes.fill(0xff))),
    ];
    for eighth in 0..8 {
        harms.push((
            format!("a bit in eighth {eighth}"),
            Box::new(move |bytes| {
                // Of what is no zero: the rest of a page tells nothing.
                let places: Vec<usize> = (0..bytes.len())
                    .filter(|place| bytes[*place] != 0)
                    .collect();
                if let Some(place) = places.get(places.len() * eighth / 8) {
                    bytes[*place] ^= 0x10;
                }
            }),
        ));
    }
    for file in &files {
        for (name, harm) in &harms {
            let _ = std::fs::remove_dir_all(&index);
            copy(&kept, &index);
            let path = index.join(file);
            let mut bytes = std::fs::read(&path).unwrap();
            harm(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            let output = folder.command().args(["runs", "--json"]).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            let case = format!("{name}: {}", file.display());
            assert!(
                output.status.success() && error.is_empty(),
                "{case}: {:?} {error}",
                output.status
            );
            assert_eq!(folder.runs(), runs, "{case}");
            for aside in std::fs::read_dir(folder.path().join("state")).unwrap() {
                let aside = aside.unwrap().path();
                if aside.extension().is_some() {
                    std::fs::remove_dir_all(aside).unwrap();
                }
            }
        }
    }
    std::fs::remove_dir_all(&index).unwrap();
    assert_eq!(folder.runs(), runs, "gone");
    std::fs::remove_dir_all(&index).unwrap();
    std::fs::write(&index, "no folder").unwrap();
    assert_eq!(folder.runs(), runs, "a file in its place");
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap().to_owned()),
            }
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(file), target).unwrap();
    }
    std::fs::create_dir_all(to.join("blobs")).unwrap();
}
