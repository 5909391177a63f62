//! The one function that moves the state of a run.
//!
//! Executor, resume, status, board and report all fold events with [`next`], and nobody else decides what an event means.
//! It is pure: no clock, no I/O. It refuses an event that cannot follow, naming both the event and the state.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    Decision, Event, EventKind, GENESIS, Resolution, RunState, StepOutcome, StepState, StepStatus,
    Wait, WaitKind, step::Given,
};

/// An event that cannot follow the events before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({event}) cannot follow: {state}")]
pub struct IllegalTransition {
    /// Number of the refused event.
    pub seq: u64,
    /// What it was.
    pub event: String,
    /// What the state was.
    pub state: String,
}

/// The state after `event`. `state` is `None` before the first event.
///
/// # Errors
/// [`IllegalTransition`] when the event cannot follow; the state is gone then, and the run must not go on.
pub fn next(state: Option<RunState>, event: &Event) -> Result<RunState, IllegalTransition> {
    match (state, &event.event) {
        (None, EventKind::RunCreated(created)) if event.seq == 1 && event.prev == GENESIS => {
            Ok(RunState::begin(created, event))
        }
        (None, other) => Err(IllegalTransition {
            seq: event.seq,
            event: name(other),
            state: "a run begins with run_created".to_owned(),
        }),
        (Some(mut state), _) => {
            state.follow(event)?;
            Ok(state)
        }
    }
}

