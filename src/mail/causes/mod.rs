//! Causes: what the counted failures of a site speak for, how strongly, and what would settle it.
//!
//! [`analyse`] classifies every failure, measures the signals and weighs the causes. The signals, their
//! limits and the causes are data (`mail/data/causes.yaml`). An event log holds failures only, so no
//! verdict here is better than its counts: they are part of it, and so are the lines it rests on.

mod analysis;
#[cfg(test)]
mod corpus;
mod definition;
mod facts;
mod failure;
mod line;
mod signal;
mod signals;
#[cfg(test)]
mod tests;
mod timeline;
mod traffic;
mod weigh;
mod wilson;

pub use analysis::{Analysis, Remote, analyse, analyse_counted};
pub use definition::{
    CauseDefinition, Definitions, Minimum, SignalDefinition, Weight, cause_definition, definitions,
};
pub use facts::{DeadDomains, Facts, RelayFact, SiteFacts, read_hours};
pub use failure::Failure;
pub use line::Line;
pub use signal::{Signal, State};
pub use timeline::{Point, Timeline, Unit};
pub use traffic::{Kind, Register, Reported, Tally, Traffic, Usage};
pub use weigh::{Cause, Confidence, NotShown};
pub use wilson::lower_bound;
