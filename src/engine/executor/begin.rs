//! How a step begins: its condition, its items, its texts, and the event that goes before the act.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::{Made, Underway, Worker};
use crate::actions::Args;
use crate::engine::EngineError;
use crate::engine::job::{Failure, Job};
use crate::engine::plan::id_of;
use crate::engine::variables::variables;
use crate::error_chain::chain;
use crate::record::{Effect, EventKind, Mode, StepOutcome, StepStatus, WaitKind, hash};
use crate::runbook::Step;

/// How long a try may take when neither runbook nor action says.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
/// Attempts at the same time in one run.
const MOST_AT_ONCE: usize = 16;

impl Worker {
    /// Begins a step, or goes on with it after a wait.
    pub(super) fn begin(&mut self, key: &str) -> Result<Made, EngineError> {
        let runbook = self.runbook.clone();
        let (Some(step), Some(state)) = (runbook.step(id_of(key)), self.run.state.step(key)) else {
            return Ok(Made::NotYet);
        };
        if self.jobs.len() + self.starts.len() >= MOST_AT_ONCE {
            return Ok(Made::NoPlace);
        }
        if self.siblings_full(step, key) {
            return Ok(Made::NoPlaceInFamily);
        }
        let fresh = state.status == StepStatus::Pending;
        let instance = state.parent.is_some();
        // A condition on the item of a `foreach` is judged for each item, any other once.
        let of_item = step
            .when
            .as_ref()
            .zip(step.foreach.as_ref())
            .is_some_and(|(when, foreach)| when.references().variables.contains(&foreach.alias));
        if fresh
            && instance == of_item
            && let Some(when) = &step.when
        {
            match when.holds(&self.variables(key, step, &when.references().variables)) {
                Ok(true) => {}
                Ok(false) => {
                    self.skip(
                        key.to_owned(),
                        format!("its condition does not hold: {}", when.text()),
                    )?;
                    return Ok(Made::Yes);
                }
                Err(error) => {
                    self.cannot_begin(key, step, &chain(&error))?;
                    return Ok(Made::Yes);
                }
            }
        }
        if fresh && !instance && step.foreach.is_some() {
            self.unfold(key, step)?;
            return Ok(Made::Yes);
        }
        if self.stubbed(key, step)? {
            return Ok(Made::Yes);
        }
        if self.must_look_first(key, step) {
            return self.look(key, step);
        }
        let wanted = step.with.variables();
        match step.with.render(&self.variables(key, step, &wanted)) {
            Ok(args) => self.announce(key, step, Args(args))?,
            Err(error) => self.cannot_begin(key, step, &chain(&error))?,
        }
        Ok(Made::Yes)
    }

    fn siblings_full(&self, step: &Step, key: &str) -> bool {
        let Some(limit) = step
            .foreach
            .as_ref()
            .and_then(|foreach| foreach.max_concurrent)
        else {
            return false;
        };
        let Some(parent) = self
            .run
            .state
            .step(key)
            .and_then(|state| state.parent.as_deref())
        else {
            return false;
        };
        self.frontier.running_of(&self.run.state, parent) >= limit as usize
    }

    /// In a check run, what does more than look, and whatever waits for people or dates, is left out.
    fn stubbed(&mut self, key: &str, step: &Step) -> Result<bool, EngineError> {
        let gate = matches!(step.action.as_str(), "approval" | "manual" | "wait");
        if self.run.state.created.mode != Mode::Check || (step.effect == Effect::Probe && !gate) {
            return Ok(false);
        }
        self.leave_out(key, step)?;
        Ok(true)
    }

    fn leave_out(&mut self, key: &str, step: &Step) -> Result<(), EngineError> {
        self.start_event(key, step, 1, &Args::default())?;
        self.finish_event(
            key,
            1,
            step,
            StepOutcome::NotApplicable,
            json!({"left_out": "check run"}),
            None,
            0,
        )
    }

    /// Writes that the step starts, and keeps the attempt ready.
    fn announce(&mut self, key: &str, step: &Step, args: Args) -> Result<(), EngineError> {
        let Some(action) = crate::actions::find(&step.action) else {
            return self.cannot_begin(
                key,
                step,
                &format!("there is no action '{}' in this version", step.action),
            );
        };
        let Some(state) = self.run.state.step(key) else {
            return Ok(());
        };
        let wait = match &state.status {
            StepStatus::Waiting(wait) => Some(wait.clone()),
            StepStatus::Interrupted { .. } => state.resumed.clone(),
            _ => None,
        };
        // A repeated look and a repeat after an interruption are the same try.
        let attempt = match &wait {
            Some(wait) if wait.kind == WaitKind::Retry => state.attempts + 1,
            _ => state.attempts.max(1),
        };
        let wait = wait.filter(|wait| wait.kind != WaitKind::Retry);
        let effect = step.effect.max(action.effect_with(&args));
        if self.run.state.created.mode == Mode::Check && effect != Effect::Probe {
            // The texts of the arguments have turned it into more than a look.
            return self.leave_out(key, step);
        }
        self.start_event_with(key, attempt, effect, &args)?;
        let job = Job {
            action,
            key: key.to_owned(),
            attempt,
            look: false,
            idempotency_key: self.idempotency_key(key),
            args,
            timeout: step.timeout.unwrap_or(DEFAULT_TIMEOUT),
            wait,
            state: self.run.state.clone(),
            shared: self.shared.clone(),
        };
        let underway = Underway {
            key: key.to_owned(),
            attempt,
            begun: Instant::now(),
            effect,
            look: false,
        };
        self.starts.push((underway, Box::pin(job.carry_out())));
        Ok(())
    }

