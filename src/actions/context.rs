//! What an action is handed: the site, its arguments, the door to the world, and what the run knows so far.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::{ActionError, Args};
use crate::probes::Probes;
use crate::record::{Artifact, Finding, Given, StepState, Wait};
use crate::site::{SecretRef, Site};
use crate::templates::Templates;

/// Everything an action may use. Nothing else is global.
pub struct Context<'a> {
    /// The site this run is for. Only its hosts may be touched.
    pub site: &'a Site,
    /// The step's arguments, filled in; secrets are still placeholders.
    pub args: &'a Args,
    /// The door to the world.
    pub probes: &'a Probes,
    /// Where to say how far it is.
    pub progress: &'a dyn Progress,
    /// Where files are put.
    pub artifacts: &'a dyn ArtifactSink,
    /// Secrets of the runbook.
    pub secrets: &'a Secrets,
    /// What the run knows so far.
    pub facts: &'a dyn Facts,
    /// Document templates.
    pub templates: &'a Templates,
    /// Evaluates conditions (CEL) for gates.
    pub conditions: &'a dyn Conditions,
    /// Which step this is.
    pub step: StepInfo<'a>,
}

/// Which step of which run.
#[derive(Debug, Clone, Copy)]
pub struct StepInfo<'a> {
    /// The run's id.
    pub run: &'a str,
    /// The step's key.
    pub key: &'a str,
    /// 1 for the first try.
    pub attempt: u32,
    /// The same for every try of this step in this run.
    pub idempotency_key: &'a str,
    /// The wait that is over now, when the action is called again after one.
    pub wait: Option<&'a Wait>,
}

/// Where an action says how far it is. Never stored; shown on a terminal.
pub trait Progress: Sync {
    /// A sentence about what is going on: `asking 38 lists about 192.0.2.1`.
    fn note(&self, text: &str);
    /// So many of so many are done.
    fn count(&self, done: u64, of: u64);
}

/// Where an action puts files.
pub trait ArtifactSink: Sync {
    /// Stores the bytes under their digest, synced. The same bytes twice are one file.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn put(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, ActionError>;
}

/// What the run knows so far, read-only.
pub trait Facts: Sync {
    /// Findings that still stand.
    fn open_findings(&self) -> Vec<Finding>;
    /// The steps that have ended, oldest first.
    fn ended_steps(&self) -> Vec<&StepState>;
    /// A person's yes that this step needs: the answer to a step with action `approval` that its `needs` names, or theirs. A yes
    /// that nobody gave, because the time was over, is none.
    fn approval(&self, _step: &str) -> Option<&Given> {
        None
    }
    /// Outputs of the newest ended step of this action, if any.
    fn latest_outputs(&self, action: &str) -> Option<Value> {
        self.ended_steps()
            .iter()
            .rev()
            .find(|step| step.judging_action() == action && !step.outputs.is_empty())
            .map(|step| step.all_outputs())
    }
    /// The run's data for document templates: the view that reports are made from (`site`, `reverse`, `listings`, `notices`,
    /// ...), and `inputs`.
    fn values(&self) -> Value;
}

/// Evaluates conditions.
pub trait Conditions: Sync {
    /// The value of a CEL condition with `result` (the outputs of a repeated check) beside the run's own variables.
    ///
    /// # Errors
    /// When it cannot be compiled or evaluated, or is not true or false; the text says which.
    fn holds(&self, condition: &str, result: &Value) -> Result<bool, String>;
}

/// The secrets of a run: names and where they are kept. In arguments a secret is a placeholder (see
/// [`Secrets::placeholder`]); only [`Context::reveal`] turns it into its value, as late as possible.
#[derive(Debug, Clone, Default)]
pub struct Secrets(pub BTreeMap<String, SecretRef>);

/// The secret values that were read in this process, to be blotted out of everything that is written.
#[derive(Debug, Default)]
pub struct Vault(std::sync::Mutex<Vec<SecretString>>);

