//! The executor: writes down, then acts.
//!
//! Events that belong together are one append and one sync: the end of a step and the start of those that follow. They are
//! folded into the state first and collected in an outbox; nothing is done before the outbox is on disk. When somebody else has
//! appended meanwhile (a decision), what was not written yet is thrown away, except the results of attempts, and decided again.
//!
//! A worker that waits for a date can be kept and asked again later: it holds its run, and needs neither thread nor timer.

mod begin;
mod end;
mod lists;
mod reconcile;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::job::{Ended, Shared};
use super::plan::id_of;
use super::ready::{Frontier, Move};
use super::{Engine, EngineError, Stop, TakenUp, recovery};
use crate::actions::{Secrets, Vault};
use crate::error_chain::chain;
use crate::record::{Effect, Event, EventKind, NewEvent, RunState, RunStatus, StepStatus};
use crate::runbook::{Checked, Expression, Runbook};
use crate::site::Site;
use crate::store::StoreError;

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
    /// It only looks whether the attempt was done.
    look: bool,
}

type Start = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Works on one run.
pub struct Worker {
    runbook: Arc<Runbook>,
    shared: Arc<Shared>,
    run: TakenUp,
    /// Which steps are worth a look.
    frontier: Frontier,
    /// Folded into `state`, not written yet.
    outbox: Vec<NewEvent>,
    /// Written down in the outbox, to be started once it is on disk.
    starts: Vec<(Underway, Start)>,
    jobs: JoinSet<Ended>,
    underway: HashMap<Id, Underway>,
    /// Interrupted steps of which a look has told that they were not done.
    not_done: HashSet<String>,
}

/// Whether a move was made.
enum Made {
    Yes,
    /// It has to wait for something else.
    NotYet,
    /// No more attempts may run in this run.
    NoPlace,
    /// No more instances of this `foreach` step may run.
    NoPlaceInFamily,
}

impl Worker {
    /// Goes on with a run: settles what a dead process left.
    pub(super) fn of(
        engine: &Engine,
        run: TakenUp,
        runbook: &Checked,
        site: Site,
    ) -> Result<Self, EngineError> {
        if let Some(step) = run
            .state
            .steps
            .iter()
            .find(|step| runbook.runbook.step(id_of(&step.plan.key)).is_none())
        {
            return Err(EngineError::Pinned {
                run: run.state.created.run.clone(),
                why: format!("its runbook has no step '{}'", step.plan.key),
            });
        }
        let shared = Arc::new(Shared {
            site,
            engine: engine.clone(),
            secrets: Secrets(runbook.runbook.secrets.clone()),
            judge: |condition, values| {
                Expression::compile(condition)
                    .and_then(|condition| {
                        condition.holds(&values(&condition.references().variables))
                    })
                    .map_err(|error| chain(&error))
            },
        });
        let mut worker = Worker {
            runbook: runbook.runbook.clone(),
            shared,
            frontier: Frontier::of(&run.state),
            run,
            outbox: Vec::new(),
            starts: Vec::new(),
            jobs: JoinSet::new(),
            underway: HashMap::new(),
            not_done: HashSet::new(),
        };
        if worker.run.state.conclusion.is_none() {
            worker.say(EventKind::ExecutorStarted {
                pid: std::process::id(),
                host: crate::store::host_name(),
                tool: env!("CARGO_PKG_VERSION").to_owned(),
                torn: worker.run.journal.torn(),
            })?;
            worker.note_lists()?;
            for event in recovery::recover(&worker.run.state, &worker.runbook, worker.now(), true) {
                worker.say(event.event)?;
            }
        }
        Ok(worker)
    }

    /// The run as it stands.
    pub fn state(&self) -> &RunState {
        &self.run.state
    }

    /// Bytes of the record in which exactly the events of [`Worker::state`] lie; `None` where that cannot be told.
    pub fn length(&self) -> Option<u64> {
        let written = self.outbox.is_empty();
        written.then(|| self.run.journal.length()).flatten()
    }

    /// The run as it was left; lets go of it.
    pub fn into_state(self) -> RunState {
        self.run.state
    }

    /// Has somebody else appended to the run since this worker last looked? Then it may be able to go on.
    ///
    /// # Errors
    /// When the run cannot be read.
    pub fn has_news(&mut self) -> Result<bool, EngineError> {
        let before = self.run.state.seq;
        self.hear()?;
        Ok(self.run.state.seq > before)
    }

