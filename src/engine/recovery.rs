//! What a process that died has left behind.
//!
//! An attempt that began and has no end is *unknown*: never failed, never running for ever. What may be done about it depends
//! on what the step does to the world and on what the runbook says (`on_interrupt`).

use jiff::Timestamp;

use super::plan::id_of;
use crate::record::{EventKind, NewEvent, RunState, StepStatus};
use crate::runbook::{OnInterrupt, Runbook};

/// So many times in a row that a process died in the middle of the run without any progress, and a person must look.
const PARKED_AFTER: u32 = 3;

/// The events that settle what every interrupted attempt is. `state` knows already that a process has taken the run up.
///
/// `crashed` tells a process that died from one that was told to stop: only crashes count towards a crash loop.
pub(super) fn recover(
    state: &RunState,
    runbook: &Runbook,
    now: Timestamp,
    crashed: bool,
) -> Vec<NewEvent> {
    let mut events = Vec::new();
    let mut say = |event| {
        events.push(NewEvent {
            at: now,
            actor: "engine".to_owned(),
            event,
        })
    };
    for step in &state.steps {
        if step.status != StepStatus::Running {
            continue;
        }
        let policy = runbook
            .step(id_of(&step.plan.key))
            .map_or(OnInterrupt::Ask, |step| step.on_interrupt);
        let parked = crashed && state.fruitless >= PARKED_AFTER;
        let reason = parked.then(|| {
            format!(
                "{} processes in a row ended while this step was under way, and nothing went on meanwhile: find out what ends \
                 them, then let it be done again or leave it out",
                state.fruitless
            )
        });
        let interrupted = |ask| EventKind::StepInterrupted {
            step: step.plan.key.clone(),
            attempt: step.attempts,
            ask,
            reason: reason.clone(),
        };
        match policy {
            OnInterrupt::Ask => say(interrupted(true)),
            // To be verified: the executor looks before it does it again.
            OnInterrupt::Rerun | OnInterrupt::Verify => say(interrupted(parked)),
            OnInterrupt::Skip => {
                say(interrupted(false));
                say(EventKind::StepSkipped {
                    step: step.plan.key.clone(),
                    reason: "interrupted, and the runbook says to leave it out then".to_owned(),
                });
            }
        }
    }
    events
}
