//! What a run is planned to be: its steps before they begin, what they do to the world, and what keeps other runs out.

use serde::{Deserialize, Serialize};

/// What an action does to the world, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Only looks.
    Probe,
    /// Writes our own files.
    Local,
    /// Others notice: a message, a form, a call.
    External,
}

impl Effect {
    /// The word used in files and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Probe => "probe",
            Effect::Local => "local",
            Effect::External => "external",
        }
    }
}

/// How a run treats effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything is really done.
    Run,
    /// Probes are really done, every other effect is left out.
    Check,
}

/// What may not be open at the same time as a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunLock {
    /// Another run of the same runbook for the same site.
    #[default]
    Runbook,
    /// Any other run for the same site that holds a lock itself.
    Site,
    /// Nothing: the run only looks.
    Nothing,
}

impl RunLock {
    /// Do two open runs of one site keep each other out? `same`: they are of the same runbook.
    pub fn keeps_out(self, other: RunLock, same: bool) -> bool {
        match (self, other) {
            (RunLock::Nothing, _) | (_, RunLock::Nothing) => false,
            (RunLock::Site, _) | (_, RunLock::Site) => true,
            (RunLock::Runbook, RunLock::Runbook) => same,
        }
    }
}

/// Which part of the runbook a step belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// `steps`.
    Steps,
    /// `verify`: a step run a second time at the end.
    Verify,
    /// `on_failure`.
    OnFailure,
    /// `finally`.
    Finally,
}

/// One step as the plan saw it when the run was created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Unique in the run: the step's id, or `verify:ID`.
    pub key: String,
    /// Name for people; the id where the runbook gives none.
    pub title: String,
    /// Why the step is there, from the runbook's `description`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The action's name.
    pub action: String,
    /// For `wait` with a check: the action that it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What it does to the world.
    pub effect: Effect,
    /// Part of the runbook.
    pub section: Section,
    /// Keys of the steps it waits for.
    pub needs: Vec<String>,
}