impl RunState {
    /// Folds a whole run.
    ///
    /// # Errors
    /// The first event that cannot follow, or an empty list.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Result<Self, IllegalTransition> {
        let mut state = None;
        for event in events {
            state = Some(next(state, event)?);
        }
        state.ok_or_else(|| IllegalTransition {
            seq: 0,
            event: "nothing".to_owned(),
            state: "a run has at least one event".to_owned(),
        })
    }

    /// Moves on by one event, in place: what [`next`] does, without a copy. A refused event changes nothing.
    ///
    /// # Errors
    /// [`IllegalTransition`] when the event cannot follow.
    pub fn follow(&mut self, event: &Event) -> Result<(), IllegalTransition> {
        let refuse = |state: String| IllegalTransition {
            seq: event.seq,
            event: name(&event.event),
            state,
        };
        if event.seq != self.seq + 1 {
            return Err(refuse(format!("the last event was {}", self.seq)));
        }
        if let Some((conclusion, _)) = self.conclusion
            && !matches!(event.event, EventKind::ReportWritten { .. })
        {
            return Err(refuse(format!("the run ended as {}", conclusion.as_str())));
        }
        match &event.event {
            EventKind::RunCreated(_) => return Err(refuse("the run exists already".to_owned())),
            EventKind::ExecutorStarted { .. } => {
                self.executors += 1;
                // A process that was told to stop leaves nothing running; one that died in the middle of a step does.
                if self.is_under_way() {
                    self.fruitless += 1;
                }
            }
            EventKind::ListsInForce { digest, .. } => self.lists.clone_from(digest),
            EventKind::Interrupted { .. } => {}
            EventKind::Cancelled { by, note } => self.cancelled = Some((by.clone(), note.clone())),
            EventKind::Adopted { .. } => self.adopt(event, &refuse)?,
            EventKind::RunFinished { conclusion } => {
                self.conclusion = Some((*conclusion, event.at))
            }
            EventKind::ReportWritten {
                path,
                template,
                format,
                ..
            } => {
                self.reports
                    .push((path.clone(), template.clone(), format.clone()));
            }
            EventKind::Unfolded { step, items } => {
                let parent = self.expect(step, &refuse, |status| {
                    matches!(status, StepStatus::Pending)
                })?;
                parent.status = StepStatus::Unfolded;
                parent.started = Some(event.at);
                let plan = parent.plan.clone();
                self.expect_more(items.len());
                for (key, item) in items {
                    self.add_instance(step, StepState::instance(&plan, key, item.clone()));
                }
                self.fruitless = 0;
            }
            other => self.apply_to_step(event, other, &refuse)?,
        }
        self.seq = event.seq;
        self.updated = event.at;
        Ok(())
    }

    fn apply_to_step(
        &mut self,
        event: &Event,
        kind: &EventKind,
        refuse: &dyn Fn(String) -> IllegalTransition,
    ) -> Result<(), IllegalTransition> {
        match kind {
            EventKind::StepStarted { step, attempt, .. } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(
                        status,
                        StepStatus::Pending
                            | StepStatus::Waiting(_)
                            | StepStatus::Interrupted { ask: false }
                    )
                })?;
                step.attempts = *attempt;
                step.started.get_or_insert(event.at);
                match std::mem::replace(&mut step.status, StepStatus::Running) {
                    StepStatus::Waiting(wait) if wait.kind != WaitKind::Retry => {
                        step.resumed = Some(wait);
                    }
                    // The same attempt again: it goes on from where it had gone on before.
                    StepStatus::Interrupted { .. } => {}
                    _ => step.resumed = None,
                }
            }
            EventKind::StepFinished {
                step,
                outcome,
                tolerated,
                outputs,
                findings,
                subjects,
                artifacts,
                error,
                not_sent,
                ..
            } => {
                let outputs = self.shared_outputs(step, outputs);
                let step = self.expect(step, refuse, |status| {
                    matches!(
                        status,
                        StepStatus::Running
                            | StepStatus::Unfolded
                            | StepStatus::Interrupted { ask: false }
                    )
                })?;
                step.outputs = outputs;
                step.findings.clone_from(findings);
                step.subjects.clone_from(subjects);
                step.artifacts.clone_from(artifacts);
                step.error.clone_from(error);
                step.not_sent = *not_sent;
                step.end(
                    event,
                    StepStatus::Finished {
                        outcome: *outcome,
                        tolerated: *tolerated,
                    },
                );
                self.fruitless = 0;
            }
            EventKind::StepSkipped { step, reason } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(
                        status,
                        StepStatus::Pending
                            | StepStatus::Waiting(_)
                            | StepStatus::Interrupted { .. }
                    )
                })?;
                step.end(
                    event,
                    StepStatus::Skipped {
                        reason: reason.clone(),
                    },
                );
                self.fruitless = 0;
            }
            EventKind::AttemptFailed { step, error, .. } => {
                let step =
                    self.expect(step, refuse, |status| matches!(status, StepStatus::Running))?;
                step.error = Some(error.clone());
                self.fruitless = 0;
            }
            EventKind::Waiting {
                step,
                kind,
                reason,
                wake,
                deadline,
                memo,
                ..
            } => {
                let step =
                    self.expect(step, refuse, |status| matches!(status, StepStatus::Running))?;
                // A look that is repeated and sees nothing new is no progress.
                let progress = step.resumed.is_none();
                let since = match &step.resumed {
                    Some(wait) => wait.since,
                    None => event.at,
                };
                if !matches!(kind, WaitKind::Retry | WaitKind::Time) {
                    step.asked = Some(Box::new(kind.clone()));
                }
                step.status = StepStatus::Waiting(Box::new(Wait {
                    kind: kind.clone(),
                    reason: reason.clone(),
                    since,
                    wake: *wake,
                    deadline: *deadline,
                    memo: memo.clone(),
                }));
                if progress {
                    self.fruitless = 0;
                }
            }
            EventKind::StepInterrupted {
                step, ask, reason, ..
            } => {
                let step = self.expect(step, refuse, |status| {
                    matches!(status, StepStatus::Running | StepStatus::Interrupted { .. })
                })?;
                if step.status == StepStatus::Running {
                    step.interruptions += 1;
                }
                if reason.is_some() {
                    step.error.clone_from(reason);
                }
                step.status = StepStatus::Interrupted { ask: *ask };
            }
            EventKind::Decided {
                step,
                decision,
                by,
                note,
                evidence,
                values,
                id,
            } => {
                let allowed = |status: &StepStatus| match decision {
                    Decision::Approve | Decision::Reject => {
                        matches!(status, StepStatus::Waiting(wait) if matches!(wait.kind, WaitKind::Approval { .. }))
                    }
                    Decision::Done => {
                        matches!(status, StepStatus::Waiting(wait) if matches!(wait.kind, WaitKind::Manual { .. }))
                    }
                    Decision::Skip | Decision::ByHand => matches!(
                        status,
                        StepStatus::Pending
                            | StepStatus::Waiting(_)
                            | StepStatus::Interrupted { ask: true }
                    ),
                    Decision::Resolve(_) => matches!(status, StepStatus::Interrupted { ask: true }),
                };
                let step = self.expect(step, refuse, allowed)?;
                step.decide(
                    event,
                    Given {
                        decision: *decision,
                        by: by.clone(),
                        at: event.at,
                        note: note.clone(),
                        evidence: evidence.clone(),
                        values: values.clone(),
                        id: id.clone(),
                    },
                );
                self.fruitless = 0;
            }
            _ => {}
        }
        Ok(())
    }

    /// `outputs`, in common with the step before `step` where that has found out the same: the instances of a long `foreach`
    /// often do, and would take most of the memory.
    fn shared_outputs(
        &self,
        step: &str,
        outputs: &Arc<Map<String, Value>>,
    ) -> Arc<Map<String, Value>> {
        let before = self.position(step).and_then(|place| place.checked_sub(1));
        let before = before.and_then(|place| self.steps.get(place));
        let same = before.filter(|before| before.outputs == *outputs);
        Arc::clone(same.map_or(outputs, |before| &before.outputs))
    }

    fn expect(
        &mut self,
        key: &str,
        refuse: &dyn Fn(String) -> IllegalTransition,
        allowed: impl Fn(&StepStatus) -> bool,
    ) -> Result<&mut StepState, IllegalTransition> {
        let place = self.position(key);
        let Some(step) = place.and_then(|position| self.steps.get_mut(position)) else {
            return Err(refuse(format!("the run has no step '{key}'")));
        };
        if allowed(&step.status) {
            Ok(step)
        } else {
            Err(refuse(format!("step '{key}' is {}", step.status_word())))
        }
    }
}

