//! A workspace with sites and one runbook, and the program called in it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// A folder with these sites, each with its tags, and one runbook.
    pub(crate) fn new(sites: &[(&str, &str)], runbook: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sites")).unwrap();
        for (site, tags) in sites {
            let text = format!(
                "id: {site}\nname: Site {site}\ntags: [{tags}]\nlaboratory: true\ndomains: [{site}.example]\nallow_hosts: [127.0.0.1]\n"
            );
            std::fs::write(folder.path().join(format!("sites/{site}.yaml")), text).unwrap();
        }
        let text = format!("version: 1\nname: book\n{runbook}");
        std::fs::write(folder.path().join("book.yaml"), text).unwrap();
        Desk { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailmedic"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("MAILMEDIC_BY", "tester")
            .args(["--state", "state"])
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn run(&self, more: &[&str]) -> Output {
        let arguments = [&["run", "book.yaml", "--sites", "sites"], more].concat();
        self.call(&arguments)
    }

    pub(crate) fn fleet(&self) -> String {
        let entry = std::fs::read_dir(self.path().join("state/fleets"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let name = entry.file_name().into_string().unwrap();
        name.strip_suffix(".fleet").unwrap().to_owned()
    }

    /// Site -> where it stands.
    pub(crate) fn standings(&self) -> BTreeMap<String, String> {
        let output = self.call(&["status", &self.fleet(), "--json"]);
        let view: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = view["sites"].as_array().unwrap().iter();
        rows.map(|row| {
            (
                row["site"].as_str().unwrap().to_owned(),
                row["state"]["code"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
    }

    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path().join("state/runs")).into_iter();
        entries
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "journal"))
            .collect()
    }

    pub(crate) fn events(&self) -> usize {
        let journals = self.journals().into_iter();
        journals
            .filter_map(|path| std::fs::read(path).ok())
            .map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
            .sum()
    }

    pub(crate) fn verify_all(&self) {
        for path in self.journals() {
            let run = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let output = self.call(&["verify", &run]);
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn wait_for(what: &str, child: &mut Child, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        if child.try_wait().unwrap().is_some() {
            let mut said = String::new();
            child
                .stdout
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("ended before: {what}: {said}");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
