//! What people say about a run: approve, reject, done, skip, resolve, cancel.
//!
//! A decision is appended to the run's own journal by whoever brings it, whether or not another process works on the run; that
//! process sees it before its next step. The same answer twice is fine, a different second answer is a conflict.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::amend::{Taken, amend};
use crate::record::{
    Artifact, Decision, Event, EventKind, Given, RunState, StepState, StepStatus, WaitKind,
};
use crate::store::{Store, StoreError};

/// A person's answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Key of the step; unused for a cancellation.
    pub step: String,
    /// What.
    pub decision: Decision,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In their words.
    pub note: Option<String>,
    /// Files they give: kept as artifacts already.
    pub evidence: Vec<Artifact>,
    /// Answers to the form of a manual task.
    pub values: Map<String, Value>,
    /// Name of this command, given by its sender: sent twice, it is taken once.
    pub id: Option<String>,
}

/// An answer cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// The run has no such step.
    #[error("run {run} has no step '{step}' (it has: {known})")]
    NoSuchStep {
        /// Which run.
        run: String,
        /// As given.
        step: String,
        /// Keys of its steps.
        known: String,
    },
    /// Somebody answered differently before.
    #[error(
        "step '{step}' of run {run} was settled by {by} on {} already, and differently: it stays as it is",
        minute(*at)
    )]
    Conflict {
        /// Which run.
        run: String,
        /// Which step.
        step: String,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The same answer was given before, and said less.
    #[error(
        "step '{step}' of run {run} was settled by {by} on {} already, without {more}: it stays as it is, and nothing of this is kept; give it with a later step, or once the run has ended with `mailmedic rerun {run} --from {step}`",
        minute(*at)
    )]
    More {
        /// Which run.
        run: String,
        /// Which step.
        step: String,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
        /// What is new: `this note`, `this evidence`.
        more: String,
    },
    /// The step does not ask for this.
    #[error("step '{step}' of run {run} is {status}: {hint}")]
    NotAsked {
        /// Which run.
        run: String,
        /// Which step.
        step: String,
        /// Where it stands.
        status: String,
        /// What would be right.
        hint: String,
    },
    /// The person may not answer.
    #[error("{by} may not answer '{step}': {why}")]
    NotAllowed {
        /// Who.
        by: String,
        /// Which step.
        step: String,
        /// Why not.
        why: String,
    },
    /// Evidence or an answer is missing.
    #[error("step '{step}' wants more: {what}")]
    Incomplete {
        /// Which step.
        step: String,
        /// What is missing, and how to give it.
        what: String,
    },
    /// The name of the command stands for another one.
    #[error(
        "command '{id}' was something else before ({was}): give each command a name of its own"
    )]
    Reused {
        /// As given.
        id: String,
        /// What it stands for.
        was: String,
    },
    /// The run has ended.
    #[error("run {run} has ended ({conclusion}): nothing can be decided any more")]
    Ended {
        /// Which run.
        run: String,
        /// How.
        conclusion: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes an answer. When this returns, it is on disk.
///
/// # Errors
/// When it cannot be taken; nothing is written then.
pub fn decide(store: &dyn Store, run: &str, answer: &Answer) -> Result<Taken, DecisionError> {
    amend(store, run, (answer.at, &answer.by), |state, events| {
        if taken_before(events, answer)? || !judge(state, answer)? {
            return Ok((false, Vec::new()));
        }
        let decided = EventKind::Decided {
            step: answer.step.clone(),
            decision: answer.decision,
            by: answer.by.clone(),
            note: answer.note.clone(),
            evidence: answer.evidence.clone(),
            values: answer.values.clone(),
            id: answer.id.clone(),
        };
        Ok((true, vec![decided]))
    })
}

/// Was a command of this name taken already?
fn taken_before(events: &[Event], answer: &Answer) -> Result<bool, DecisionError> {
    let Some(wanted) = &answer.id else {
        return Ok(false);
    };
    for event in events {
        if let EventKind::Decided {
            id: Some(id),
            step,
            decision,
            by,
            ..
        } = &event.event
            && id == wanted
        {
            if *step == answer.step && *decision == answer.decision && *by == answer.by {
                return Ok(true);
            }
            return Err(DecisionError::Reused {
                id: id.clone(),
                was: format!("about step '{step}', by {by}"),
            });
        }
    }
    Ok(false)
}

/// May this answer be written? `false` when it stands there already.
fn judge(state: &RunState, answer: &Answer) -> Result<bool, DecisionError> {
    let run = state.created.run.clone();
    let Some(step) = state.step(&answer.step) else {
        return Err(DecisionError::NoSuchStep {
            run,
            step: answer.step.clone(),
            known: state
                .steps
                .iter()
                .map(|s| s.plan.key.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        });
    };
    if let Some(given) = &step.given
        && step.is_settled()
    {
        if given.decision == answer.decision && given.by == answer.by {
            return match more(given, answer) {
                more if more.is_empty() => Ok(false),
                more => Err(DecisionError::More {
                    run,
                    step: answer.step.clone(),
                    by: given.by.clone(),
                    at: given.at,
                    more: more.join(" and "),
                }),
            };
        }
        return Err(DecisionError::Conflict {
            run,
            step: answer.step.clone(),
            by: given.by.clone(),
            at: given.at,
        });
    }
    if let Some((conclusion, _)) = state.conclusion {
        return Err(DecisionError::Ended {
            run,
            conclusion: conclusion.as_str().to_owned(),
        });
    }
    asked(state, step, answer)?;
    Ok(true)
}

/// What an answer says that the same one before did not.
fn more(given: &Given, answer: &Answer) -> Vec<&'static str> {
    let note = says(answer).is_some() && answer.note != given.note;
    let kept = |file: &Artifact| given.evidence.iter().any(|kept| kept.digest == file.digest);
    let evidence = !answer.evidence.iter().all(kept);
    let known = |(name, value): (&String, &Value)| given.values.get(name) == Some(value);
    let values = !answer.values.iter().all(known);
    let parts = [
        (note, "this note"),
        (evidence, "this evidence"),
        (values, "these values"),
    ];
    parts
        .into_iter()
        .filter_map(|(new, part)| new.then_some(part))
        .collect()
}

fn asked(state: &RunState, step: &StepState, answer: &Answer) -> Result<(), DecisionError> {
    let run = &state.created.run;
    let key = &step.plan.key;
    let not_asked = |hint: String| DecisionError::NotAsked {
        run: run.clone(),
        step: key.clone(),
        status: step.status_word().to_owned(),
        hint,
    };
    match (&step.status, answer.decision) {
        (StepStatus::Waiting(wait), Decision::Approve | Decision::Reject) => match &wait.kind {
            WaitKind::Approval {
                approvers,
                self_approval,
                ..
            } => may_answer(state, key, answer, approvers, *self_approval),
            WaitKind::Manual { .. } => Err(not_asked(format!(
                "it is a task, answer it with `mailmedic done {run} {key}`"
            ))),
            _ => Err(not_asked(
                "it waits for a date, not for an answer".to_owned(),
            )),
        },
        (StepStatus::Waiting(wait), Decision::Done) => match &wait.kind {
            WaitKind::Manual {
                evidence_required,
                form,
                ..
            } => complete(key, answer, *evidence_required, form),
            WaitKind::Approval { .. } => Err(not_asked(format!(
                "it asks for a yes or no, answer it with `mailmedic approve {run} {key}` or `reject`"
            ))),
            _ => Err(not_asked(
                "it waits for a date, not for an answer".to_owned(),
            )),
        },
        (StepStatus::Waiting(wait), Decision::ByHand)
            if matches!(wait.kind, WaitKind::Approval { .. }) =>
        {
            Err(not_asked(format!(
                "it asks for a yes or no, answer it with `mailmedic approve {run} {key}` or `reject`"
            )))
        }
        (StepStatus::Waiting(wait), Decision::ByHand)
            if matches!(wait.kind, WaitKind::Manual { .. }) =>
        {
            Err(not_asked(format!(
                "it is a task for a person anyway, answer it with `mailmedic done {run} {key}`, without --by-hand"
            )))
        }
        (
            StepStatus::Pending | StepStatus::Waiting(_) | StepStatus::Interrupted { ask: true },
            Decision::ByHand,
        ) => complete(key, answer, true, &Map::new()),
        (
            StepStatus::Pending | StepStatus::Waiting(_) | StepStatus::Interrupted { ask: true },
            Decision::Skip,
        ) if says(answer).is_none() => Err(DecisionError::Incomplete {
            step: key.clone(),
            what: "the reason why it is left out, as --reason TEXT".to_owned(),
        }),
        (
            StepStatus::Pending | StepStatus::Waiting(_) | StepStatus::Interrupted { ask: true },
            Decision::Skip,
        )
        | (StepStatus::Interrupted { ask: true }, Decision::Resolve(_)) => Ok(()),
        (StepStatus::Interrupted { ask: true }, _) => Err(not_asked(format!(
            "say what became of it with `mailmedic resolve {run} {key} --done`, `--not-done`, `--rerun` or `--skip`"
        ))),
        (StepStatus::Pending, Decision::Done) if !is_gate(&step.plan.action) => {
            Err(not_asked(format!(
                "it has not begun; if it was done by hand, say so with `mailmedic done {run} {key} --by-hand`"
            )))
        }
        (StepStatus::Pending, _) => Err(not_asked("it has not begun".to_owned())),
        (StepStatus::Finished { .. } | StepStatus::Skipped { .. }, _) => {
            Err(not_asked("it has ended".to_owned()))
        }
        _ => Err(not_asked(format!(
            "`mailmedic show {run} {key}` tells what it does"
        ))),
    }
}

fn may_answer(
    state: &RunState,
    key: &str,
    answer: &Answer,
    approvers: &[String],
    self_approval: bool,
) -> Result<(), DecisionError> {
    let refuse = |why: String| DecisionError::NotAllowed {
        by: answer.by.clone(),
        step: key.to_owned(),
        why,
    };
    if !approvers.is_empty() && !approvers.contains(&answer.by) {
        return Err(refuse(format!("only {} may", approvers.join(", "))));
    }
    if !self_approval && answer.by == state.created_by {
        return Err(refuse(
            "it must be somebody else than the one who started the run".to_owned(),
        ));
    }
    Ok(())
}

fn complete(
    key: &str,
    answer: &Answer,
    evidence_required: bool,
    form: &Map<String, Value>,
) -> Result<(), DecisionError> {
    if evidence_required && says(answer).is_none() && answer.evidence.is_empty() {
        return Err(DecisionError::Incomplete {
            step: key.to_owned(),
            what: "evidence, as --note TEXT or --evidence FILE".to_owned(),
        });
    }
    let missing: Vec<&str> = form
        .keys()
        .filter(|name| !answer.values.contains_key(*name))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(DecisionError::Incomplete {
            step: key.to_owned(),
            what: format!("an answer to {}, as --set NAME=VALUE", missing.join(", ")),
        });
    }
    Ok(())
}