impl StepState {
    fn end(&mut self, event: &Event, status: StepStatus) {
        self.status = status;
        self.finished = Some(event.at);
        self.finished_seq = Some(event.seq);
    }

    /// A decision settles a gate by itself: whoever waits for the step may go on.
    fn decide(&mut self, event: &Event, given: Given) {
        let finished = |outcome| StepStatus::Finished {
            outcome,
            tolerated: false,
        };
        let status = match given.decision {
            Decision::Approve
            | Decision::Done
            | Decision::ByHand
            | Decision::Resolve(Resolution::Done) => finished(StepOutcome::Good),
            Decision::Reject => finished(StepOutcome::Rejected),
            Decision::Resolve(Resolution::NotDone) => finished(StepOutcome::Failed),
            Decision::Resolve(Resolution::Rerun) => StepStatus::Pending,
            Decision::Skip | Decision::Resolve(Resolution::Skip) => StepStatus::Skipped {
                reason: match &given.note {
                    Some(note) => format!("left out by {}: {note}", given.by),
                    None => format!("left out by {}", given.by),
                },
            },
        };
        let say = |name: &str, value: Value| (name.to_owned(), value);
        let outputs = Arc::make_mut(&mut self.outputs);
        outputs.extend([
            say("by", given.by.clone().into()),
            say("at", given.at.to_string().into()),
            say("note", given.note.clone().unwrap_or_default().into()),
        ]);
        match given.decision {
            Decision::Approve => outputs.extend([say("approved", true.into())]),
            Decision::Reject => outputs.extend([say("approved", false.into())]),
            Decision::Done => {
                outputs.extend([say("form", given.values.clone().into())]);
            }
            _ => {}
        }
        self.artifacts.extend(given.evidence.iter().cloned());
        self.given = Some(Box::new(given));
        if status == StepStatus::Pending {
            // Somebody has looked: the count of crashes begins anew.
            self.interruptions = 0;
            self.status = status;
        } else {
            self.end(event, status);
        }
    }
}

/// The snake_case name of an event kind, as in the journal.
fn name(kind: &EventKind) -> String {
    let name = match kind {
        EventKind::RunCreated(_) => "run_created",
        EventKind::ExecutorStarted { .. } => "executor_started",
        EventKind::ListsInForce { .. } => "lists_in_force",
        EventKind::Adopted { .. } => "adopted",
        EventKind::Unfolded { .. } => "unfolded",
        EventKind::StepStarted { .. } => "step_started",
        EventKind::StepFinished { .. } => "step_finished",
        EventKind::StepSkipped { .. } => "step_skipped",
        EventKind::AttemptFailed { .. } => "attempt_failed",
        EventKind::Waiting { .. } => "waiting",
        EventKind::Decided { .. } => "decided",
        EventKind::StepInterrupted { .. } => "step_interrupted",
        EventKind::Interrupted { .. } => "interrupted",
        EventKind::Cancelled { .. } => "cancelled",
        EventKind::RunFinished { .. } => "run_finished",
        EventKind::ReportWritten { .. } => "report_written",
    };
    name.to_owned()
}
