//! A fleet run: one runbook carried out for many sites. What it adds to the runs of its sites, and nothing that they hold.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Mode, PinnedSite};

/// What a fleet run was started with: enough to start the sites that have not been started yet, whatever happens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FleetPlan {
    /// Its id.
    pub fleet: String,
    /// When it was started.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Name of the runbook.
    pub runbook: String,
    /// The runbook's text, pinned.
    pub runbook_text: String,
    /// SHA-256 of that text.
    pub runbook_digest: String,
    /// Checked inputs.
    pub inputs: Map<String, Value>,
    /// Version of the program.
    pub tool: String,
    /// Real run or check run.
    pub mode: Mode,
    /// How many sites at once, and when to stop starting more.
    pub limits: FleetLimits,
    /// The sites in the order in which they are started.
    pub sites: Vec<FleetSite>,
}

/// The runbook's `rollout`, in sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetLimits {
    /// Sites at the same time; those that wait are not counted.
    pub max_concurrent: usize,
    /// No new site starts when more have failed.
    pub max_failures: usize,
    /// So many sites, the first ones, must end well before the others start.
    pub canary: usize,
}

/// A site of a fleet run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FleetSite {
    /// The site's id.
    pub site: String,
    /// The id that its run has, or will have.
    pub run: String,
    /// The site's data when the fleet run was started, without secrets.
    pub snapshot: PinnedSite,
}

/// One appended, synced record of a fleet run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FleetEvent {
    /// It exists from here on.
    Created(Box<FleetPlan>),
    /// No more sites are started.
    Stopped {
        /// When.
        at: Timestamp,
        /// Why, in a sentence.
        reason: String,
    },
    /// Nothing more happens.
    Finished {
        /// When.
        at: Timestamp,
        /// The sites that were not started.
        not_started: Vec<NotStarted>,
    },
}

/// A site that was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotStarted {
    /// The site's id.
    pub site: String,
    /// Why, in a sentence.
    pub reason: String,
}

/// A fleet run as its records have left it. Where its sites stand is told by their runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    /// What it was started with.
    pub plan: FleetPlan,
    /// Since when and why no more sites are started.
    pub stopped: Option<(Timestamp, String)>,
    /// When it ended, and the sites that were not started.
    pub finished: Option<(Timestamp, Vec<NotStarted>)>,
}

impl Fleet {
    /// Folds its records. `None` when the first does not create it.
    pub fn replay(events: impl IntoIterator<Item = FleetEvent>) -> Option<Self> {
        let mut events = events.into_iter();
        let Some(FleetEvent::Created(plan)) = events.next() else {
            return None;
        };
        let mut fleet = Fleet {
            plan: *plan,
            stopped: None,
            finished: None,
        };
        for event in events {
            fleet.follow(event);
        }
        Some(fleet)
    }

    /// Moves on by one record. The first stop and the first end stand; a second creation means nothing.
    pub fn follow(&mut self, event: FleetEvent) {
        match event {
            FleetEvent::Created(_) => {}
            FleetEvent::Stopped { at, reason } => {
                self.stopped.get_or_insert((at, reason));
            }
            FleetEvent::Finished { at, not_started } => {
                self.finished.get_or_insert((at, not_started));
            }
        }
    }
}
