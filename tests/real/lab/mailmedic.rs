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

impl Answer {
    /// The value at a JSON pointer (RFC 6901).
    ///
    /// # Panics
    /// When there is none; the message shows all that was printed.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        self.json
            .pointer(pointer)
            .unwrap_or_else(|| panic!("nothing at {pointer} in\n{}", self.printed))
    }

    /// The text at a JSON pointer.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        let value = self.at(pointer);
        value
            .as_str()
            .unwrap_or_else(|| panic!("no text at {pointer}, but {value}"))
    }

    /// The first element of the array at `pointer` whose `key` is `value`.
    pub(crate) fn find(&self, pointer: &str, key: &str, value: &str) -> &Value {
        let all = self.at(pointer).as_array();
        all.and_then(|all| all.iter().find(|one| one[key] == value))
            .unwrap_or_else(|| panic!("no {key} {value} at {pointer} in\n{}", self.printed))
    }

    /// The codes of all findings, in order.
    pub(crate) fn findings(&self) -> Vec<&str> {
        let all = self.at("/findings").as_array();
        all.into_iter()
            .flatten()
            .filter_map(|finding| finding["code"].as_str())
            .collect()
    }

    /// Asserts the outcome and the exit code that belongs to it.
    pub(crate) fn assert_outcome(&self, outcome: &str) {
        assert_eq!(self.text("/outcome"), outcome, "{}", self.printed);
        let code = match outcome {
            "good" | "not_applicable" => 0,
            _ => 4,
        };
        assert_eq!(self.code, code, "{}", self.printed);
        assert_eq!(self.text("/schema"), "mailmedic.probe/1");
    }
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
