//! The same in several logs: mainlog and rejectlog, message tracking and protocol log, a log and the bounces that came of it,
//! `mail.log` and the `syslog` beside it. Counted once, or a technician who brings more logs would see more failures and
//! busier accounts.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::model::{Event, What};
use crate::mail::reply::Reply;

/// Failures that are remembered, at most. What comes after is counted as it stands.
const MOST: usize = 200_000;

/// Successes that are remembered, at most.
const MOST_SUCCESSES: usize = 1_000_000;

const DAY: i64 = 24 * 3600;

/// Remembers failures and log-ins, and tells which of them another log has told.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// The file that a line stands in, by its text and time.
    lines: HashMap<u64, Arc<str>>,
    /// The format of the file that is being read.
    format: Kind,
    /// How often each kind of log tells the same failure on a day.
    failures: HashMap<u64, Vec<(Kind, u32)>>,
    /// The number of the file that told a log-in, a message or a delivery first; only of those that may come again.
    successes: HashMap<u64, u32>,
    /// The latest of their times.
    remembered_until: Option<Timestamp>,
    /// From when on a later file may repeat the lines of this one. `None`: none does.
    repeated_from: Option<Timestamp>,
    /// The number of the file that is being read.
    file: u32,
    /// Events that were told before.
    pub found: u64,
}

/// The kind of a log: the name of its format.
type Kind = &'static str;

impl Duplicates {
    /// A file of this format begins.
    pub fn begins(&mut self, format: &'static str) {
        self.format = format;
    }

    /// Before a file begins: a file that is still to come may repeat its lines from then on. Without that nothing of it is
    /// remembered, so that logs which follow each other cost no memory.
    pub fn may_come_again(&mut self, from: Option<Timestamp>) {
        self.repeated_from = from;
        self.file += 1;
    }

    /// Whether another log has told this already.
    pub fn told(&mut self, event: &Event<'_>) -> bool {
        let known = self.same_line(event) || self.same_failure(event) || self.same_success(event);
        self.found += u64::from(known);
        known
    }

    /// A line that stands in two files: the rejectlog beside the mainlog, a rotated log and its copy.
    fn same_line(&mut self, event: &Event<'_>) -> bool {
        if !(event.what.is_failure() || event.what == What::AuthFailed) {
            return false;
        }
        let Some(time) = event.time.filter(|_| !event.text.is_empty()) else {
            return false;
        };
        let key = digest(&(time, &event.text, event.record, &event.recipient));
        match self.lines.get(&key) {
            Some(file) => *file != event.place.file,
            None if self.lines.len() >= MOST => false,
            None => {
                self.lines.insert(key, Arc::clone(&event.place.file));
                false
            }
        }
    }

    /// A log-in, a message or a delivery whose line stands in two files.
    fn same_success(&mut self, event: &Event<'_>) -> bool {
        let success = matches!(
            event.what,
            What::Received | What::Delivered | What::Authenticated
        );
        let Some(time) = event.time.filter(|_| success && !event.text.is_empty()) else {
            return false;
        };
        let remember = self.repeated_from.is_some_and(|from| time >= from);
        // Logs that follow each other share no more than the second at which one ends.
        let known = self.remembered_until.is_some_and(|until| time <= until);
        if !remember && !known {
            return false;
        }
        let key = digest(&(
            time,
            &event.text,
            event.record,
            &event.recipient,
            event.what,
        ));
        match self.successes.get(&key) {
            Some(file) => *file != self.file,
            None => {
                if remember && self.successes.len() < MOST_SUCCESSES {
                    self.successes.insert(key, self.file);
                    self.remembered_until = self.remembered_until.max(Some(time));
                }
                false
            }
        }
    }

