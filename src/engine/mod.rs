//! Runbooks carried out: planned, executed, recovered.
//!
//! The life of a run: [`plan`] (pure) makes the first event; [`Engine::create`] writes it; [`Engine::carry_on`] takes the run up
//! and goes on until nothing can go on, appending each event before it acts. What can happen next is read off the state
//! (`ready`), an attempt is a `job`, what a dead process left behind is judged by `recovery`, and what people say comes in
//! through [`decide`]. The engine never prints and never asks: an [`Observer`] hears what happens.

mod decide;
mod executor;
mod job;
mod observer;
mod plan;
mod ready;
mod recovery;
mod variables;

use std::sync::Arc;
use std::time::Duration;

use crate::probes::Probes;
use crate::record::{NewEvent, RunConclusion};
use crate::runbook::Checked;
use crate::site::Site;
use crate::store::{Store, StoreError};
use crate::templates::Templates;

pub use decide::{Answer, DecisionError, cancel, decide};
pub use job::chain;
pub use observer::{Observer, Silent};
pub use plan::{PlanRequest, plan};

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
    /// Writes a new run. After this it can be resumed, whatever happens.
    ///
    /// # Errors
    /// When another run holds the pair of site and runbook, or the store cannot be written.
    pub fn create(&self, first: NewEvent) -> Result<String, EngineError> {
        let journal = self.store.create(first)?;
        Ok(journal.run().to_owned())
    }

    /// Works on a run until nothing can go on. `runbook` and `site` are those pinned in the run; `stop` becomes true when the
    /// process should end.
    ///
    /// # Errors
    /// When another process works on the run, or the store fails.
    pub async fn carry_on(
        &self,
        run: &str,
        runbook: &Checked,
        site: Site,
        stop: tokio::sync::watch::Receiver<bool>,
    ) -> Result<Stop, EngineError> {
        executor::Executor::take_up(self, run, runbook, site)?
            .work(stop)
            .await
    }
}
