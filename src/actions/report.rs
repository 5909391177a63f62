//! What an action gives back: a report, a wait, or the reason why it did not work.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::ArgumentError;
use crate::record::{Artifact, Finding, StepOutcome, Verdict, WaitKind};

/// What happens next.
#[derive(Debug)]
pub enum Next {
    /// The step is done.
    Done(Box<Report>),
    /// The step waits; the process may end.
    Wait(Box<WaitFor>),
}

impl From<Report> for Next {
    fn from(report: Report) -> Self {
        Next::Done(Box::new(report))
    }
}

impl From<WaitFor> for Next {
    fn from(wait: WaitFor) -> Self {
        Next::Wait(Box::new(wait))
    }
}

/// What a look at an interrupted attempt tells.
#[derive(Debug)]
pub enum Reconciled {
    /// It was done; this is what is known of it.
    Done(Box<Report>),
    /// It was not done: it may be done again.
    NotDone,
    /// Why it cannot be told. A person is asked.
    CannotTell(String),
}

/// What an action found out or did.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// How it ended.
    pub outcome: StepOutcome,
    /// Outputs by name.
    pub outputs: Map<String, Value>,
    /// Facts about the site.
    pub findings: Vec<Finding>,
    /// The subjects that were really judged; "could not tell" is not among them. See `RunState::open_findings`.
    pub subjects: Vec<String>,
    /// Files written.
    pub artifacts: Vec<Artifact>,
}

impl Report {
    /// An empty report with this verdict.
    pub fn new(verdict: Verdict) -> Self {
        Report {
            outcome: verdict.into(),
            outputs: Map::new(),
            findings: Vec::new(),
            subjects: Vec::new(),
            artifacts: Vec::new(),
        }
    }

    /// Sets an output. What cannot be serialised becomes null; our own types always can.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        self.set(name, value);
        self
    }

    /// Sets an output.
    pub fn set(&mut self, name: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.outputs.insert(name.to_owned(), value);
    }
}

/// A step that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitFor {
    /// For what.
    pub kind: WaitKind,
    /// One sentence for people.
    pub reason: String,
    /// When to call the action again; `None`: only a decision goes on.
    pub wake: Option<Timestamp>,
    /// When waiting ends for good; the action is called once more then.
    pub deadline: Option<Timestamp>,
    /// What the action wants to find again in `StepInfo::wait`.
    pub memo: Value,
    /// What is known already, for a caller that cannot wait: an ad hoc probe, a check that is repeated anyway.
    pub so_far: Option<Box<Report>>,
}

/// Why a step did not work. Not a verdict about the site.
#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    /// An argument does not fit.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// Something else, with what was being done; the message ends with a next step where there is one.
    #[error("{doing}")]
    Failed {
        /// What was being done, and what to do about it.
        doing: String,
        /// Why it did not work.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
        /// True when it is proven that nothing left this machine: a retry of an external step may rely on it.
        not_sent: bool,
    },
}

impl ActionError {
    /// A failure in plain words.
    pub fn new(doing: impl Into<String>) -> Self {
        ActionError::Failed {
            doing: doing.into(),
            source: None,
            not_sent: false,
        }
    }

    /// A failure with its cause.
    pub fn because(
        doing: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        ActionError::Failed {
            doing: doing.into(),
            source: Some(source.into()),
            not_sent: false,
        }
    }

    /// The same failure, with the proof that nothing was sent.
    #[must_use]
    pub fn nothing_sent(self) -> Self {
        match self {
            ActionError::Failed { doing, source, .. } => ActionError::Failed {
                doing,
                source,
                not_sent: true,
            },
            argument => argument,
        }
    }

    /// Is it proven that nothing left this machine?
    pub fn is_not_sent(&self) -> bool {
        match self {
            ActionError::Argument(_) => true,
            ActionError::Failed { not_sent, .. } => *not_sent,
        }
    }
}
