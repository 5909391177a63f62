//! Runbooks carried out: planned, executed, recovered.
//!
//! The life of a run: [`plan`] (pure) makes the first event; [`TakenUp::new`] writes it, or [`TakenUp::again`] takes the run up
//! once more; its [`Worker`] goes on until nothing can go on, appending each event before it acts. What can happen next is read off the state
//! (`ready`), an attempt is a `job`, what a dead process left behind is judged by `recovery`, and what people say comes in
//! through [`decide`]. The engine never prints and never asks: an [`Observer`] hears what happens.

mod adopt;
mod amend;
mod decide;
mod executor;
mod fleet;
mod job;
mod observer;
mod plan;
mod ready;
mod recovery;
mod rerun;
mod taken;
mod variables;

use std::sync::Arc;
use std::time::Duration;

use crate::probes::Probes;
use crate::record::RunConclusion;
use crate::runbook::Checked;
use crate::site::Site;
use crate::store::{Store, StoreError};
use crate::templates::Templates;

pub use adopt::{AdoptError, Adoption, adopt};
pub use amend::Taken;
pub use decide::{Answer, DecisionError, cancel, decide};
pub use executor::Worker;
pub use fleet::{CalledOff, FleetRun, FleetStop, Host, Standing, TakenFleet, call_off, limits};
pub use observer::{Observer, Silent};
pub use plan::{PlanRequest, plan};
pub use rerun::{Inheritance, RerunError, inherit};
pub use taken::TakenUp;

/// Carries runs out.
#[derive(Clone)]
pub struct Engine {
    /// Where runs are kept.
    pub store: Arc<dyn Store>,
    /// The door to the world.
    pub probes: Probes,
    /// Document templates.
    pub templates: Templates,
    /// Who hears what happens.
    pub observer: Arc<dyn Observer>,
    /// How long to stay when all that is left is a date that comes soon; after that the process ends and `resume` goes on.
    pub patience: Duration,
}

/// Why the engine stopped working on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It ended.
    Finished(RunConclusion),
    /// A person or a date is needed.
    Waiting {
        /// When to take it up again, if a date is awaited.
        due: Option<jiff::Timestamp>,
    },
    /// A person must say what became of an interrupted external step.
    NeedsResolve,
    /// The process was told to stop.
    Interrupted,
}

/// The engine cannot go on. What was written so far is safe.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An event that the engine itself made does not follow.
    #[error("the run cannot go on: this is a fault of mailmedic, please report it")]
    Illegal(#[from] crate::record::IllegalTransition),
    /// Another process has become the owner of the run meanwhile.
    #[error(
        "process {pid} on {host} has taken over run {run}: this one has stopped and writes nothing more (`mailmedic status {run}` tells how it goes on)"
    )]
    TakenOver {
        /// Which run.
        run: String,
        /// The new owner.
        pid: u32,
        /// Where it runs.
        host: String,
    },
    /// The pinned runbook or site cannot be used by this version.
    #[error("cannot take up run {run}: {why}")]
    Pinned {
        /// Which run.
        run: String,
        /// What does not fit.
        why: String,
    },
}

impl Engine {
    /// A worker for a run. `runbook` and `site` are those pinned in it.
    ///
    /// # Errors
    /// When the runbook does not fit the run.
    pub fn worker(
        &self,
        run: TakenUp,
        runbook: &Checked,
        site: Site,
    ) -> Result<Worker, EngineError> {
        Worker::of(self, run, runbook, site)
    }
}
