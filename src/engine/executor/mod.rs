//! The executor: writes down, then acts.
//!
//! Events that belong together are one append and one sync: the end of a step and the start of those that follow. They are
//! folded into the state first and collected in an outbox; nothing is done before the outbox is on disk. When somebody else has
//! appended meanwhile (a decision), what was not written yet is thrown away, except the results of attempts, and decided again.

mod begin;
mod end;

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::job::{Ended, Shared, chain};
use super::plan::id_of;
use super::ready::{self, Move};
use super::{Engine, EngineError, Stop, recovery};
use crate::actions::{Secrets, Vault};
use crate::record::{Effect, Event, EventKind, NewEvent, RunState, RunStatus, StepStatus};
use crate::runbook::{Checked, Expression, Runbook};
use crate::site::Site;
use crate::store::{Hold, Journal, StoreError};

/// How often to look for decisions while attempts run.
const LOOK: Duration = Duration::from_millis(300);
/// How long attempts get to end after the process was told to stop.
const GRACE_PROBE: Duration = Duration::from_secs(3);
const GRACE_EXTERNAL: Duration = Duration::from_secs(30);

/// An attempt under way.
pub(super) struct Underway {
    key: String,
    attempt: u32,
    begun: Instant,
    effect: Effect,
}

type Start = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Works on one run.
pub(super) struct Executor<'a> {
    engine: &'a Engine,
    runbook: Arc<Runbook>,
    shared: Arc<Shared>,
    journal: Box<dyn Journal>,
    state: RunState,
    /// Folded into `state`, not written yet.
    outbox: Vec<NewEvent>,
    /// Written down in the outbox, to be started once it is on disk.
    starts: Vec<(Underway, Start)>,
    jobs: JoinSet<Ended>,
    underway: HashMap<Id, Underway>,
    _hold: Box<dyn Hold>,
}

impl<'a> Executor<'a> {
    /// Takes a run up: becomes the one process that works on it, reads it, and settles what a dead process left.
    pub(super) fn take_up(
        engine: &'a Engine,
        run: &str,
        runbook: &Checked,
        site: Site,
    ) -> Result<Self, EngineError> {
        let hold = engine.store.hold(run)?;
        let mut journal = engine.store.open(run)?;
        let events = journal.catch_up()?;
        let state = RunState::replay(&events)?;
        if let Some(step) = state
            .steps
            .iter()
            .find(|step| runbook.runbook.step(id_of(&step.plan.key)).is_none())
        {
            return Err(EngineError::Pinned {
                run: run.to_owned(),
                why: format!("its runbook has no step '{}'", step.plan.key),
            });
        }
        let shared = Arc::new(Shared {
            site,
            probes: engine.probes.clone(),
            templates: engine.templates.clone(),
            secrets: Secrets(runbook.runbook.secrets.clone()),
            store: engine.store.clone(),
            observer: engine.observer.clone(),
            judge: |condition, values| {
                Expression::compile(condition)
                    .and_then(|condition| condition.holds(values))
                    .map_err(|error| chain(&error))
            },
        });
        let mut executor = Executor {
            engine,
            runbook: runbook.runbook.clone(),
            shared,
            journal,
            state,
            outbox: Vec::new(),
            starts: Vec::new(),
            jobs: JoinSet::new(),
            underway: HashMap::new(),
            _hold: hold,
        };
        if executor.state.conclusion.is_none() {
            executor.say(EventKind::ExecutorStarted {
                pid: std::process::id(),
                host: crate::store::host_name(),
                tool: env!("CARGO_PKG_VERSION").to_owned(),
            })?;
            for event in recovery::recover(&executor.state, &executor.runbook, executor.now(), true)
            {
                executor.say(event.event)?;
            }
        }
        Ok(executor)
    }

