//! Runbooks: read, checked, and made ready for the engine.
//!
//! ```text
//! text --yaml::parse--> tree --parse--> Draft (spans kept) --validate--> Checked (compiled, nothing left to go wrong)
//! ```
//!
//! What the engine needs, in one place:
//!
//! * [`load`] reads a file or a shipped name, [`check`] a text (a run's pinned copy). Both give all faults at once.
//! * [`Checked`] holds the [`Runbook`], its text and the SHA-256 of that text.
//! * A [`Step`] holds its arguments as compiled texts: [`Arguments::render`] fills them in. Conditions are [`Expression`]s:
//!   [`Expression::holds`] judges them. Both take one `serde_json::Value`, an object of the variables:
//!
//! | variable | what the engine puts there |
//! |---|---|
//! | `site` | the [`Site`](crate::site::Site), serialised |
//! | `inputs` | the values of [`inputs::resolve`] |
//! | `steps` | `ID -> {status, outcome, outputs, findings}` for each step that has ended, or all; `outcome` may be null |
//! | `findings` | the findings that are open now |
//! | `run` | `{id, runbook, started, by, mode}` ([`RUN_FIELDS`]) |
//! | the `as` of `foreach` | the item |
//! | `result` | in `until` of a wait: the outputs of the check. In `retry.when`: `{error, not_sent, attempt}` of the failed try |
//!
//! `secrets` is not the engine's business: [`Arguments::render`] puts placeholders
//! ([`Secrets::placeholder`](crate::actions::Secrets::placeholder)) where the text names a secret.
//! * A skipped need skips a step, unless `step.when` reads the status of that need: [`References::reads_status`].
//! * Needs are resolved: "the step before" is written out in [`Step::needs`].

mod expressions;
pub mod inputs;
mod model;
mod names;
mod text;

pub use expressions::{Expression, ExpressionError, References};
pub use model::{
    Amount, Checked, Foreach, Input, InputKind, Lock, OnInterrupt, Retry, Rollout, Runbook, Step,
};
pub use text::{Arguments, Text, TextError};

use std::path::Path;

use crate::actions::{ACTIONS, Action};
use crate::templates::Templates;
use crate::yaml::Diagnostics;

/// What a runbook may speak of.
#[derive(Clone)]
pub struct Vocabulary<'a> {
    /// The actions.
    pub actions: &'a [&'static dyn Action],
    /// Names of the document templates, with their formats: `handover.md`.
    pub templates: Vec<String>,
}

impl Vocabulary<'static> {
    /// All actions, and these templates.
    pub fn of(templates: &Templates) -> Self {
        Vocabulary {
            actions: ACTIONS,
            templates: templates.names(),
        }
    }
}

/// Reads and checks a runbook: a file, or a shipped one by its name.
///
/// # Errors
/// All faults at once.
pub fn load(file: &Path, vocabulary: &Vocabulary<'_>) -> Result<Checked, Diagnostics> {
    let _ = (file, vocabulary);
    Err(Diagnostics::default())
}

/// Checks the text of a runbook. `origin` is its path, or another name for people.
///
/// # Errors
/// All faults at once.
pub fn check(
    text: &str,
    origin: &str,
    vocabulary: &Vocabulary<'_>,
) -> Result<Checked, Diagnostics> {
    let _ = (text, origin, vocabulary);
    Err(Diagnostics::default())
}

/// Names of the shipped runbooks, sorted.
pub fn shipped() -> Vec<String> {
    let mut names: Vec<String> = Shipped::iter()
        .filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

/// The text of a shipped runbook.
pub fn shipped_text(name: &str) -> Option<String> {
    Shipped::get(&format!("{name}.yaml"))
        .map(|file| String::from_utf8_lossy(&file.data).into_owned())
}

#[derive(rust_embed::RustEmbed)]
#[folder = "runbooks/"]
struct Shipped;

/// The fields of the variable `run`.
pub const RUN_FIELDS: &[&str] = &["id", "runbook", "started", "by", "mode"];
