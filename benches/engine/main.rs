//! How fast the engine is, beside what the disk itself takes: `cargo bench --bench engine`, see README.md in this folder.
//!
//! Each figure is the median of several turns, in each of which the floor and the program are measured one after the other, so
//! that a busy disk slows both. Nothing passes or fails here: a time is never a test.
#![allow(clippy::unwrap_used)]

mod cases;
mod floor;
mod program;

use std::io::Write;
use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let mut wanted = Vec::new();
    let mut bench = cases::Bench {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_mailmedic")),
        folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench"),
        turns: 7,
    };
    while let Some(word) = arguments.next() {
        match word.as_str() {
            "--turns" => bench.turns = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(7),
            "--program" => bench.binary = arguments.next().map(PathBuf::from).unwrap(),
            "--dir" => bench.folder = arguments.next().map(PathBuf::from).unwrap().join("bench"),
            _ => wanted.push(word),
        }
    }
    std::fs::create_dir_all(&bench.folder).unwrap();
    let mut out = std::io::stdout();
    for (name, what, case) in cases::CASES {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            writeln!(out, "{name}: {what}").unwrap();
            for line in case(&bench) {
                writeln!(out, "    {line}").unwrap();
            }
        }
    }
    std::fs::remove_dir_all(&bench.folder).unwrap();
}
