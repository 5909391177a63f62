//! The one door to the world: DNS, SMTP, HTTP, commands and the clock. Everything that looks at or
//! touches something outside the process goes through [`Probes`], which comes in by argument.

pub mod clock;
pub mod dns;

use std::sync::Arc;

pub use clock::{Clock, ShiftableClock, SystemClock};
pub use dns::{Dns, DnsSettings};

/// Everything an action may touch, handed in by whoever starts it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Probes {
    /// Names.
    pub dns: Dns,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// How the probes are set up.
#[derive(Debug, Clone, Default)]
pub struct ProbeSettings {
    /// Resolvers, tries, budgets.
    pub dns: DnsSettings,
}

impl Probes {
    /// Probes as `settings` say, with `clock` for the time. Nothing is sent or opened yet.
    pub fn new(settings: ProbeSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            dns: Dns::new(settings.dns, clock.clone()),
            clock,
        }
    }
}