    /// One refusal of one recipient, as logs of different kinds tell it. What one of them tells more often than all others
    /// is more than they saw.
    fn same_failure(&mut self, event: &Event<'_>) -> bool {
        let told = matches!(event.what, What::Refused | What::Ndr | What::DeliveryFailed);
        let (Some(recipient), Some(time)) = (event.recipient.as_deref(), event.time) else {
            return false;
        };
        if !told {
            return false;
        }
        // A bounce has the status where the log has the code as well: whether it is for good is common to all.
        let class = event
            .status
            .map(|status| u16::from(status.class))
            .or_else(|| {
                let reply = Reply::parse(event.reply.as_deref()?);
                let status = reply.status.map(|status| u16::from(status.class));
                status.or(reply.code.map(|code| code / 100))
            });
        if class.is_none() {
            return false;
        }
        let day = time.as_second().div_euclid(DAY);
        let key = digest(&(recipient.to_lowercase(), class, day));
        let kind = self.format;
        if self.failures.len() >= MOST && !self.failures.contains_key(&key) {
            return false;
        }
        let counts = self.failures.entry(key).or_default();
        let others = counts.iter().filter(|(of, _)| *of != kind);
        let others = others.map(|(_, n)| *n).max().unwrap_or(0);
        let position = counts.iter().position(|(of, _)| *of == kind);
        let at = position.unwrap_or_else(|| {
            counts.push((kind, 0));
            counts.len() - 1
        });
        counts[at].1 += 1;
        counts[at].1 <= others
    }
}

fn digest(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mail::events::Place;

    fn refusal(file: &str, minute: u32, reply: &'static str) -> Event<'static> {
        let time = format!("2026-11-02T08:{minute:02}:00Z");
        Event {
            time: Some(time.parse().unwrap()),
            what: What::Refused,
            recipient: Some("who@partner.example".into()),
            reply: Some(reply.into()),
            text: format!("{minute} {reply}").into(),
            ..Event::at(Place {
                file: file.into(),
                first: minute,
                last: minute,
            })
        }
    }

    #[test]
    fn the_same_line_in_two_files_counts_once() {
        let mut known = Duplicates::default();
        known.begins("exim");
        assert!(!known.told(&refusal("mainlog", 1, "550 no")));
        assert!(known.told(&refusal("rejectlog", 1, "550 no")));
        assert!(!known.told(&refusal("mainlog", 1, "550 no")));
        // Two logs of one kind follow each other: what is in the second is new.
        assert!(!known.told(&refusal("rejectlog", 2, "550 no")));
        assert_eq!(known.found, 1);
    }

    #[test]
    fn another_kind_of_log_adds_only_what_is_new() {
        let mut known = Duplicates::default();
        known.begins("postfix");
        for minute in 1..=3 {
            assert!(!known.told(&refusal("mail.log", minute, "550 5.1.1 no")));
        }
        known.begins("mail");
        // Three of four bounces are those of the log; the fourth is of another server.
        let told: Vec<bool> = (11..=14)
            .map(|minute| known.told(&refusal("inbox", minute, "550 5.1.1 refused")))
            .collect();
        assert_eq!(told, [true, true, true, false]);
        // Another verdict is another failure.
        assert!(!known.told(&refusal("inbox", 20, "452 4.2.2 full")));
    }

    #[test]
    fn a_success_counts_once_where_a_later_file_may_repeat_it() {
        let nine = |minute: u32| format!("2026-11-02T08:{minute:02}:00Z").parse().unwrap();
        for what in [What::Delivered, What::Received, What::Authenticated] {
            let mut known = Duplicates::default();
            let told = |known: &mut Duplicates, minute: u32| {
                known.told(&Event {
                    what,
                    ..refusal("a", minute, "250 ok")
                })
            };
            known.may_come_again(Some(nine(5)));
            for minute in [1, 5, 6, 6] {
                assert!(!told(&mut known, minute));
            }
            // What stood before the beginning of the second file cannot be in it, and is not remembered.
            assert_eq!(known.successes.len(), 2);
            known.may_come_again(None);
            let second: Vec<bool> = [5, 6, 7].map(|minute| told(&mut known, minute)).into();
            assert_eq!(second, [true, true, false]);
            assert_eq!((known.found, known.successes.len()), (2, 2));
        }
    }
}
