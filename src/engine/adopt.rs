//! A changed runbook for a run that is under way.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::amend::{Taken, amend};
use super::plan::{lock, report_template, steps};
use crate::record::{EventKind, PlannedStep, RunState};
use crate::runbook::Checked;
use crate::store::{Store, StoreError};

/// A runbook that shall go on in place of the one that is pinned in a run.
#[derive(Debug)]
pub struct Adoption<'a> {
    /// The new one.
    pub runbook: &'a Checked,
    /// Values of all its inputs.
    pub inputs: Map<String, Value>,
    /// Who adopts it.
    pub by: String,
    /// In their words.
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// The runbook cannot be adopted.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The run has ended.
    #[error(
        "run {run} has ended: nothing can be adopted any more (`mailmedic rerun {run}` begins a new one)"
    )]
    Ended {
        /// Which run.
        run: String,
    },
    /// It is another runbook, or one that what was recorded does not fit.
    #[error("this runbook cannot go on in place of the one of run {run}:\n{}", .faults.iter().map(|fault| format!("  {fault}")).collect::<Vec<_>>().join("\n"))]
    Unfit {
        /// Which run.
        run: String,
        /// All that does not fit.
        faults: Vec<String>,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a changed runbook, or other inputs, in place of the pinned ones. When this returns, it is on disk. Not new: they are
/// the pinned ones.
///
/// Every step with a record must keep its id, its action and its effect; name and lock must stay.
///
/// # Errors
/// When it does not fit, or somebody works on the run; nothing is written then.
pub fn adopt(store: &dyn Store, run: &str, adoption: &Adoption<'_>) -> Result<Taken, AdoptError> {
    // Whoever works on the run has the old text in memory.
    let _hold = store.hold(run)?;
    let by = (adoption.at, adoption.by.as_str());
    amend(store, run, by, |state, _| {
        if state.conclusion.is_some() {
            return Err(AdoptError::Ended {
                run: run.to_owned(),
            });
        }
        let created = &state.created;
        if created.runbook_digest == adoption.runbook.digest && created.inputs == adoption.inputs {
            return Ok((false, Vec::new()));
        }
        let adopted = EventKind::Adopted {
            runbook_text: adoption.runbook.text.clone(),
            runbook_digest: adoption.runbook.digest.clone(),
            runbook_origin: Some(adoption.runbook.origin.clone()),
            inputs: adoption.inputs.clone(),
            report_template: report_template(&adoption.runbook.runbook),
            steps: fitting(state, adoption)?,
            by: adoption.by.clone(),
            note: adoption.note.clone(),
        };
        Ok((true, vec![adopted]))
    })
}

/// The steps of the new runbook, if what was recorded fits them.
fn fitting(state: &RunState, adoption: &Adoption<'_>) -> Result<Vec<PlannedStep>, AdoptError> {
    let runbook = &adoption.runbook.runbook;
    let created = &state.created;
    let planned = steps(runbook);
    let mut faults = Vec::new();
    if runbook.name != created.runbook {
        faults.push(format!(
            "it is '{}', and the run is one of '{}'",
            runbook.name, created.runbook
        ));
    }
    if lock(runbook) != created.lock {
        faults.push("its 'lock' is another one".to_owned());
    }
    faults.extend(state.unfit(&planned));
    if faults.is_empty() {
        return Ok(planned);
    }
    Err(AdoptError::Unfit {
        run: created.run.clone(),
        faults,
    })
}
