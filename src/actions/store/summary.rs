//! One line about a run: what lists of runs show, and what the index keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::{RunState, RunStatus, Severity, StepStatus};

/// One line about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run's id.
    pub run: String,
    /// The site's id.
    pub site: String,
    /// The runbook's name.
    pub runbook: String,
    /// `active`, `waiting`, `needs_resolve`, `healthy`, `findings_open`, `failed`, `cancelled`.
    pub status: String,
    /// When it was created.
    pub created: Timestamp,
    /// Time of its last event.
    pub updated: Timestamp,
    /// When a waiting step must be looked at again.
    pub due: Option<Timestamp>,
    /// Keys of the steps that wait for a person.
    pub asks: Vec<String>,
    /// Steps settled, and steps in all.
    pub settled: (usize, usize),
    /// Open findings that somebody should act on.
    pub open_findings: usize,
    /// Worst severity among them.
    pub worst: Option<Severity>,
}

impl RunSummary {
    /// The line about `state`.
    pub fn of(state: &RunState) -> Self {
        let open = state.open_findings();
        let acted: Vec<Severity> = open
            .iter()
            .map(|(finding, _)| finding.severity)
            .filter(|severity| *severity > Severity::Informational)
            .collect();
        RunSummary {
            run: state.created.run.clone(),
            site: state.created.site.clone(),
            runbook: state.created.runbook.clone(),
            status: state.status().as_str().to_owned(),
            created: state.created_at,
            updated: state.updated,
            due: state.next_wake(),
            asks: state
                .steps
                .iter()
                .filter(|step| match &step.status {
                    StepStatus::Waiting(wait) => !matches!(
                        wait.kind,
                        crate::record::WaitKind::Time | crate::record::WaitKind::Retry
                    ),
                    StepStatus::Interrupted { ask } => *ask,
                    _ => false,
                })
                .map(|step| step.plan.key.clone())
                .collect(),
            settled: (
                state.steps.iter().filter(|step| step.is_settled()).count(),
                state.steps.len(),
            ),
            open_findings: acted.len(),
            worst: acted.into_iter().max(),
        }
    }

    /// True when the run has ended.
    pub fn is_finished(&self) -> bool {
        !matches!(
            self.status.as_str(),
            s if s == RunStatus::Active.as_str()
                || s == RunStatus::Waiting.as_str()
                || s == RunStatus::NeedsResolve.as_str()
        )
    }
}
