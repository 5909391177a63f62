//! The events of a run. State is nothing but their fold (see [`super::state`]).
//!
//! One event is one line of JSON in the journal. The names and shapes are an interface: new kinds and optional fields may
//! be added, nothing is renamed. [`SCHEMA`] grows when a reader of an older version could misread a newer file.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Artifact, Effect, Finding, Mode, PinnedSite, PlannedStep, RunLock, StepOutcome, StepState,
};

/// Version of the event format, written into each event.
pub const SCHEMA: u32 = 1;

/// One appended, synced record of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Format version, see [`SCHEMA`].
    pub v: u32,
    /// Position in the run, from 1 without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Who caused it: `engine`, or the name given with `--by`.
    pub actor: String,
    /// Hash of the event before, see [`super::hash`]; all zeros for the first.
    pub prev: String,
    /// What happened.
    pub event: EventKind,
}

/// The same, borrowed, for writing.
#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    seq: u64,
    at: Timestamp,
    actor: &'a str,
    prev: &'a str,
    event: &'a EventKind,
}

/// An event before the store has given it its place in the run.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Who caused it.
    pub actor: String,
    /// What happened.
    pub event: EventKind,
}

impl NewEvent {
    /// Writes the line of JSON that this event is at a place in the run: after the event whose hash is `prev`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_line(
        &self,
        out: impl std::io::Write,
        seq: u64,
        prev: &str,
    ) -> Result<(), serde_json::Error> {
        let line = Line {
            v: SCHEMA,
            seq,
            at: self.at,
            actor: &self.actor,
            prev,
            event: &self.event,
        };
        serde_json::to_writer(out, &line)
    }

    /// The event at its place in the run.
    pub fn placed(self, seq: u64, prev: String) -> Event {
        Event {
            v: SCHEMA,
            seq,
            at: self.at,
            actor: self.actor,
            prev,
            event: self.event,
        }
    }
}

/// The first event of a run: everything it needs to be resumed and reported later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunCreated {
    /// The run's id.
    pub run: String,
    /// Name of the runbook.
    pub runbook: String,
    /// The runbook's text, pinned: a changed file does not change a run in flight.
    pub runbook_text: Arc<str>,
    /// SHA-256 of that text.
    pub runbook_digest: String,
    /// Where it was read from, to be looked at again by `resume --adopt`: a full path, or the name of a shipped runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook_origin: Option<String>,
    /// What may not be open at the same time.
    #[serde(default)]
    pub lock: RunLock,
    /// Checked inputs.
    pub inputs: Map<String, Value>,
    /// Id of the site.
    pub site: String,
    /// The site's data at that time, without secrets.
    pub site_snapshot: PinnedSite,
    /// Version of the program.
    pub tool: String,
    /// Real run or check run.
    pub mode: Mode,
    /// True when the site is a laboratory: its documents say so.
    pub laboratory: bool,
    /// The run this one repeats, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The steps whose results are taken over from that run, as they stood there. One event with the beginning of the run: a
    /// crash must not leave a run that does everything again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherited: Vec<StepState>,
    /// The fleet run it belongs to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<String>,
    /// Template of the final report, as the runbook names it.
    pub report_template: String,
    /// The steps in the order of the runbook.
    pub steps: Vec<PlannedStep>,
}

/// What a waiting step waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// A person must agree.
    Approval {
        /// The question, as asked.
        prompt: String,
        /// Who may answer; empty: anybody.
        approvers: Vec<String>,
        /// May the person who started the run answer?
        self_approval: bool,
    },
    /// A person must do something by hand.
    Manual {
        /// What to do, as shown.
        instructions: String,
        /// Must evidence (a note or a file) be given?
        evidence_required: bool,
        /// Questions to be answered with it: name -> question.
        form: Map<String, Value>,
    },
    /// A date, or a check that is repeated until it holds.
    Time,
    /// The next try of a failed attempt.
    Retry,
}

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes to an approval.
    Approve,
    /// No to an approval.
    Reject,
    /// A manual task was done.
    Done,
    /// A person has done by hand what the step would have done.
    ByHand,
    /// The step is left out.
    Skip,
    /// What became of an interrupted external step.
    Resolve(Resolution),
}

/// What became of an interrupted external step, as a person found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It did happen.
    Done,
    /// It did not happen, and is not wanted any more: the step failed.
    NotDone,
    /// Do it again.
    Rerun,
    /// Leave the step out.
    Skip,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunConclusion {
    /// All steps done, nothing open.
    Healthy,
    /// All steps done, findings still open.
    FindingsOpen,
    /// A step failed.
    Failed,
    /// Somebody called it off.
    Cancelled,
}

