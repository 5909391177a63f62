//! One attempt of one step: everything it needs, owned, so that it can run on its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Engine;
use super::observer::StepProgress;
use super::variables::{Snapshot, variables};
use crate::actions::{
    Action, ActionError, Args, ArtifactSink, Conditions, Context, Next, Reconciled, Report,
    Secrets, StepInfo, Vault, WaitFor,
};
use crate::error_chain::chain;
use crate::record::{Artifact, RunState, Wait};
use crate::site::Site;
use crate::store::Store;

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With a report.
    Done(Box<Report>),
    /// It waits.
    Waits(Box<WaitFor>),
    /// It was looked at, not done.
    Reconciled(Reconciled),
    /// It did not work.
    Failed(Failure),
}

/// Why an attempt did not work.
#[derive(Debug)]
pub(super) struct Failure {
    /// The whole chain of causes, once.
    pub(super) error: String,
    /// Proven that nothing left this machine.
    pub(super) not_sent: bool,
}

/// One attempt.
pub(super) struct Job {
    pub(super) action: &'static dyn Action,
    pub(super) key: String,
    pub(super) attempt: u32,
    /// Only look whether the attempt was done.
    pub(super) look: bool,
    pub(super) idempotency_key: String,
    pub(super) args: Args,
    pub(super) timeout: Duration,
    pub(super) wait: Option<Box<Wait>>,
    pub(super) state: RunState,
    pub(super) shared: Arc<Shared>,
}

/// What all attempts of a run share.
pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) site: Site,
    pub(super) secrets: Secrets,
    pub(super) judge: JudgeOf,
}

/// Judges a condition; the second argument gathers the variables that it names.
pub(super) type JudgeOf = fn(&str, &dyn Fn(&BTreeSet<String>) -> Value) -> Result<bool, String>;

struct Sink<'a>(&'a dyn Store);

impl ArtifactSink for Sink<'_> {
    fn put(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, ActionError> {
        // A document must hold no secret either.
        let clean = std::str::from_utf8(bytes)
            .ok()
            .map(|text| Vault::of_process().redact(text));
        let bytes = clean.as_deref().map_or(bytes, str::as_bytes);
        self.0
            .put_artifact(name, media, bytes)
            .map_err(|error| ActionError::because(format!("cannot keep the file {name}"), error))
    }
}

struct Judge<'a> {
    judge: JudgeOf,
    facts: &'a Snapshot,
}

impl Conditions for Judge<'_> {
    fn holds(&self, condition: &str, result: &Value) -> Result<bool, String> {
        (self.judge)(condition, &|wanted| {
            let mut values = variables(&self.facts.state, None, wanted);
            if let Some(map) = values.as_object_mut() {
                map.insert("result".to_owned(), result.clone());
            }
            values
        })
    }
}

impl Job {
    /// Carries it out, within its time.
    pub(super) async fn carry_out(self) -> Ended {
        let shared = &self.shared;
        let facts = Snapshot {
            state: self.state,
            store: shared.engine.store.clone(),
        };
        let progress = StepProgress {
            key: self.key.clone(),
            observer: shared.engine.observer.clone(),
        };
        let sink = Sink(&*shared.engine.store);
        let judge = Judge {
            judge: shared.judge,
            facts: &facts,
        };
        let context = Context {
            site: &shared.site,
            args: &self.args,
            probes: &shared.engine.probes,
            progress: &progress,
            artifacts: &sink,
            secrets: &shared.secrets,
            facts: &facts,
            templates: &shared.engine.templates,
            conditions: &judge,
            step: StepInfo {
                run: &facts.state.created.run,
                key: &self.key,
                attempt: self.attempt,
                idempotency_key: &self.idempotency_key,
                wait: self.wait.as_deref(),
            },
        };
        if self.look {
            let look = tokio::time::timeout(self.timeout, self.action.reconcile(&context)).await;
            return Ended::Reconciled(match look {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => Reconciled::CannotTell(chain(&error)),
                Err(_) => Reconciled::CannotTell(format!(
                    "a look at it had no end after {}",
                    words(self.timeout)
                )),
            });
        }
        match tokio::time::timeout(self.timeout, self.action.carry_out(&context)).await {
            Ok(Ok(Next::Done(report))) => Ended::Done(report),
            Ok(Ok(Next::Wait(wait))) => Ended::Waits(wait),
            Ok(Err(error)) => Ended::Failed(Failure {
                not_sent: error.is_not_sent(),
                error: chain(&error),
            }),
            Err(_) => Ended::Failed(Failure {
                error: format!(
                    "no end after {} (the step's timeout): raise `timeout`, or find out what hangs",
                    words(self.timeout)
                ),
                not_sent: false,
            }),
        }
    }
}

/// A duration in words: `90 s`, `2 min`, `3 h`, `10 d`.
pub(super) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        s if s % 86_400 == 0 => format!("{} d", s / 86_400),
        s if s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