    /// Goes on until nothing can go on.
    pub(super) async fn work(
        mut self,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Stop, EngineError> {
        loop {
            if *stop.borrow() {
                return self.wind_down().await;
            }
            self.hear()?;
            self.decide_moves()?;
            if !self.commit()? {
                continue;
            }
            if let Some((conclusion, _)) = self.state.conclusion {
                return Ok(Stop::Finished(conclusion));
            }
            if self.jobs.is_empty() {
                match self.idle() {
                    Idle::Stop(reason) => return Ok(reason),
                    Idle::Sleep(pause) => {
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            _ = stop.changed() => {}
                        }
                    }
                    Idle::Go => {}
                }
                continue;
            }
            tokio::select! {
                Some(ended) = self.jobs.join_next_with_id() => self.attempt_ended(ended)?,
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.changed() => {}
            }
            while let Some(ended) = self.jobs.try_join_next_with_id() {
                self.attempt_ended(ended)?;
            }
        }
    }

    fn now(&self) -> Timestamp {
        // Time never goes back in a run, even when the machine's clock does.
        self.engine.probes.clock.now().max(self.state.updated)
    }

    /// Folds an event and puts it into the outbox.
    fn say(&mut self, event: EventKind) -> Result<(), EngineError> {
        let event = NewEvent {
            at: self.now(),
            actor: "engine".to_owned(),
            event,
        };
        self.fold(event)
    }

    fn fold(&mut self, event: NewEvent) -> Result<(), EngineError> {
        let event = without_secrets(event);
        let provisional = Event {
            v: crate::record::SCHEMA,
            seq: self.state.seq + 1,
            at: event.at,
            actor: event.actor.clone(),
            prev: String::new(),
            event: event.event.clone(),
        };
        self.state.follow(&provisional)?;
        self.outbox.push(event);
        Ok(())
    }

    /// Takes in what others have appended.
    fn hear(&mut self) -> Result<(), EngineError> {
        if !self.outbox.is_empty() {
            return Ok(());
        }
        for event in self.journal.catch_up()? {
            self.state.follow(&event)?;
            self.engine.observer.event(&event, &self.state);
        }
        Ok(())
    }

