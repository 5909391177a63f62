//! What is done with the records of runs: done again from a step on, checked, carried elsewhere, thrown away.
#![allow(clippy::unwrap_used)]

mod adopt;
mod agent;
mod beside;
mod damage;
mod disk;
mod lists;
mod names;
mod prune;
mod rerun;
mod torn;
mod verify;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with a site and a state folder, and the program in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.put(
            "acme.yaml",
            "id: acme\nname: Acme\ndomains: [acme.example]\n",
        );
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    fn command(&self) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_mailmedic"))
    }

    /// Another program, with the same surroundings.
    fn command_of(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("HOME", self.path())
            .env("MAILMEDIC_STATE", self.path().join("state"))
            .env("MAILMEDIC_BY", "tech")
            .current_dir(self.path());
        command
    }

    /// Runs the program; the exit code is as wanted. Gives what it said on both channels.
    fn says(&self, code: i32, line: &str) -> String {
        let words = line.split(' ').filter(|word| !word.is_empty());
        let output: Output = self.command().args(words).output().unwrap();
        let said =
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        said
    }

    fn json(&self, line: &str) -> Value {
        let words = line.split(' ');
        let output = self.command().arg("--json").args(words).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The ids of all runs, newest first.
    fn runs(&self) -> Vec<String> {
        let listed = self.json("runs");
        let runs = listed["runs"].as_array().unwrap().iter();
        runs.map(|run| run["run"].as_str().unwrap().to_owned())
            .collect()
    }

    fn journal(&self, run: &str) -> PathBuf {
        self.path().join(format!("state/runs/{run}.journal"))
    }
}
