//! Answers kept for as long as their zone allows, inside this process only.
//!
//! Only statements about a name are kept (records, no data, no such name); a refusal or a failure
//! never is. The key is the exact name and type: that a name does not exist says nothing about
//! names below it, because list servers answer NXDOMAIN for the empty nodes above their entries.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::answer::{Answer, Transport};
use super::question::{Question, RecordKind};

/// No answer is kept longer than this, whatever its TTL says (seconds).
const LONGEST: u32 = 86_400;
/// The same for negative answers (RFC 2308 section 5).
const LONGEST_NEGATIVE: u32 = 10_800;

type Key = (Arc<str>, RecordKind, Option<SocketAddr>);

struct Kept {
    answer: Arc<Answer>,
    until: Timestamp,
}

/// Two generations: when the young one is full it becomes the old one, and the old one goes.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Kept>,
    old: HashMap<Key, Kept>,
}

/// A bounded store of answers.
pub(super) struct Cache {
    generations: Mutex<Generations>,
    half: usize,
}

impl Cache {
    /// Keeps at most `capacity` answers; 0 keeps none.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            generations: Mutex::default(),
            half: capacity / 2,
        }
    }

    /// The kept answer, with its TTL counted down.
    pub(super) fn get(
        &self,
        question: &Question,
        scope: Option<SocketAddr>,
        now: Timestamp,
    ) -> Option<Answer> {
        if self.half == 0 {
            return None;
        }
        let key = key(question, scope);
        let generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let kept = generations
            .young
            .get(&key)
            .or_else(|| generations.old.get(&key))?;
        let left = kept.until.duration_since(now).as_secs();
        if left <= 0 {
            return None;
        }
        let mut answer = Answer::clone(&kept.answer);
        drop(generations);
        answer.question = question.clone();
        answer.ttl = Some(u32::try_from(left).unwrap_or(LONGEST));
        answer.transport = Transport::Cache;
        answer.duration = std::time::Duration::ZERO;
        answer.tries = 0;
        Some(answer)
    }

    /// Keeps a conclusive answer for its TTL; anything else is let go.
    pub(super) fn put(&self, answer: &Answer, scope: Option<SocketAddr>, now: Timestamp) {
        let (true, Some(ttl)) = (self.half > 0 && answer.outcome.is_conclusive(), answer.ttl)
        else {
            return;
        };
        let most = if answer.records().is_empty() {
            LONGEST_NEGATIVE
        } else {
            LONGEST
        };
        let seconds = i64::from(ttl.min(most));
        let Ok(until) = now.checked_add(SignedDuration::from_secs(seconds)) else {
            return;
        };
        if seconds == 0 {
            return;
        }
        let kept = Kept {
            answer: Arc::new(answer.clone()),
            until,
        };
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= self.half {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key(&answer.question, scope), kept);
    }
}

fn key(question: &Question, scope: Option<SocketAddr>) -> Key {
    (question.secret_name().clone(), question.kind(), scope)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::answer::Outcome;
    use super::*;

    fn answer(name: &str, outcome: Outcome, ttl: Option<u32>, now: Timestamp) -> Answer {
        Answer {
            question: Question::new(name, RecordKind::A),
            outcome,
            chain: Vec::new(),
            server: None,
            transport: Transport::Udp,
            asked_at: now,
            duration: std::time::Duration::from_millis(3),
            tries: 1,
            ttl,
            truncated: false,
            authoritative: false,
        }
    }

    #[test]
    fn only_statements_about_the_name_are_kept_and_only_until_their_ttl() {
        let now: Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
        let later = now + SignedDuration::from_secs(100);
        for (outcome, ttl, kept_now, kept_later) in [
            (Outcome::NxDomain, Some(300), true, true),
            (Outcome::NxDomain, Some(60), true, false),
            (Outcome::NoData, Some(300), true, true),
            (Outcome::NoData, None, false, false),
            (Outcome::Refused, Some(300), false, false),
            (Outcome::ServFail, Some(300), false, false),
            (Outcome::Timeout, Some(300), false, false),
            (Outcome::NxDomain, Some(0), false, false),
        ] {
            let cache = Cache::new(100);
            let given = answer("a.example", outcome, ttl, now);
            cache.put(&given, None, now);
            let question = Question::new("a.example", RecordKind::A);
            assert_eq!(
                cache.get(&question, None, now).is_some(),
                kept_now,
                "{given}"
            );
            let found = cache.get(&question, None, later);
            assert_eq!(found.is_some(), kept_later, "{given}");
            if let Some(found) = found {
                assert_eq!(found.ttl, Some(200));
                assert_eq!(found.transport, Transport::Cache);
            }
        }
    }

    #[test]
    fn a_missing_name_says_nothing_about_names_below_it() {
        let now = Timestamp::UNIX_EPOCH;
        let cache = Cache::new(100);
        cache.put(
            &answer("0.127.bl.example", Outcome::NxDomain, Some(900), now),
            None,
            now,
        );
        let below = Question::new("2.0.0.127.bl.example", RecordKind::A);
        assert!(cache.get(&below, None, now).is_none());
    }

    #[test]
    fn the_capacity_holds() {
        let now = Timestamp::UNIX_EPOCH;
        let cache = Cache::new(10);
        for index in 0..1000 {
            cache.put(
                &answer(
                    &format!("n{index}.example"),
                    Outcome::NxDomain,
                    Some(900),
                    now,
                ),
                None,
                now,
            );
        }
        let generations = cache.generations.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 10);
        drop(generations);
        let last = Question::new("n999.example", RecordKind::A);
        assert!(cache.get(&last, None, now).is_some());
    }
}