/// A moment in a message.
fn minute(at: Timestamp) -> impl std::fmt::Display {
    at.strftime("%Y-%m-%d at %H:%M UTC")
}

/// What the person says, if anything.
fn says(answer: &Answer) -> Option<&str> {
    answer
        .note
        .as_deref()
        .map(str::trim)
        .filter(|note| !note.is_empty())
}

fn is_gate(action: &str) -> bool {
    matches!(action, "approval" | "manual" | "wait")
}

/// Calls a run off. When no process works on it, it ends at once; else that process ends it.
///
/// # Errors
/// When it has ended already, or the store refuses.
pub fn cancel(
    store: &dyn Store,
    run: &str,
    by: &str,
    note: Option<String>,
    at: Timestamp,
) -> Result<Taken, DecisionError> {
    let hold = store.hold(run);
    amend(store, run, (at, by), |state, _| {
        let called_off = state.cancelled.is_some();
        if let Some((conclusion, _)) = state.conclusion {
            if called_off {
                return Ok((false, Vec::new()));
            }
            return Err(DecisionError::Ended {
                run: run.to_owned(),
                conclusion: conclusion.as_str().to_owned(),
            });
        }
        let mut events = Vec::new();
        if !called_off {
            events.push(EventKind::Cancelled {
                by: by.to_owned(),
                note: note.clone(),
            });
        }
        if hold.is_ok() {
            events.push(EventKind::RunFinished {
                conclusion: crate::record::RunConclusion::Cancelled,
            });
        }
        Ok((!called_off, events))
    })
}
