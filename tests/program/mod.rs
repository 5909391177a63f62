//! The program as a technician starts it beside a practice world: in a folder of its own, with nothing of this machine's
//! environment.

use std::path::Path;
use std::process::{Command, Output};

/// Starts it and waits for its end; the world goes on meanwhile, so the runtime must have two threads.
pub(crate) fn mailmedic(folder: &Path, arguments: &[&str]) -> Output {
    tokio::task::block_in_place(|| {
        Command::new(env!("CARGO_BIN_EXE_mailmedic"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder)
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap()
    })
}