    /// Goes on until nothing can go on; `stop` becomes true when the process should end.
    ///
    /// # Errors
    /// When the store fails: what was written so far is safe, and this worker must not be used again.
    pub async fn work(&mut self, stop: &mut watch::Receiver<bool>) -> Result<Stop, EngineError> {
        loop {
            if *stop.borrow() {
                return self.wind_down().await;
            }
            self.hear()?;
            self.decide_moves()?;
            if !self.commit().await? {
                continue;
            }
            if let Some((conclusion, _)) = self.run.state.conclusion {
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
        let now = self.shared.engine.probes.clock.now();
        now.max(self.run.state.updated)
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
        // The store gives it its place in the chain.
        let seq = self.run.state.seq + 1;
        let event = without_secrets(event).placed(seq, String::new());
        self.run.state.follow(&event)?;
        self.frontier.follow(&self.run.state, &event);
        self.outbox.push(NewEvent {
            at: event.at,
            actor: event.actor,
            event: event.event,
        });
        Ok(())
    }

    /// Takes in what others have appended.
    fn hear(&mut self) -> Result<(), EngineError> {
        if !self.outbox.is_empty() {
            return Ok(());
        }
        for event in self.run.journal.catch_up()? {
            self.is_ours_after(&event)?;
            self.run.state.follow(&event)?;
            self.frontier.follow(&self.run.state, &event);
            self.tell(&event);
        }
        Ok(())
    }

    /// The lock of a run can be lost: its file removed, a connection cut. Each owner begins with an event, and who hears of a
    /// later one is not the owner any more.
    fn is_ours_after(&self, event: &Event) -> Result<(), EngineError> {
        match &event.event {
            EventKind::ExecutorStarted { pid, host, .. } => Err(EngineError::TakenOver {
                run: self.run.state.created.run.clone(),
                pid: *pid,
                host: host.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn tell(&self, event: &Event) {
        self.shared.engine.observer.event(event, &self.run.state);
    }

    /// Writes the outbox, then starts what it announces. `false` when others were faster: decide again.
    async fn commit(&mut self) -> Result<bool, EngineError> {
        if self.outbox.is_empty() {
            self.start_all();
            return Ok(true);
        }
        let expected = self.run.state.seq - self.outbox.len() as u64;
        match self.run.journal.submit(expected, &mut self.outbox) {
            Ok(submitted) => {
                if let Some((first, durable)) = self.run.begun.take() {
                    durable.wait().await?;
                    self.tell(&first);
                }
                submitted.durable.wait().await?;
                for event in &submitted.events {
                    self.tell(event);
                }
                self.start_all();
                Ok(true)
            }
            Err(StoreError::Grown(_)) => {
                self.begin_again()?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn start_all(&mut self) {
        for (underway, start) in std::mem::take(&mut self.starts) {
            let id = self.jobs.spawn(start).id();
            self.underway.insert(id, underway);
        }
    }

    /// Others have appended: replay what stands, and keep of the outbox only what really happened.
    fn begin_again(&mut self) -> Result<(), EngineError> {
        let run = self.run.state.created.run.clone();
        let known = self.run.state.seq - self.outbox.len() as u64;
        let heard = self.run.journal.catch_up()?;
        let newest = heard.last().map_or(known, |event| event.seq);
        let mut recorded = self.shared.engine.store.read(&run)?;
        // What others have written since is heard of next time.
        recorded.events.retain(|event| event.seq <= newest);
        let begins = |event: &NewEvent| matches!(event.event, EventKind::ExecutorStarted { .. });
        if !self.outbox.iter().any(begins) {
            for event in recorded.events.iter().filter(|event| event.seq > known) {
                self.is_ours_after(event)?;
            }
        }
        self.run.state = recorded.state(&run)?;
        self.frontier = Frontier::of(&self.run.state);
        for event in recorded.events.iter().filter(|event| event.seq > known) {
            self.tell(event);
        }
        self.starts.clear();
        for event in std::mem::take(&mut self.outbox) {
            let happened = match &event.event {
                EventKind::StepFinished { step, .. }
                | EventKind::AttemptFailed { step, .. }
                | EventKind::Waiting { step, .. }
                | EventKind::StepInterrupted { step, .. } => {
                    self.run.state.step(step).is_some_and(|step| {
                        matches!(
                            step.status,
                            StepStatus::Running | StepStatus::Interrupted { ask: false }
                        )
                    })
                }
                EventKind::ExecutorStarted { .. }
                | EventKind::ListsInForce { .. }
                | EventKind::Interrupted { .. } => true,
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
        let runbook = self.runbook.clone();
        let reads = |key: &str, need: &str| {
            runbook
                .step(id_of(key))
                .and_then(|step| step.when.as_ref())
                .is_some_and(|when| when.references().reads_status(need))
        };
        loop {
            let mut moved = false;
            let mut from = 0;
            while let Some((step, after)) =
                self.frontier.next(&self.run.state, self.now(), reads, from)
            {
                from = after;
                match self.make(step)? {
                    Made::Yes => moved = true,
                    Made::NotYet => {}
                    Made::NoPlace => return Ok(()),
                    Made::NoPlaceInFamily => from = self.frontier.after_family(after),
                }
                if self.run.state.conclusion.is_some() {
                    return Ok(());
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }

    fn make(&mut self, step: Move) -> Result<Made, EngineError> {
        match step {
            Move::Skip(key, reason) => self.skip(key, reason)?,
            Move::Close(key) => self.close(&key)?,
            Move::Finish(conclusion) => {
                if !self.jobs.is_empty() || !self.starts.is_empty() {
                    return Ok(Made::NotYet);
                }
                self.say(EventKind::RunFinished { conclusion })?;
            }
            Move::Begin(key) => return self.begin(&key),
        }
        Ok(Made::Yes)
    }

    fn skip(&mut self, step: String, reason: String) -> Result<(), EngineError> {
        self.say(EventKind::StepSkipped { step, reason })
    }

    /// What to do when nothing is under way.
    fn idle(&self) -> Idle {
        match self.run.state.status() {
            RunStatus::Finished(conclusion) => Idle::Stop(Stop::Finished(conclusion)),
            RunStatus::NeedsResolve => Idle::Stop(Stop::NeedsResolve),
            RunStatus::Active => Idle::Go,
            RunStatus::Waiting => {
                let due = self.run.state.next_wake();
                if let Some(due) = due {
                    let left = due.duration_since(self.now());
                    let left = Duration::try_from(left).unwrap_or_default();
                    if left <= self.shared.engine.patience {
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
    async fn wind_down(&mut self) -> Result<Stop, EngineError> {
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
        if self.run.state.conclusion.is_none() {
            self.say(EventKind::Interrupted {
                reason: "told to stop".to_owned(),
            })?;
            for event in recovery::recover(&self.run.state, &self.runbook, self.now(), false) {
                self.fold(event)?;
            }
        }
        while !self.commit().await? {}
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
