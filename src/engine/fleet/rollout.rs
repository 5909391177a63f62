//! How many sites may be started now. Pure.

use crate::record::FleetLimits;
use crate::runbook::{Amount, Rollout};

/// The runbook's limits, for so many sites. `max_concurrent` replaces the runbook's.
pub fn limits(rollout: &Rollout, sites: usize, max_concurrent: Option<usize>) -> FleetLimits {
    let canary = match rollout.canary {
        Amount::Count(0) | Amount::Percent(0) => 0,
        asked => asked.at_least_one(sites).min(sites),
    };
    FleetLimits {
        max_concurrent: max_concurrent
            .unwrap_or_else(|| rollout.max_concurrent.at_least_one(sites)),
        max_failures: rollout.max_failures.at_most(sites),
        canary,
    }
}

/// Where the sites of a fleet stand, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// All sites.
    pub(super) sites: usize,
    /// Sites that are being worked on. Those that wait for a date or a person are not.
    pub(super) working: usize,
    /// Sites whose run has failed or was called off.
    pub(super) failed: usize,
    /// Sites that have not been started, among the first [`FleetLimits::canary`].
    pub(super) canaries_left: usize,
    /// Canary sites that have not ended well, those not started included.
    pub(super) canaries_open: usize,
    /// Canary sites that have failed, or could not be started.
    pub(super) canaries_failed: usize,
    /// Other sites that have not been started.
    pub(super) others_left: usize,
}

/// What may be done about the sites that have not been started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Permit {
    /// So many more may be started now.
    Start(usize),
    /// None will be started any more, for this reason.
    Stop(String),
}

/// What the limits permit. The failures that are put up with may be reached; only more of them stop the fleet.
pub(super) fn permit(limits: &FleetLimits, tally: &Tally) -> Permit {
    if tally.canaries_failed > 0 {
        return Permit::Stop(format!(
            "{} that went first did not end well",
            sites(tally.canaries_failed)
        ));
    }
    if tally.failed > limits.max_failures {
        return Permit::Stop(format!(
            "{} of {} failed, and the runbook puts up with {}",
            tally.failed,
            sites(tally.sites),
            limits.max_failures
        ));
    }
    let left = if tally.canaries_open > 0 {
        tally.canaries_left
    } else {
        tally.others_left
    };
    Permit::Start(left.min(limits.max_concurrent.saturating_sub(tally.working)))
}

fn sites(count: usize) -> String {
    match count {
        1 => "1 site".to_owned(),
        count => format!("{count} sites"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: FleetLimits = FleetLimits {
        max_concurrent: 4,
        max_failures: 2,
        canary: 0,
    };

    fn tally(working: usize, failed: usize, others_left: usize) -> Tally {
        Tally {
            sites: 20,
            working,
            failed,
            others_left,
            ..Tally::default()
        }
    }

    #[test]
    fn shares_of_places_round_up_and_of_failures_down() {
        let rollout = |max_concurrent, max_failures, canary| Rollout {
            max_concurrent,
            max_failures,
            canary,
            order: Vec::new(),
        };
        use Amount::{Count, Percent};
        for (given, sites, wanted) in [
            (
                rollout(Percent(10), Percent(10), Percent(10)),
                15,
                (2, 1, 2),
            ),
            (rollout(Percent(1), Percent(5), Percent(1)), 10, (1, 0, 1)),
            (rollout(Count(8), Count(3), Count(5)), 4, (8, 3, 4)),
            (rollout(Count(8), Percent(100), Count(0)), 4, (8, 4, 0)),
            (rollout(Percent(50), Count(0), Percent(0)), 7, (4, 0, 0)),
        ] {
            let got = limits(&given, sites, None);
            assert_eq!(
                (got.max_concurrent, got.max_failures, got.canary),
                wanted,
                "{given:?} of {sites}"
            );
        }
        let asked = limits(&rollout(Count(8), Count(0), Count(0)), 4, Some(2));
        assert_eq!(asked.max_concurrent, 2, "--max-concurrent goes first");
    }

    #[test]
    fn as_many_as_there_are_places_and_sites() {
        for (working, left, may) in [
            (0, 20, 4),
            (3, 20, 1),
            (4, 20, 0),
            (9, 20, 0),
            (1, 2, 2),
            (0, 0, 0),
        ] {
            assert_eq!(
                permit(&LIMITS, &tally(working, 0, left)),
                Permit::Start(may),
                "{working} working, {left} left"
            );
        }
    }

    #[test]
    fn only_more_failures_than_are_put_up_with_stop_the_fleet() {
        assert_eq!(permit(&LIMITS, &tally(0, 2, 5)), Permit::Start(4));
        assert_eq!(
            permit(&LIMITS, &tally(0, 3, 5)),
            Permit::Stop("3 of 20 sites failed, and the runbook puts up with 2".to_owned())
        );
        let none = FleetLimits {
            max_failures: 0,
            ..LIMITS
        };
        assert!(matches!(permit(&none, &tally(0, 1, 5)), Permit::Stop(_)));
    }

    #[test]
    fn canaries_go_first_and_must_end_well() {
        let limits = FleetLimits {
            canary: 2,
            ..LIMITS
        };
        let canaries = |left, open, failed| Tally {
            canaries_left: left,
            canaries_open: open,
            canaries_failed: failed,
            ..tally(open - left, failed, 18)
        };
        assert_eq!(permit(&limits, &canaries(2, 2, 0)), Permit::Start(2));
        // Both are under way, or wait for days: nobody else starts.
        assert_eq!(permit(&limits, &canaries(0, 2, 0)), Permit::Start(0));
        assert_eq!(permit(&limits, &canaries(0, 1, 0)), Permit::Start(0));
        assert_eq!(permit(&limits, &canaries(0, 0, 0)), Permit::Start(4));
        // One failure of a canary is too much, whatever is put up with later.
        assert!(matches!(
            permit(&limits, &canaries(0, 1, 1)),
            Permit::Stop(_)
        ));
    }
}
