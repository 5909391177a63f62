//! One line about a run: what lists of runs show, and what the index keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Mode, RunState, RunStatus, Severity, StepStatus, WaitKind};

/// One line about a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run's id.
    pub run: String,
    /// The site's id.
    pub site: String,
    /// The runbook's name.
    pub runbook: String,
    /// A check run: only looked.
    #[serde(default)]
    pub check: bool,
    /// Where it stands.
    pub status: RunStatus,
    /// The site's time zone, for showing times.
    pub timezone: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// Time of its last event.
    pub updated: Timestamp,
    /// When a waiting step must be looked at again.
    pub due: Option<Timestamp>,
    /// Keys of the steps that wait for a person, while the run is open.
    pub asks: Vec<String>,
    /// Steps that have ended or were left out.
    pub settled: usize,
    /// All steps.
    pub steps: usize,
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
            check: state.created.mode == Mode::Check,
            status: state.status(),
            timezone: state.created.site_snapshot.timezone(),
            created: state.created_at,
            updated: state.updated,
            due: state.next_wake(),
            asks: state
                .steps
                .iter()
                .filter(|_| state.conclusion.is_none())
                .filter(|step| match &step.status {
                    StepStatus::Waiting(wait) => {
                        !matches!(wait.kind, WaitKind::Time | WaitKind::Retry)
                    }
                    StepStatus::Interrupted { ask } => *ask,
                    _ => false,
                })
                .map(|step| step.plan.key.clone())
                .collect(),
            settled: state.steps.iter().filter(|step| step.is_settled()).count(),
            steps: state.steps.len(),
            open_findings: acted.len(),
            worst: acted.into_iter().max(),
        }
    }

    /// True when the run has ended.
    pub fn is_finished(&self) -> bool {
        matches!(self.status, RunStatus::Finished(_))
    }
}
