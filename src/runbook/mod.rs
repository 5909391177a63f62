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

mod arguments;
mod draft;
mod expressions;
mod graph;
pub mod inputs;
mod limits;
mod model;
mod names;
mod parse;
mod schema;
mod shape;
mod text;
mod typing;
mod validate;
mod wait;

pub use expressions::{Expression, ExpressionError, References};
pub use model::{
    Amount, Checked, Foreach, Input, InputKind, Lock, OnInterrupt, Retry, Rollout, Runbook, Step,
};
pub use schema::schema;
pub use text::{Arguments, Text, TextError};

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::actions::{ACTIONS, Action};
use crate::templates::Templates;
use crate::yaml::{self, Diagnostic, Diagnostics, Reader, SourceFile};

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
/// All faults at once; also when there is no such file and no such name.
pub fn load(file: &Path, vocabulary: &Vocabulary<'_>) -> Result<Checked, Diagnostics> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => {
            // In full: a run may be taken up from any folder, and look there for a changed text.
            let full = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
            Ok(Checked {
                origin: full.display().to_string(),
                ..check(&text, &name, vocabulary)?
            })
        }
        Err(error) => match shipped_text(&name) {
            Some(text) => check(&text, &name, vocabulary),
            None => {
                let known = shipped();
                let hint = yaml::hint(&name, known.iter().map(String::as_str));
                Err(Diagnostics::one(Diagnostic::of_file(
                    &SourceFile::new(&name, ""),
                    format!("cannot read the runbook: {error}"),
                    &format!("name a file, or a shipped runbook ({hint})"),
                )))
            }
        },
    }
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
    let file = SourceFile::new(origin, text);
    let node = yaml::parse(&file)?;
    let mut reader = Reader::new(&file);
    let runbook = parse::parse(&mut reader, &node)
        .map(|draft| validate::validate(&mut reader, draft, vocabulary));
    match runbook {
        Some(runbook) if reader.is_clean() => Ok(Checked {
            runbook: Arc::new(runbook),
            text: text.into(),
            digest: digest(text),
            origin: origin.to_owned(),
        }),
        _ => Err(reader.finish()),
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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

#[cfg(test)]
mod tests;

/// The fields of the variable `run`.
pub const RUN_FIELDS: &[&str] = &["id", "runbook", "started", "by", "mode"];
