//! Lines that a verdict rests on.

use std::sync::Arc;

use crate::mail::events::{Event, Place};

/// Characters of a quoted line, at most.
const LONGEST: usize = 400;

/// A line of a log as evidence: where it stands, and for the first ones of their kind what it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Where it stands.
    pub place: Place,
    /// When and what, 400 characters at most. Kept for a few lines only, so that memory stays flat.
    pub text: Option<Arc<str>>,
}

impl Line {
    /// The line of an event without its text.
    pub(super) fn at(event: &Event<'_>) -> Self {
        Self {
            place: event.place.clone(),
            text: None,
        }
    }

    /// The line of an event with its text.
    pub(super) fn quoted(event: &Event<'_>) -> Self {
        let clock = |text: &str| {
            text.get(11..19)
                .is_some_and(|clock| event.text.contains(clock))
        };
        let utc = || event.time.map(|time| time.to_string());
        let when = event.local.map(|local| local.to_string()).or_else(utc);
        // A line of a log file begins with its own time.
        let when = when.filter(|when| !clock(when));
        let when = when.map_or_else(String::new, |when| format!("{when} "));
        let id = event.id;
        let id = id.map_or_else(String::new, |id| format!("event {id}: "));
        let text: String = event.text.chars().take(LONGEST).collect();
        Self {
            text: Some(format!("{when}{id}{text}").into()),
            ..Self::at(event)
        }
    }
}
