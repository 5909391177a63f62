//! How an attempt ends: with a report, a wait, or a failure and maybe another try.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::task::{Id, JoinError};

use super::{Underway, Worker};
use crate::actions::Reconciled;
use crate::engine::EngineError;
use crate::engine::job::{Ended, Failure, words};
use crate::engine::plan::id_of;
use crate::record::{EventKind, StepOutcome, StepStatus, WaitKind};
use crate::runbook::Step;

impl Worker {
    /// Ends a `foreach` step by what became of its instances.
    pub(super) fn close(&mut self, key: &str) -> Result<(), EngineError> {
        let runbook = self.runbook.clone();
        let Some(step) = runbook.step(id_of(key)) else {
            return Ok(());
        };
        let mut outputs = Map::new();
        let mut worst = StepOutcome::Good;
        for instance in self.run.state.instances(key) {
            let item = instance.plan.key[key.len() + 1..].trim_end_matches(']');
            outputs.insert(item.to_owned(), instance.all_outputs());
            let outcome = match instance.status {
                StepStatus::Finished {
                    tolerated: true, ..
                }
                | StepStatus::Skipped { .. } => continue,
                _ => instance.outcome().unwrap_or(StepOutcome::Unknown),
            };
            if rank(outcome) > rank(worst) {
                worst = outcome;
            }
        }
        let count = outputs.len();
        let failure = (worst == StepOutcome::Failed).then(|| Failure {
            error: "at least one item failed".to_owned(),
            not_sent: false,
        });
        self.finish_event(
            key,
            1,
            step,
            worst,
            json!({"items": outputs, "count": count}),
            failure,
            0,
        )
    }

    pub(super) fn attempt_ended(
        &mut self,
        ended: Result<(Id, Ended), JoinError>,
    ) -> Result<(), EngineError> {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, ended),
            Err(error) => {
                let why = if error.is_panic() {
                    "the action broke off: this is a fault of mailmedic, please report it"
                } else {
                    "the action was called off"
                };
                (
                    error.id(),
                    Ended::Failed(Failure {
                        error: why.to_owned(),
                        not_sent: false,
                    }),
                )
            }
        };
        let Some(underway) = self.underway.remove(&id) else {
            return Ok(());
        };
        let runbook = self.runbook.clone();
        let Some(step) = runbook.step(id_of(&underway.key)) else {
            return Ok(());
        };
        let ms = u64::try_from(underway.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let Underway {
            key, attempt, look, ..
        } = underway;
        match ended {
            Ended::Reconciled(found) => self.looked(key, attempt, found, ms),
            Ended::Failed(failure) if look => {
                self.looked(key, attempt, Reconciled::CannotTell(failure.error), ms)
            }
            Ended::Done(report) => {
                let tolerated = report.outcome == StepOutcome::Failed && step.continue_on_error;
                self.say(EventKind::StepFinished {
                    step: key,
                    attempt,
                    outcome: report.outcome,
                    tolerated,
                    outputs: Arc::new(report.outputs),
                    findings: report.findings,
                    subjects: report.subjects,
                    artifacts: report.artifacts,
                    error: None,
                    not_sent: false,
                    ms,
                })
            }
            Ended::Waits(wait) => self.say(EventKind::Waiting {
                step: key,
                attempt,
                kind: wait.kind,
                reason: wait.reason,
                wake: wait.wake,
                deadline: wait.deadline,
                memo: wait.memo,
            }),
            Ended::Failed(failure) => self.attempt_failed(&key, attempt, step, failure, ms),
        }
    }

    fn attempt_failed(
        &mut self,
        key: &str,
        attempt: u32,
        step: &Step,
        failure: Failure,
        ms: u64,
    ) -> Result<(), EngineError> {
        let again = attempt < step.retry.attempts
            && match &step.retry.when {
                None => true,
                Some(when) => {
                    let wanted = &when.references().variables;
                    let mut values = self.variables(key, step, wanted);
                    if let Some(map) = values.as_object_mut() {
                        let result = json!({"error": failure.error, "not_sent": failure.not_sent, "attempt": attempt});
                        map.insert("result".to_owned(), result);
                    }
                    when.holds(&values).unwrap_or(false)
                }
            };
        if !again {
            return self.finish_event(
                key,
                attempt,
                step,
                StepOutcome::Failed,
                Value::Null,
                Some(failure),
                ms,
            );
        }
        let error = failure.error;
        self.say(EventKind::AttemptFailed {
            step: key.to_owned(),
            attempt,
            error: error.clone(),
        })?;
        let wake = self
            .now()
            .checked_add(step.retry.delay)
            .unwrap_or(Timestamp::MAX);
        self.say(EventKind::Waiting {
            step: key.to_owned(),
            attempt,
            kind: WaitKind::Retry,
            reason: format!(
                "try {attempt} of {} failed ({error}); next in {}",
                step.retry.attempts,
                words(step.retry.delay)
            ),
            wake: Some(wake),
            deadline: None,
            memo: Value::Null,
        })
    }
}

/// Which outcome of several tells for all of them.
fn rank(outcome: StepOutcome) -> u8 {
    match outcome {
        StepOutcome::NotApplicable => 0,
        StepOutcome::Good => 1,
        StepOutcome::Unknown => 2,
        StepOutcome::Finding => 3,
        StepOutcome::Rejected => 4,
        StepOutcome::Failed => 5,
    }
}