    pub(super) fn idempotency_key(&self, key: &str) -> String {
        hash(format!("{}/{key}", self.run.state.created.run).as_bytes())[..32].to_owned()
    }

    pub(super) fn start_event(
        &mut self,
        key: &str,
        step: &Step,
        attempt: u32,
        args: &Args,
    ) -> Result<(), EngineError> {
        self.start_event_with(key, attempt, step.effect, args)
    }

    fn start_event_with(
        &mut self,
        key: &str,
        attempt: u32,
        effect: Effect,
        args: &Args,
    ) -> Result<(), EngineError> {
        let input = hash(Value::Object(args.0.clone()).to_string().as_bytes());
        self.say(EventKind::StepStarted {
            step: key.to_owned(),
            attempt,
            effect,
            input,
            idempotency_key: self.idempotency_key(key),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one event")]
    pub(super) fn finish_event(
        &mut self,
        key: &str,
        attempt: u32,
        step: &Step,
        outcome: StepOutcome,
        outputs: Value,
        failure: Option<Failure>,
        ms: u64,
    ) -> Result<(), EngineError> {
        let outputs = match outputs {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        let not_sent = failure.as_ref().is_some_and(|failure| failure.not_sent);
        self.say(EventKind::StepFinished {
            step: key.to_owned(),
            attempt,
            outcome,
            tolerated: outcome == StepOutcome::Failed && step.continue_on_error,
            outputs: Arc::new(outputs),
            findings: Vec::new(),
            subjects: Vec::new(),
            artifacts: Vec::new(),
            error: failure.map(|failure| failure.error),
            not_sent,
            ms,
        })
    }

    /// The step cannot even begin: its condition or its texts cannot be evaluated.
    fn cannot_begin(&mut self, key: &str, step: &Step, why: &str) -> Result<(), EngineError> {
        if self.run.state.created.mode == Mode::Check {
            return self.skip(
                key.to_owned(),
                format!("cannot be told in a check run: {why}"),
            );
        }
        let attempt = self
            .run
            .state
            .step(key)
            .map_or(1, |state| state.attempts.max(1));
        self.start_event(key, step, attempt, &Args::default())?;
        self.finish_event(
            key,
            attempt,
            step,
            StepOutcome::Failed,
            Value::Null,
            Some(Failure {
                error: why.to_owned(),
                not_sent: true,
            }),
            0,
        )
    }

    /// The variables that are wanted: gathering those of a long run costs.
    pub(super) fn variables(&self, key: &str, step: &Step, wanted: &BTreeSet<String>) -> Value {
        let item = self
            .run
            .state
            .step(key)
            .and_then(|state| state.item.as_ref());
        let alias = step.foreach.as_ref().map(|foreach| foreach.alias.as_str());
        variables(&self.run.state, alias.zip(item), wanted)
    }

    fn unfold(&mut self, key: &str, step: &Step) -> Result<(), EngineError> {
        let Some(foreach) = &step.foreach else {
            return Ok(());
        };
        let wanted = foreach.items.references().variables;
        let items = match foreach.items.render(&self.variables(key, step, &wanted)) {
            Ok(Value::Array(items)) => keyed(items),
            Ok(Value::Object(items)) => items,
            Ok(other) => {
                let why = format!("`foreach.items` must be a list or a mapping, and is {other}");
                return self.cannot_begin(key, step, &why);
            }
            Err(error) => return self.cannot_begin(key, step, &chain(&error)),
        };
        if items.is_empty() {
            return self.skip(key.to_owned(), "there are no items".to_owned());
        }
        self.say(EventKind::Unfolded {
            step: key.to_owned(),
            items,
        })
    }
}

/// Gives each item a key that stays the same when the list is made again: its name where it has one, else its place.
fn keyed(items: Vec<Value>) -> Map<String, Value> {
    let mut map = Map::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let name = match &item {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Object(fields) => ["key", "id", "name", "list", "target", "address", "host"]
                .iter()
                .find_map(|field| fields.get(*field)?.as_str().map(str::to_owned)),
            _ => None,
        };
        let base: String = name
            .unwrap_or_else(|| (place + 1).to_string())
            .chars()
            .map(|c| {
                if c.is_control() || c == '[' || c == ']' {
                    '-'
                } else {
                    c
                }
            })
            .collect();
        let mut key = base.clone();
        let mut copy = 2;
        while map.contains_key(&key) {
            key = format!("{base}-{copy}");
            copy += 1;
        }
        map.insert(key, item);
    }
    map
}
