//! The usage register: who and what sends through the server.

use serde::Serialize;
use serde_json::Value;

use super::moment::{Calendar, When};
use super::observe::latest;
use super::read::{get, list, text};
use crate::record::{Event, RunState};

/// One user of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageView {
    /// `account`, `mailbox`, `device`, `application`, `address`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Log-ins that are not messages.
    pub log_ins: u64,
    /// Messages handed in.
    pub messages: u64,
    /// Recipients to whom mail was delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// `1.2 MB`; empty where the log does not tell.
    pub volume: String,
    /// From where it came: `192.168.1.10 and 3 more`.
    pub clients: String,
    /// First seen.
    pub first: Option<When>,
    /// Last seen.
    pub last: Option<When>,
}

/// The users that the analyses of logs have found.
pub(super) fn usage(events: &[Event], state: &RunState, calendar: &Calendar) -> Vec<UsageView> {
    latest(events, state, "events.analyze")
        .iter()
        .flat_map(|seen| users(&seen.outputs))
        .map(|user| one(user, calendar))
        .collect()
}

/// The users in the outputs of one analysis.
pub(super) fn users(outputs: &Value) -> &[Value] {
    list(get(outputs, "usage"), "users")
}

fn one(user: &Value, calendar: &Calendar) -> UsageView {
    let count = |key| get(user, key).as_u64().unwrap_or(0);
    let when = |key| {
        let at = get(user, key).as_str()?.parse().ok()?;
        Some(calendar.when(at))
    };
    let clients = list(user, "clients");
    let named = clients.first().and_then(Value::as_str).unwrap_or_default();
    let others = count("client_count").saturating_sub(1);
    UsageView {
        kind: text(user, "kind"),
        name: text(user, "name"),
        log_ins: count("log_ins"),
        messages: count("messages"),
        delivered: count("delivered"),
        failed: count("failed"),
        volume: volume(count("bytes")),
        clients: match others {
            0 => named.to_owned(),
            others => format!("{named} and {others} more"),
        },
        first: when("first"),
        last: when("last"),
    }
}

/// `340 kB`, `1.2 MB`; empty for nothing.
fn volume(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        1..1_000_000 => format!("{} kB", bytes.div_ceil(1_000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::volume;

    #[test]
    fn volumes_are_told_in_round_units() {
        for (bytes, said) in [
            (0, ""),
            (1, "1 kB"),
            (999_000, "999 kB"),
            (1_250_000, "1.2 MB"),
        ] {
            assert_eq!(volume(bytes), said);
        }
    }
}