impl RunConclusion {
    /// The word used in files and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            RunConclusion::Healthy => "healthy",
            RunConclusion::FindingsOpen => "findings_open",
            RunConclusion::Failed => "failed",
            RunConclusion::Cancelled => "cancelled",
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The run exists from here on.
    RunCreated(Arc<RunCreated>),
    /// A process took the run up (again).
    ExecutorStarted {
        /// Process id.
        pid: u32,
        /// Host name.
        host: String,
        /// Version of the program.
        tool: String,
        /// Bytes of a torn end that were cut off the journal; they are kept beside it.
        #[serde(default, skip_serializing_if = "is_zero")]
        torn: u64,
    },
    /// The workspace's own `lists.yaml`, as the process has it that took the run up. It is not pinned: which lists are alive and
    /// how they may be asked is true today or not at all, as is the catalogue of a newer program.
    ListsInForce {
        /// SHA-256 of the file, under which it is kept; `None` when there is none.
        digest: Option<String>,
        /// Another one than when the run was last worked on.
        changed: bool,
    },
    /// A changed runbook goes on in place of the one before. Steps that were recorded keep what they are.
    Adopted {
        /// The new text.
        runbook_text: Arc<str>,
        /// SHA-256 of that text.
        runbook_digest: String,
        /// Where it was read from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runbook_origin: Option<String>,
        /// Inputs, with those that the new text asks for in addition.
        inputs: Map<String, Value>,
        /// Template of the final report.
        report_template: String,
        /// The steps in the order of the new text.
        steps: Vec<PlannedStep>,
        /// Who adopted it.
        by: String,
        /// In their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A `foreach` step was unfolded; its instances are `KEY[ITEM]`.
    Unfolded {
        /// The step.
        step: String,
        /// Item key -> item, in order.
        items: Map<String, Value>,
    },
    /// An attempt is about to act.
    StepStarted {
        /// The step.
        step: String,
        /// 1 for the first try.
        attempt: u32,
        /// What it will do to the world.
        effect: Effect,
        /// SHA-256 of the rendered arguments.
        input: String,
        /// The same for every try of this step in this run: receivers may use it to tell a repeat.
        idempotency_key: String,
    },
    /// An attempt ended; the outcome may be a failure.
    StepFinished {
        /// The step.
        step: String,
        /// Which try.
        attempt: u32,
        /// How it ended.
        outcome: StepOutcome,
        /// True when the runbook says `continue_on_error` and the outcome is a failure.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tolerated: bool,
        /// What the action found out, by output name.
        outputs: Arc<Map<String, Value>>,
        /// Facts about the site.
        findings: Vec<Finding>,
        /// The subjects that were really judged: a later finding of the same action is settled only by these.
        subjects: Vec<String>,
        /// Files written.
        artifacts: Vec<Artifact>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// True when it failed and it is proven that nothing had been sent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        not_sent: bool,
        /// How long it took.
        ms: u64,
    },
    /// The step is not carried out.
    StepSkipped {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// A try failed and another one follows.
    AttemptFailed {
        /// The step.
        step: String,
        /// Which try failed.
        attempt: u32,
        /// Why.
        error: String,
    },
    /// The step waits, maybe for days; the process may end.
    Waiting {
        /// The step.
        step: String,
        /// Which try.
        attempt: u32,
        /// For what.
        kind: WaitKind,
        /// One sentence for people.
        reason: String,
        /// When to look again. `None`: only a decision goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wake: Option<Timestamp>,
        /// When waiting ends for good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deadline: Option<Timestamp>,
        /// What the action wants to find again when it goes on.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        memo: Value,
    },
    /// A person decided.
    Decided {
        /// The step.
        step: String,
        /// What.
        decision: Decision,
        /// Who.
        by: String,
        /// In their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Files they gave.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        evidence: Vec<Artifact>,
        /// Answers to the form of a manual task.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        values: Map<String, Value>,
        /// Name that the sender gave to this command, so that it can be sent twice and is taken once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// A process that took the run up found this attempt without an end.
    StepInterrupted {
        /// The step.
        step: String,
        /// Which try.
        attempt: u32,
        /// True when the step needs a person (`resolve`) before it goes on.
        ask: bool,
        /// Why a person is needed, or what a look at it could not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The process was told to stop.
    Interrupted {
        /// By what: `SIGTERM`, `Ctrl-C`.
        reason: String,
    },
    /// Somebody called the run off.
    Cancelled {
        /// Who.
        by: String,
        /// In their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Nothing more happens.
    RunFinished {
        /// How it ended.
        conclusion: RunConclusion,
    },
    /// A report was written.
    ReportWritten {
        /// Where.
        path: String,
        /// SHA-256 of its bytes.
        digest: String,
        /// Which template.
        template: String,
        /// `md`, `html`, `json`, ...
        format: String,
    },
}

impl EventKind {
    /// The key of the step that it is about.
    pub fn step(&self) -> Option<&str> {
        match self {
            EventKind::Unfolded { step, .. }
            | EventKind::StepStarted { step, .. }
            | EventKind::StepFinished { step, .. }
            | EventKind::StepSkipped { step, .. }
            | EventKind::AttemptFailed { step, .. }
            | EventKind::Waiting { step, .. }
            | EventKind::Decided { step, .. }
            | EventKind::StepInterrupted { step, .. } => Some(step),
            EventKind::RunCreated(_)
            | EventKind::ExecutorStarted { .. }
            | EventKind::ListsInForce { .. }
            | EventKind::Interrupted { .. }
            | EventKind::Adopted { .. }
            | EventKind::Cancelled { .. }
            | EventKind::RunFinished { .. }
            | EventKind::ReportWritten { .. } => None,
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
