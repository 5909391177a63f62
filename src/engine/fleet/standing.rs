//! Where the sites of a fleet stand, and who is told.

use jiff::Timestamp;

use crate::engine::Engine;
use crate::record::{FleetSite, RunConclusion, RunState};
use crate::site::Site;

/// Where a site of a fleet stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its run has not been started.
    NotStarted,
    /// Its run is open and will go on when there is a place.
    Ready,
    /// Its run is being worked on.
    Working,
    /// Its run waits for a person or a date.
    Waiting {
        /// The date, if one is awaited.
        due: Option<Timestamp>,
    },
    /// A person must say what became of an interrupted step.
    NeedsResolve,
    /// Its run has ended.
    Ended(RunConclusion),
    /// Its run cannot be started, or cannot go on, for this reason.
    Refused(String),
}

impl Standing {
    /// Did its run fail, or was it called off?
    pub fn has_failed(&self) -> bool {
        matches!(
            self,
            Standing::Ended(RunConclusion::Failed | RunConclusion::Cancelled)
        )
    }
}

/// What a fleet is handed by whoever starts it.
pub trait Host: Send + Sync {
    /// The engine for a site.
    ///
    /// # Errors
    /// Why there is none, for people.
    fn engine(&self, site: &Site) -> Result<Engine, String>;

    /// The next that is told about this site comes with the run as its record of so many bytes tells it.
    fn recorded(&self, site: &FleetSite, length: Option<u64>);

    /// A site's standing has changed; with its run, where there is one.
    fn changed(&self, site: &FleetSite, standing: &Standing, run: Option<&RunState>);
}

/// Why a fleet stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FleetStop {
    /// Nothing more happens.
    Finished,
    /// Sites wait for people or dates.
    Waiting {
        /// The next date, if one is awaited.
        due: Option<Timestamp>,
    },
    /// The process was told to stop.
    Interrupted,
}
