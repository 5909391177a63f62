//! What the program tells of a run, for the tests that look into its steps.

use std::path::Path;

use serde_json::Value;

use crate::program::mailmedic;

/// The record of the newest run of `acme`.
pub(crate) fn record(folder: &Path) -> Value {
    let output = mailmedic(folder, &["show", "acme", "--json"]);
    let printed = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

/// One of its steps.
pub(crate) fn step<'a>(record: &'a Value, key: &str) -> &'a Value {
    let steps = record["steps"].as_array().unwrap();
    let found = steps.iter().find(|step| step["key"] == key);
    found.unwrap_or_else(|| panic!("no step {key} in {record:#}"))
}
