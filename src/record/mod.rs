//! What is written down: events, findings and the state they add up to.
//!
//! This layer belongs to nobody and imports nothing of ours. The engine produces it, the store keeps it, reports and the
//! command line read it; a run of three years ago must still be readable without its runbook.

mod adopt;
mod artifact;
mod chain;
mod event;
mod finding;
mod fleet;
mod pinned;
mod planned;
mod state;
mod step;
mod steps;
mod summary;
mod transition;

pub use artifact::Artifact;
pub use chain::{Broken, GENESIS, faults, hash};
pub use event::{
    Decision, Event, EventKind, NewEvent, Resolution, RunConclusion, RunCreated, SCHEMA, WaitKind,
};
pub use finding::{Evidence, Finding, Severity, Verdict};
pub use fleet::{Fleet, FleetEvent, FleetLimits, FleetPlan, FleetSite, NotStarted};
pub use pinned::PinnedSite;
pub use planned::{Effect, Mode, PlannedStep, RunLock, Section};
pub use state::{RunState, RunStatus};
pub use step::{Given, StepOutcome, StepState, StepStatus, Wait};
pub use steps::Steps;
pub use summary::RunSummary;
pub use transition::{IllegalTransition, next};
