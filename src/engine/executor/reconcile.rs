//! Interrupted steps that others notice: looked at before they are done again.
//!
//! A look is a probe: it needs no event before it, and a process that dies in the middle of one leaves nothing behind.

use std::sync::Arc;
use std::time::Instant;

use super::begin::DEFAULT_TIMEOUT;
use super::{Made, Underway, Worker};
use crate::actions::{Args, Reconciled};
use crate::engine::EngineError;
use crate::engine::job::Job;
use crate::error_chain::chain;
use crate::record::{Effect, EventKind, StepStatus};
use crate::runbook::{OnInterrupt, Step};

impl Worker {
    /// Was the step interrupted, and is it not known yet whether it was done?
    pub(super) fn must_look_first(&self, key: &str, step: &Step) -> bool {
        let interrupted = self
            .run
            .state
            .step(key)
            .is_some_and(|state| state.status == StepStatus::Interrupted { ask: false });
        interrupted && step.on_interrupt == OnInterrupt::Verify && !self.not_done.contains(key)
    }

    /// Begins the look; nothing when it is under way already.
    pub(super) fn look(&mut self, key: &str, step: &Step) -> Result<Made, EngineError> {
        let waiting = self.starts.iter().map(|(underway, _)| underway);
        if waiting
            .chain(self.underway.values())
            .any(|underway| underway.key == key)
        {
            return Ok(Made::NotYet);
        }
        let attempt = self.run.state.step(key).map_or(1, |state| state.attempts);
        let args = match step
            .with
            .render(&self.variables(key, step, &step.with.variables()))
        {
            Ok(args) => Args(args),
            Err(error) => {
                let why = Reconciled::CannotTell(chain(&error));
                return self
                    .looked(key.to_owned(), attempt, why, 0)
                    .map(|()| Made::Yes);
            }
        };
        let Some(action) = crate::actions::find(&step.action) else {
            let why = format!("there is no action '{}' in this version", step.action);
            return self
                .looked(key.to_owned(), attempt, Reconciled::CannotTell(why), 0)
                .map(|()| Made::Yes);
        };
        let job = Job {
            action,
            key: key.to_owned(),
            attempt,
            look: true,
            idempotency_key: self.idempotency_key(key),
            args,
            timeout: step.timeout.unwrap_or(DEFAULT_TIMEOUT),
            // What the attempt had noted before it went on tells what it was about to do.
            wait: self
                .run
                .state
                .step(key)
                .and_then(|state| state.resumed.clone()),
            state: self.run.state.clone(),
            shared: self.shared.clone(),
        };
        let underway = Underway {
            key: key.to_owned(),
            attempt,
            begun: Instant::now(),
            effect: Effect::Probe,
            look: true,
        };
        self.starts.push((underway, Box::pin(job.carry_out())));
        Ok(Made::Yes)
    }

    /// What a look has found.
    pub(super) fn looked(
        &mut self,
        key: String,
        attempt: u32,
        found: Reconciled,
        ms: u64,
    ) -> Result<(), EngineError> {
        match found {
            Reconciled::Done(report) => self.say(EventKind::StepFinished {
                step: key,
                attempt,
                outcome: report.outcome,
                tolerated: false,
                outputs: Arc::new(report.outputs),
                findings: report.findings,
                subjects: report.subjects,
                artifacts: report.artifacts,
                error: None,
                not_sent: false,
                ms,
            }),
            Reconciled::NotDone => {
                self.not_done.insert(key);
                Ok(())
            }
            Reconciled::CannotTell(why) => self.say(EventKind::StepInterrupted {
                step: key,
                attempt,
                ask: true,
                reason: Some(why),
            }),
        }
    }
}