const OPEN: &str = "\u{e000}secret:";
const CLOSE: &str = "\u{e001}";

impl Secrets {
    /// The text that stands for a secret in arguments.
    pub fn placeholder(name: &str) -> String {
        format!("{OPEN}{name}{CLOSE}")
    }

    /// Replaces the placeholders in `text`.
    ///
    /// # Errors
    /// When a secret is not known or cannot be read. The message never holds a value.
    pub fn reveal(&self, text: &str) -> Result<SecretString, ActionError> {
        let mut revealed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(OPEN) {
            revealed.push_str(&rest[..start]);
            let after = &rest[start + OPEN.len()..];
            let Some(end) = after.find(CLOSE) else {
                return Err(ActionError::new(
                    "a secret's placeholder is damaged: use {{secrets.NAME}} alone",
                ));
            };
            let name = &after[..end];
            let place = self.0.get(name).ok_or_else(|| {
                ActionError::new(format!(
                    "the runbook has no secret '{name}': add it under 'secrets'"
                ))
            })?;
            let secret = read(place)?;
            // The secret alone is kept, not the text around it: that may be any word.
            Vault::of_process().keep(&secret);
            revealed.push_str(secret.expose_secret());
            rest = &after[end + CLOSE.len()..];
        }
        revealed.push_str(rest);
        Ok(SecretString::from(revealed))
    }
}

impl Vault {
    /// Remembers a value.
    pub fn keep(&self, value: &SecretString) {
        let mut values = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        // Very short values would blot out ordinary text.
        if value.expose_secret().len() >= 4
            && !values
                .iter()
                .any(|known| known.expose_secret() == value.expose_secret())
        {
            values.push(value.clone());
        }
    }

    /// `text` with every known secret replaced by `[secret]`.
    pub fn redact(&self, text: &str) -> String {
        let values = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        values.iter().fold(text.to_owned(), |text, value| {
            text.replace(value.expose_secret(), "[secret]")
        })
    }

    /// `value` with every known secret in its texts replaced.
    pub fn redact_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.redact(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.redact_value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.redact_value(item)),
            _ => {}
        }
    }

    /// True when there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .is_empty()
    }
}

fn read(place: &SecretRef) -> Result<SecretString, ActionError> {
    place
        .read()
        .map_err(|error| ActionError::because("cannot read a secret", error).nothing_sent())
}

impl Context<'_> {
    /// The value behind an argument that may hold secret placeholders.
    ///
    /// # Errors
    /// When a secret is not known or cannot be read.
    pub fn reveal(&self, text: &str) -> Result<SecretString, ActionError> {
        self.secrets.reveal(text)
    }

    /// Reads a secret that the site file refers to.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn secret(&self, place: &SecretRef) -> Result<SecretString, ActionError> {
        read(place).inspect(|value| Vault::of_process().keep(value))
    }

    /// The present moment.
    pub fn now(&self) -> jiff::Timestamp {
        self.probes.clock.now()
    }

    /// A moment from now.
    ///
    /// # Errors
    /// When it lies beyond the calendar.
    pub fn later(&self, by: std::time::Duration) -> Result<jiff::Timestamp, ActionError> {
        self.now()
            .checked_add(by)
            .map_err(|error| ActionError::because("cannot wait that long", error))
    }

    /// Refuses a host that does not belong to the site.
    ///
    /// # Errors
    /// When the site file does not name it.
    pub fn allow_host(&self, host: &str) -> Result<(), ActionError> {
        if self.site.knows_host(host) {
            return Ok(());
        }
        Err(ActionError::new(format!(
            "{host} is not a host of site '{}': name it in the site file (servers, smarthost, probe or allow_hosts)",
            self.site.id
        ))
        .nothing_sent())
    }
}

impl Vault {
    /// The one vault of this process: a secret read by any run must never show in any other.
    pub fn of_process() -> &'static Vault {
        static VAULT: std::sync::LazyLock<Vault> = std::sync::LazyLock::new(Vault::default);
        &VAULT
    }
}
