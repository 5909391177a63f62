//! The one door to the world.

use std::sync::Arc;

mod clock;

pub use clock::{Clock, ShiftableClock, SystemClock};

/// Everything an action may touch, handed in by whoever starts it.
#[derive(Debug, Clone)]
pub struct Probes {
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}
