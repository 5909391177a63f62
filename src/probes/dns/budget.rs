//! Politeness: how fast one operator's servers may be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What one operator is asked at most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Questions per second on average; 0 or less means no limit.
    pub rate: f64,
    /// Questions that may go at once after a pause.
    pub burst: u32,
    /// Questions waiting for an answer at once.
    pub max_in_flight: usize,
}

impl Budget {
    /// No limit but the one of the server itself. For one's own resolver.
    pub const UNLIMITED: Self = Self {
        rate: 0.0,
        burst: 0,
        max_in_flight: Semaphore::MAX_PERMITS,
    };

    /// What a free public list takes without complaint: 20 a second, 8 at once.
    pub const POLITE: Self = Self {
        rate: 20.0,
        burst: 20,
        max_in_flight: 8,
    };

    /// So many questions a second, for an operator who names a rate; 0 means no limit.
    ///
    /// Two seconds' worth may go at once after a pause. One address on two zones is eight questions with their controls, and
    /// then nothing for an hour: spread over two seconds, they would be the slowest part of the whole scan. Over any longer
    /// time the rate holds.
    pub fn per_second(rate: u32) -> Self {
        if rate == 0 {
            return Self::UNLIMITED;
        }
        Self {
            rate: f64::from(rate),
            burst: rate.saturating_mul(2).min(Self::POLITE.burst),
            ..Self::POLITE
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::POLITE
    }
}

/// Gives budgets by operator.
pub type FurtherBudgets = fn() -> Vec<(String, Budget)>;

/// The budgets of all operators.
pub(super) struct Budgets {
    default: Budget,
    operators: Mutex<HashMap<Arc<str>, Arc<Bucket>>>,
    /// Gives the budgets of further operators, when one is asked for that is not here.
    further: Mutex<Option<FurtherBudgets>>,
}

impl Budgets {
    pub(super) fn new(
        default: Budget,
        given: impl IntoIterator<Item = (String, Budget)>,
        further: Option<FurtherBudgets>,
    ) -> Self {
        let operators = given
            .into_iter()
            .map(|(name, budget)| (Arc::from(name), Arc::new(Bucket::new(budget))))
            .collect();
        Self {
            default,
            operators: Mutex::new(operators),
            further: Mutex::new(further),
        }
    }

    /// Sets or replaces an operator's budget. Questions under way keep the old one.
    pub(super) fn set(&self, operator: &str, budget: Budget) {
        let mut operators = self
            .operators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        operators.insert(Arc::from(operator), Arc::new(Bucket::new(budget)));
    }

    /// The bucket that questions for this operator are drawn from.
    pub(super) fn bucket(&self, operator: &Arc<str>) -> Arc<Bucket> {
        let mut operators = self
            .operators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !operators.contains_key(operator) {
            let further = self
                .further
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            for (name, budget) in further.into_iter().flat_map(|budgets| budgets()) {
                operators
                    .entry(Arc::from(name))
                    .or_insert_with(|| Arc::new(Bucket::new(budget)));
            }
        }
        match operators.get(operator) {
            Some(bucket) => bucket.clone(),
            None => {
                let bucket = Arc::new(Bucket::new(self.default));
                operators.insert(operator.clone(), bucket.clone());
                bucket
            }
        }
    }
}

/// A token bucket that reserves: whoever comes is told when it may go, so waiting is fair.
pub(super) struct Bucket {
    budget: Budget,
    in_flight: Arc<Semaphore>,
    /// When the next token is due; none yet: the bucket is full.
    next_free: Mutex<Option<Instant>>,
}

impl Bucket {
    fn new(budget: Budget) -> Self {
        let most = budget.max_in_flight.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            budget,
            in_flight: Arc::new(Semaphore::new(most)),
            next_free: Mutex::new(None),
        }
    }

    /// True when whoever comes may go at once.
    pub(super) fn is_unlimited(&self) -> bool {
        self.budget.rate <= 0.0 && self.budget.max_in_flight >= Semaphore::MAX_PERMITS
    }

    /// Waits until one more question may be sent; the permit is held until its answer is there.
    pub(super) async fn admit(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed, so this only fails if that changes.
        let permit = self.in_flight.clone().acquire_owned().await.ok();
        if let Some(wait) = self.reserve(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
        permit
    }

    /// Takes one token; the time to wait for it, if any.
    fn reserve(&self, now: Instant) -> Option<Duration> {
        if self.budget.rate <= 0.0 {
            return None;
        }
        let gap = Duration::try_from_secs_f64(1.0 / self.budget.rate).ok()?;
        let credit = gap.saturating_mul(self.budget.burst.saturating_sub(1));
        let mut next_free = self
            .next_free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // An idle bucket is full: its next token was due `credit` ago.
        let full = now.checked_sub(credit).unwrap_or(now);
        let due = next_free.unwrap_or(full).max(full);
        *next_free = Some(due + gap);
        let wait = due.saturating_duration_since(now);
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn budget(rate: f64, burst: u32) -> Budget {
        Budget {
            rate,
            burst,
            max_in_flight: 8,
        }
    }

    #[test]
    fn after_a_burst_the_rate_holds_and_a_pause_refills() {
        let bucket = Bucket::new(budget(10.0, 3));
        let mut now = Instant::now() + Duration::from_secs(100);
        for _ in 0..2 {
            let waits: Vec<u64> = (0..5)
                .map(|_| bucket.reserve(now).map_or(0, |w| w.as_millis() as u64))
                .collect();
            assert_eq!(waits, [0, 0, 0, 100, 200]);
            now += Duration::from_secs(9);
        }
    }

    /// 5 a second is what Spam Eating Monkey takes; a scan of one address asks its two zones eight questions.
    #[test]
    fn a_named_rate_lets_one_address_through_at_once_and_then_holds() {
        let bucket = Bucket::new(Budget::per_second(5));
        let now = Instant::now() + Duration::from_secs(100);
        let waits: Vec<u64> = (0..12)
            .map(|_| bucket.reserve(now).map_or(0, |w| w.as_millis() as u64))
            .collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 400]);
        assert!(Bucket::new(Budget::per_second(0)).is_unlimited());
        assert_eq!(Budget::per_second(500).burst, Budget::POLITE.burst);
    }

    #[test]
    fn unlimited_never_waits() {
        let bucket = Bucket::new(Budget::UNLIMITED);
        let now = Instant::now();
        assert!((0..1000).all(|_| bucket.reserve(now).is_none()));
    }

    #[tokio::test]
    async fn in_flight_is_bounded() {
        let budgets = Budgets::new(Budget::default(), [], None);
        budgets.set(
            "list",
            Budget {
                rate: 0.0,
                burst: 0,
                max_in_flight: 2,
            },
        );
        let operator: Arc<str> = "list".into();
        let bucket = budgets.bucket(&operator);
        let first = bucket.admit().await.unwrap();
        let _second = bucket.admit().await.unwrap();
        let third = tokio::time::timeout(Duration::from_millis(30), bucket.admit()).await;
        assert!(third.is_err());
        drop(first);
        assert!(bucket.admit().await.is_some());
    }
}
