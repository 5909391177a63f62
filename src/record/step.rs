//! One step of a run as its events have left it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Artifact, Decision, Finding, PlannedStep, WaitKind};

/// How an attempt ended: the four verdicts of a check, and the two ways to end without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// Done, and good.
    Good,
    /// Done, and something is wrong with the site.
    Finding,
    /// Done, but it could not be told.
    Unknown,
    /// There was nothing to do.
    NotApplicable,
    /// The step itself did not work.
    Failed,
    /// A person said no.
    Rejected,
}

impl StepOutcome {
    /// The word used in files and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            StepOutcome::Good => "good",
            StepOutcome::Finding => "finding",
            StepOutcome::Unknown => "unknown",
            StepOutcome::NotApplicable => "not_applicable",
            StepOutcome::Failed => "failed",
            StepOutcome::Rejected => "rejected",
        }
    }

    /// True when steps that need this one may go on.
    pub fn lets_dependants_go(self) -> bool {
        !matches!(self, StepOutcome::Failed | StepOutcome::Rejected)
    }
}

impl From<super::Verdict> for StepOutcome {
    fn from(verdict: super::Verdict) -> Self {
        match verdict {
            super::Verdict::Good => StepOutcome::Good,
            super::Verdict::Finding => StepOutcome::Finding,
            super::Verdict::Unknown => StepOutcome::Unknown,
            super::Verdict::NotApplicable => StepOutcome::NotApplicable,
        }
    }
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// Approval, manual task, time or retry.
    pub kind: WaitKind,
    /// One sentence for people.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When to look again.
    pub wake: Option<Timestamp>,
    /// When waiting ends for good.
    pub deadline: Option<Timestamp>,
    /// What the action left to be found again.
    pub memo: Value,
}

impl Wait {
    /// When it must be looked at again, if a date is awaited.
    pub fn next_look(&self) -> Option<Timestamp> {
        match (self.wake, self.deadline) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

/// A decision as it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// What.
    pub decision: Decision,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In their words.
    pub note: Option<String>,
    /// Files they gave.
    pub evidence: Vec<Artifact>,
    /// Answers to the form.
    pub values: Map<String, Value>,
    /// Name that the sender gave to the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Where a step stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Not begun.
    Pending,
    /// Unfolded by `foreach`; its instances carry the work.
    Unfolded,
    /// An attempt has begun and has not ended.
    Running,
    /// Waits for a date or a person.
    Waiting(Box<Wait>),
    /// An attempt began and its process went away. `ask`: a person must resolve it.
    Interrupted {
        /// Must a person say what became of it?
        ask: bool,
    },
    /// Ended.
    Finished {
        /// How.
        outcome: StepOutcome,
        /// A failure that the runbook tolerates.
        tolerated: bool,
    },
    /// Left out.
    Skipped {
        /// Why.
        reason: String,
    },
}

/// A step and all that is known about it. A run may have a hundred thousand, so what few of them have is kept apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// As planned.
    pub plan: PlannedStep,
    /// For an instance of a `foreach` step: the key of that step.
    #[serde(default)]
    pub parent: Option<String>,
    /// For an instance of a `foreach` step: its item.
    #[serde(default)]
    pub item: Option<Value>,
    /// Where it stands.
    pub status: StepStatus,
    /// The run whose result this is, where it was taken over from an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<String>,
    /// Tries begun so far.
    #[serde(default)]
    pub attempts: u32,
    /// Times a process found it interrupted.
    #[serde(default)]
    pub interruptions: u32,
    /// When the first try began.
    #[serde(default)]
    pub started: Option<Timestamp>,
    /// When it ended or was left out.
    #[serde(default)]
    pub finished: Option<Timestamp>,
    /// Sequence number of the event that ended it.
    #[serde(default)]
    pub finished_seq: Option<u64>,
    /// What it found out.
    #[serde(default)]
    pub outputs: Arc<Map<String, Value>>,
    /// Facts about the site.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// What was really judged.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// Files written.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// Why it failed, why its last try failed, or why a person must say what became of it.
    #[serde(default)]
    pub error: Option<String>,
    /// Is it proven that its failed attempt had sent nothing?
    #[serde(default)]
    pub not_sent: bool,
    /// The wait from which the present attempt goes on: an attempt that is interrupted goes on from it again, so that its
    /// deadline and what it had seen stay as they were.
    #[serde(default)]
    pub resumed: Option<Box<Wait>>,
    /// What a person decided about it.
    #[serde(default)]
    pub given: Option<Box<Given>>,
    /// The question or task as it was last shown, kept after the answer.
    #[serde(default)]
    pub asked: Option<Box<WaitKind>>,
}

impl StepState {
    /// A step that has not begun.
    pub fn new(plan: PlannedStep) -> Self {
        StepState {
            plan,
            parent: None,
            item: None,
            status: StepStatus::Pending,
            inherited: None,
            attempts: 0,
            interruptions: 0,
            started: None,
            finished: None,
            finished_seq: None,
            outputs: Arc::default(),
            findings: Vec::new(),
            subjects: Vec::new(),
            artifacts: Vec::new(),
            error: None,
            not_sent: false,
            resumed: None,
            given: None,
            asked: None,
        }
    }

    /// One item of a `foreach` step, not begun.
    pub(super) fn instance(plan: &PlannedStep, key: &str, item: Value) -> Self {
        let instance = PlannedStep {
            key: format!("{}[{key}]", plan.key),
            title: format!("{} ({key})", plan.title),
            ..plan.clone()
        };
        StepState {
            parent: Some(plan.key.clone()),
            item: Some(item),
            ..StepState::new(instance)
        }
    }

    /// The same result in another run, whose first event was `seq`.
    pub(super) fn inherit(self, plan: PlannedStep, seq: u64) -> Self {
        StepState {
            plan,
            finished_seq: self.finished_seq.map(|_| seq),
            ..self
        }
    }

    /// All that it found out, copied.
    pub fn all_outputs(&self) -> Value {
        Value::Object((*self.outputs).clone())
    }

    /// By this, steps are in the order in which they ended.
    pub fn end_order(&self) -> (Option<u64>, Option<Timestamp>) {
        (self.finished_seq, self.finished)
    }

    /// The action whose findings this step can settle: the repeated check of a `wait`, else its own.
    pub fn judging_action(&self) -> &str {
        self.plan.check.as_deref().unwrap_or(&self.plan.action)
    }

    /// True when nothing more happens to it.
    pub fn is_settled(&self) -> bool {
        matches!(
            self.status,
            StepStatus::Finished { .. } | StepStatus::Skipped { .. }
        )
    }

    /// The word of its status: `pending`, `running`, `waiting`, `interrupted`, `done`, `failed`, `tolerated`, `rejected`,
    /// `skipped`. This is what `steps.ID.status` is in an expression.
    pub fn status_word(&self) -> &'static str {
        match &self.status {
            StepStatus::Pending => "pending",
            StepStatus::Unfolded | StepStatus::Running => "running",
            StepStatus::Waiting(_) => "waiting",
            StepStatus::Interrupted { .. } => "interrupted",
            StepStatus::Skipped { .. } => "skipped",
            StepStatus::Finished {
                tolerated: true, ..
            } => "tolerated",
            StepStatus::Finished { outcome, .. } => match outcome {
                StepOutcome::Failed => "failed",
                StepOutcome::Rejected => "rejected",
                _ => "done",
            },
        }
    }

    /// How it ended, if it ended.
    pub fn outcome(&self) -> Option<StepOutcome> {
        match self.status {
            StepStatus::Finished { outcome, .. } => Some(outcome),
            _ => None,
        }
    }
}
