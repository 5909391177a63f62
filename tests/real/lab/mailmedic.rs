//! The program under test, run on the client's side.

use std::process::Output;

use serde_json::Value;

use super::{Lab, Side};

/// What one run of mailmedic gave.
pub(crate) struct Answer {
    /// Exit code.
    pub(crate) code: i32,
    /// What it printed, as JSON.
    pub(crate) json: Value,
    /// Both streams as they were, for the message of a failed assertion.
    pub(crate) printed: String,
}

impl Lab {
    /// Runs `mailmedic probe ACTION --site SITE --json` with further arguments; the answer must be JSON.
    pub(crate) fn probe(&self, action: &str, site: &str, with: &[&str]) -> Answer {
        let site = self.write(format!("sites/{}.yaml", site_id(site)), site);
        let mut arguments = vec!["probe", action, "--site", site.to_str().unwrap(), "--json"];
        for one in with {
            arguments.extend(["--with", *one]);
        }
        let Output {
            status,
            stdout,
            stderr,
        } = self.mailmedic(&arguments);
        let printed = format!(
            "{}\n{}",
            String::from_utf8_lossy(&stdout),
            String::from_utf8_lossy(&stderr)
        );
        let json = serde_json::from_slice(&stdout).unwrap_or_else(|e| {
            panic!(
                "mailmedic {arguments:?} ended with {status} and printed no JSON ({e}):\n{printed}"
            )
        });
        Answer {
            code: status.code().unwrap_or(-1),
            json,
            printed,
        }
    }

    /// Runs mailmedic with an environment that holds nothing but a home and a state folder of this laboratory.
    pub(crate) fn mailmedic(&self, arguments: &[&str]) -> Output {
        self.network
            .command(Side::Client, env!("CARGO_BIN_EXE_mailmedic"))
            .args(arguments)
            .env("HOME", self.path("home"))
            .env("MAILMEDIC_STATE", self.path("state"))
            .current_dir(self.folder.path())
            .output()
            .unwrap_or_else(|e| panic!("cannot run mailmedic: {e}"))
    }
}

fn site_id(site: &str) -> &str {
    site.lines()
        .find_map(|line| line.strip_prefix("id: "))
        .expect("a site begins with its id")
}