    /// Writes the outbox, then starts what it announces. `false` when others were faster: decide again.
    fn commit(&mut self) -> Result<bool, EngineError> {
        if self.outbox.is_empty() {
            return Ok(true);
        }
        let expected = self.state.seq - self.outbox.len() as u64;
        match self.journal.append(expected, &self.outbox) {
            Ok(events) => {
                self.outbox.clear();
                for event in &events {
                    self.engine.observer.event(event, &self.state);
                }
                for (underway, start) in std::mem::take(&mut self.starts) {
                    let id = self.jobs.spawn(start).id();
                    self.underway.insert(id, underway);
                }
                Ok(true)
            }
            Err(StoreError::Grown(_)) => {
                self.begin_again()?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Others have appended: replay what stands, and keep of the outbox only what really happened.
    fn begin_again(&mut self) -> Result<(), EngineError> {
        let run = self.state.created.run.clone();
        let known = self.state.seq - self.outbox.len() as u64;
        let recorded = self.engine.store.read(&run)?;
        self.journal.catch_up()?;
        self.state = recorded.state(&run)?;
        for event in recorded.events.iter().filter(|event| event.seq > known) {
            self.engine.observer.event(event, &self.state);
        }
        self.starts.clear();
        for event in std::mem::take(&mut self.outbox) {
            let happened = match &event.event {
                EventKind::StepFinished { step, .. }
                | EventKind::AttemptFailed { step, .. }
                | EventKind::Waiting { step, .. } => self
                    .state
                    .step(step)
                    .is_some_and(|step| step.status == StepStatus::Running),
                EventKind::ExecutorStarted { .. } | EventKind::Interrupted { .. } => true,
                EventKind::StepInterrupted { step, .. } => self
                    .state
                    .step(step)
                    .is_some_and(|step| step.status == StepStatus::Running),
                _ => false,
            };
            if happened {
                self.fold(event)?;
            }
        }
        Ok(())
    }

    /// Everything that can happen now, folded and announced.
    fn decide_moves(&mut self) -> Result<(), EngineError> {
        loop {
            let runbook = self.runbook.clone();
            let reads = |key: &str, need: &str| {
                runbook
                    .step(id_of(key))
                    .and_then(|step| step.when.as_ref())
                    .is_some_and(|when| when.references().reads_status(need))
            };
            let mut moved = false;
            for step in ready::moves(&self.state, self.now(), reads) {
                moved |= self.make(step)?;
            }
            if !moved || self.state.conclusion.is_some() {
                return Ok(());
            }
        }
    }

    /// Makes one move; `false` when it has to wait for a free place.
    fn make(&mut self, step: Move) -> Result<bool, EngineError> {
        match step {
            Move::Skip(key, reason) => self.skip(key, reason)?,
            Move::Close(key) => self.close(&key)?,
            Move::Finish(conclusion) => {
                if !self.jobs.is_empty() || !self.starts.is_empty() {
                    return Ok(false);
                }
                self.say(EventKind::RunFinished { conclusion })?;
            }
            Move::Begin(key) => return self.begin(&key),
        }
        Ok(true)
    }

    fn skip(&mut self, step: String, reason: String) -> Result<(), EngineError> {
        self.say(EventKind::StepSkipped { step, reason })
    }

    /// What to do when nothing is under way.
    fn idle(&self) -> Idle {
        match self.state.status() {
            RunStatus::Finished(conclusion) => Idle::Stop(Stop::Finished(conclusion)),
            RunStatus::NeedsResolve => Idle::Stop(Stop::NeedsResolve),
            RunStatus::Active => Idle::Go,
            RunStatus::Waiting => {
                let due = self.state.next_wake();
                if let Some(due) = due {
                    let left = due.duration_since(self.now());
                    let left = Duration::try_from(left).unwrap_or_default();
                    if left <= self.engine.patience {
                        return Idle::Sleep(
                            left.max(Duration::from_millis(1))
                                .min(Duration::from_secs(1)),
                        );
                    }
                }
                Idle::Stop(Stop::Waiting { due })
            }
        }
    }

    /// Stops: nothing new is started, attempts get their grace, what does not end is recorded as interrupted.
    async fn wind_down(mut self) -> Result<Stop, EngineError> {
        let external = self
            .underway
            .values()
            .any(|job| job.effect == Effect::External);
        let grace = if external {
            GRACE_EXTERNAL
        } else {
            GRACE_PROBE
        };
        let until = tokio::time::Instant::now() + grace;
        while !self.jobs.is_empty() {
            match tokio::time::timeout_at(until, self.jobs.join_next_with_id()).await {
                Ok(Some(ended)) => self.attempt_ended(ended)?,
                Ok(None) | Err(_) => break,
            }
        }
        self.jobs.abort_all();
        self.underway.clear();
        if self.state.conclusion.is_none() {
            self.say(EventKind::Interrupted {
                reason: "told to stop".to_owned(),
            })?;
            for event in recovery::recover(&self.state, &self.runbook, self.now(), false) {
                self.fold(event)?;
            }
        }
        while !self.commit()? {}
        Ok(Stop::Interrupted)
    }
}

enum Idle {
    Stop(Stop),
    Sleep(Duration),
    Go,
}

/// What names a step or an attempt is ours and never holds a secret, even where a secret happens to be the same word.
const NAMES: &[&str] = &["step", "input", "idempotency_key"];

/// The event with every known secret blotted out, before anybody sees it: state, journal, observers.
fn without_secrets(event: NewEvent) -> NewEvent {
    let vault = Vault::of_process();
    if vault.is_empty() {
        return event;
    }
    let Ok(Value::Object(mut kind)) = serde_json::to_value(&event.event) else {
        return event;
    };
    for fields in kind.values_mut().filter_map(Value::as_object_mut) {
        for (name, value) in fields.iter_mut() {
            if !NAMES.contains(&name.as_str()) {
                vault.redact_value(value);
            }
        }
    }
    match serde_json::from_value(Value::Object(kind)) {
        Ok(clean) => NewEvent {
            event: clean,
            ..event
        },
        // A secret that is the word of an outcome: nothing was hidden in such an event but the word itself.
        Err(_) => event,
    }
}
