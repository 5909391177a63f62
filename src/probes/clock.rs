//! The time of day as a probe sees it: the system's, or one that a rehearsal can move forward.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// Tells what time it is. Everything that writes a date into a record asks this, never the system,
/// so that a rehearsal can pass ten days in a second.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment (UTC).
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that starts at a given moment, runs on with real time, and can be moved forward.
#[derive(Debug)]
pub struct ShiftableClock {
    origin: Timestamp,
    started: Instant,
    shift: Mutex<Duration>,
}

impl ShiftableClock {
    /// A clock that reads `origin` now.
    pub fn starting_at(origin: Timestamp) -> Self {
        Self {
            origin,
            started: Instant::now(),
            shift: Mutex::new(Duration::ZERO),
        }
    }

    /// Moves the clock forward by `by`. It never goes back: recorded events keep their order.
    pub fn advance(&self, by: Duration) {
        let mut shift = self.shift.lock().unwrap_or_else(PoisonError::into_inner);
        *shift = shift.saturating_add(by);
    }
}

impl Clock for ShiftableClock {
    fn now(&self) -> Timestamp {
        let shift = *self.shift.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = self.started.elapsed().saturating_add(shift);
        SignedDuration::try_from(passed)
            .ok()
            .and_then(|passed| self.origin.checked_add(passed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_shifted_clock_jumps_ten_days_and_runs_on() {
        let origin: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let clock = ShiftableClock::starting_at(origin);
        let first = clock.now();
        assert!(first >= origin && first < origin + SignedDuration::from_secs(60));
        clock.advance(Duration::from_secs(10 * 86_400));
        let later = clock.now();
        assert!(later >= first + SignedDuration::from_secs(10 * 86_400));
        std::thread::sleep(Duration::from_millis(5));
        assert!(clock.now() > later);
    }

    #[test]
    fn a_clock_moved_past_the_end_of_time_stays_there() {
        let clock = ShiftableClock::starting_at(Timestamp::MAX);
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), Timestamp::MAX);
    }
}
