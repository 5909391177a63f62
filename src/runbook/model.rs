//! A checked runbook as the engine uses it: names resolved, defaults applied, texts and conditions compiled.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::{Arguments, Expression, Text};
use crate::record::{Effect, Section};
use crate::site::SecretRef;

/// A runbook without faults, with the text it was read from.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The runbook.
    pub runbook: Arc<Runbook>,
    /// Its text, to be pinned in a run.
    pub text: Arc<str>,
    /// SHA-256 of that text, in lower-case hex.
    pub digest: String,
    /// Where it was read from: a path, or the name of a shipped runbook.
    pub origin: String,
}

/// An ordered list of steps and what goes with them.
#[derive(Debug)]
pub struct Runbook {
    /// Name, as in `runs` and reports.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it asks for, in the order of the file.
    pub inputs: Vec<Input>,
    /// Secrets by name: where they are kept.
    pub secrets: BTreeMap<String, SecretRef>,
    /// How a fleet is treated.
    pub rollout: Rollout,
    /// What may not run at the same time.
    pub lock: Lock,
    /// The steps of all three sections, in the order `steps`, `on_failure`, `finally`. Ids are unique over all.
    pub steps: Vec<Step>,
    /// Ids of the steps that are run again at the end.
    pub verify: Vec<String>,
    /// Template of the report, without its format: `handover`.
    pub report: Option<String>,
    /// Id -> place in `steps`, made when it is first asked for.
    pub(super) places: OnceLock<HashMap<String, usize>>,
}

impl Runbook {
    /// The step with this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        let places = self.places.get_or_init(|| {
            let ids = self.steps.iter().map(|step| step.id.clone());
            ids.zip(0..).collect()
        });
        self.steps.get(*places.get(id)?)
    }

    /// The steps of one section, in order.
    pub fn section(&self, section: Section) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(move |step| step.section == section)
    }
}

/// Something the runbook asks for before it starts.
#[derive(Debug, Clone)]
pub struct Input {
    /// Name, as in `--set NAME=VALUE` and `inputs.NAME`.
    pub name: String,
    /// What it takes.
    pub kind: InputKind,
    /// What it is when nobody gives it; `None`: it must be given.
    pub default: Option<Value>,
    /// What it is for.
    pub description: Option<String>,
}

/// What an input takes. The value that reaches the run is always JSON: a duration stays a text.
#[derive(Debug, Clone)]
pub enum InputKind {
    /// Any text.
    Text,
    /// A whole number within bounds.
    Integer {
        /// Smallest.
        min: Option<i64>,
        /// Largest.
        max: Option<i64>,
    },
    /// true or false.
    Boolean,
    /// `30s`, `2h`, `3d`.
    Duration,
    /// A list of texts.
    List,
    /// One of these words.
    Choice(Vec<String>),
    /// A text that matches as a whole.
    Pattern(Regex),
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Unique in the runbook, `[a-z][a-z0-9_]*`.
    pub id: String,
    /// Name for people; the id where the runbook gives none.
    pub title: String,
    /// Why the step is there.
    pub description: Option<String>,
    /// Part of the runbook. Never [`Section::Verify`].
    pub section: Section,
    /// Name of the action.
    pub action: String,
    /// For a `wait` with a check: the action that it repeats.
    pub check: Option<String>,
    /// `with`: the arguments.
    pub with: Arguments,
    /// The conditions among the arguments (`until` of a wait), compiled; see [`Step::condition`].
    pub conditions: Vec<Expression>,
    /// Condition; false means skipped. Judged when the needs have ended; for `foreach` before the items are unfolded, unless it
    /// speaks of the item (`references().variables`): then once an item.
    pub when: Option<Expression>,
    /// Ids of the steps that must have ended, "the step before" written out.
    pub needs: Vec<String>,
    /// How long one try may take; `None`: as long as the action takes.
    pub timeout: Option<Duration>,
    /// How often it is tried.
    pub retry: Retry,
    /// A failure is tolerated.
    pub continue_on_error: bool,
    /// One instance an item.
    pub foreach: Option<Foreach>,
    /// What it does to the world, as far as the texts tell: the action's effect with these arguments, or the stricter one
    /// that the runbook gives.
    pub effect: Effect,
    /// What to do when a process goes away in the middle.
    pub on_interrupt: OnInterrupt,
}

impl Step {
    /// The compiled condition among the arguments that was written like this: what an action asks to have judged.
    pub fn condition(&self, text: &str) -> Option<&Expression> {
        self.conditions
            .iter()
            .find(|condition| condition.text() == text)
    }
}

/// How often a step is tried.
#[derive(Debug, Clone)]
pub struct Retry {
    /// All tries, the first included; at least 1.
    pub attempts: u32,
    /// Time between two tries.
    pub delay: Duration,
    /// Try again only when this holds; `result` is `{error, not_sent, attempt}`. Limited to proven-not-sent for external steps.
    pub when: Option<Expression>,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 1,
            delay: Duration::from_secs(5),
            when: None,
        }
    }
}

/// One instance an item.
#[derive(Debug, Clone)]
pub struct Foreach {
    /// The items; renders to a list, or to a mapping whose keys then are the item keys.
    pub items: Text,
    /// Name of the variable that holds the item.
    pub alias: String,
    /// How many at the same time; `None`: the engine decides.
    pub max_concurrent: Option<u32>,
}

/// What to do with a step whose process went away in the middle, from least to most strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnInterrupt {
    /// Run it again.
    Rerun,
    /// Look whether it was done, run it again only if it was not, ask a person if that cannot be told.
    Verify,
    /// Leave it out: its outcome stays unknown.
    Skip,
    /// Ask a person.
    Ask,
}

impl OnInterrupt {
    /// What holds when the runbook says nothing.
    pub fn default_for(effect: Effect) -> Self {
        match effect {
            Effect::Probe | Effect::Local => OnInterrupt::Rerun,
            // Actions that cannot look say so, and a person is asked.
            Effect::External => OnInterrupt::Verify,
        }
    }
}

/// What may not run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lock {
    /// One active run of this runbook for a site.
    #[default]
    Runbook,
    /// One active run for a site, whatever the runbook.
    Site,
    /// Nothing: for runbooks that only look.
    Nothing,
}

/// How a fleet is treated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// Sites at the same time.
    pub max_concurrent: Amount,
    /// No new site starts when *more* have failed.
    pub max_failures: Amount,
    /// Sites that must end well before the others start.
    pub canary: Amount,
    /// Tags: sites with the first one start first, then those with the second, and so on; else by id.
    pub order: Vec<String>,
}

impl Default for Rollout {
    fn default() -> Self {
        Rollout {
            max_concurrent: Amount::Count(10),
            max_failures: Amount::Percent(100),
            canary: Amount::Count(0),
            order: Vec::new(),
        }
    }
}

/// A number of sites, or a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many of a hundred, 0 to 100.
    Percent(u8),
}

impl Amount {
    /// How many of `sites`, rounded up, at least 1: for concurrency and canaries that were asked for.
    pub fn at_least_one(self, sites: usize) -> usize {
        let exact = match self {
            Amount::Count(count) => count as usize,
            Amount::Percent(percent) => (sites * usize::from(percent)).div_ceil(100),
        };
        exact.max(1)
    }

    /// How many of `sites`, rounded down: for failures that are put up with.
    pub fn at_most(self, sites: usize) -> usize {
        match self {
            Amount::Count(count) => count as usize,
            Amount::Percent(percent) => sites * usize::from(percent) / 100,
        }
    }
}
