//! Rules as data: `tests/cases/FOLDER/*.case` hold a file with a fault, what is said about it, and the file as it should be.
//! `UPDATE_CASES=1` writes down what is said now.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::Diagnostics;

const SAID: &str = "\n===== is told\n";
const INSTEAD: &str = "\n===== instead\n";

/// Holds all cases of a folder against `check`.
pub(crate) fn hold(folder: &str, at_least: usize, check: impl Fn(&str) -> Result<(), Diagnostics>) {
    let files = files(folder);
    assert!(files.len() >= at_least, "only {} cases", files.len());
    let mut wrong = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let case = std::fs::read_to_string(&path).unwrap();
        let (faulty, rest) = case.split_once(SAID).unwrap();
        let (expected, good) = rest.split_once(INSTEAD).unwrap();
        let said = match check(faulty) {
            Ok(()) => {
                wrong.push(format!("{name}: the fault is not found"));
                continue;
            }
            Err(faults) => faults.render(false, 100).trim_end().to_owned(),
        };
        if said != expected && std::env::var_os("UPDATE_CASES").is_some() {
            std::fs::write(&path, format!("{faulty}{SAID}{said}{INSTEAD}{good}")).unwrap();
        } else if said != expected {
            wrong.push(format!("{name} says\n{said}\ninstead of\n{expected}"));
        }
        if let Err(faults) = check(good) {
            wrong.push(format!(
                "{name}: the good file is refused\n{}",
                faults.render(false, 100)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The files as they should be, with the names of their cases.
pub(crate) fn good(folder: &str) -> Vec<(String, String)> {
    files(folder)
        .into_iter()
        .map(|path| {
            let case = std::fs::read_to_string(&path).unwrap();
            let (_, good) = case.split_once(INSTEAD).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, good.to_owned())
        })
        .collect()
}

/// The file with a fault of one case.
pub(crate) fn faulty(folder: &str, name: &str) -> String {
    let path = root().join(folder).join(format!("{name}.case"));
    let case = std::fs::read_to_string(path).unwrap();
    case.split_once(SAID).unwrap().0.to_owned()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "case"))
        .collect();
    files.sort();
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}
