//! Signals about who connects to this server: log-ins and refused relaying.

use std::collections::{BTreeMap, BTreeSet};

use super::super::definition::definitions;
use super::super::failure::Failure;
use super::super::signal::{Measure, Signal, judge, told};
use super::super::traffic::User;
use super::{Input, counted, places};
use crate::mail::events::{Event, Place, What};
use crate::mail::reply::Class;

/// T7: the Guest account logged in.
pub(super) fn t7_guest(input: &Input<'_>) -> Option<Signal> {
    let guests = &definitions().guests;
    login_signal(
        "T7",
        input,
        |account, _| guests.iter().any(|guest| guest == account),
        |user| user.places.clone(),
    )
}

/// T10: an account that nobody uses from outside logged in from there.
pub(super) fn t10_odd_account(input: &Input<'_>) -> Option<Signal> {
    let odd = &definitions().odd_accounts;
    let matches = |account: &str| {
        odd.iter().any(|known| match known.strip_suffix('*') {
            Some(stem) => account.starts_with(stem),
            None => account == known,
        })
    };
    login_signal(
        "T10",
        input,
        |account, user| user.from_outside > 0 && matches(account),
        |user| user.outside_places.clone(),
    )
}

/// T11: one client fails to log in again and again.
pub(super) fn t11_guessing(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T11")?;
    let mut by_hour: BTreeMap<(&str, i64), Vec<&Event>> = BTreeMap::new();
    for event in input.events.iter().filter(|e| e.what == What::AuthFailed) {
        if let (Some(client), Some(time)) = (event.remote.as_deref(), event.time) {
            by_hour
                .entry((client, time.as_second().div_euclid(3600)))
                .or_default()
                .push(event);
        }
    }
    let worst = by_hour
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default();
    let count = definition.count("count");
    judge(
        "T11",
        // The number is its own minimum.
        true,
        Measure {
            over: worst.len() > count,
            cases: worst.len(),
            measured: counted(
                worst.len(),
                "failed log-in of one client in an hour",
                "failed log-ins of one client in an hour",
            ),
            expected: format!("more than {count}"),
            places: worst.iter().map(|e| e.place.clone()).collect(),
        },
    )
}

/// T12: relay attempts from outside that were refused: probed, and closed.
pub(super) fn t12_relay_refused(input: &Input<'_>) -> Option<Signal> {
    let definition = definitions().signal("T12")?;
    let refused: Vec<&Failure<'_>> = input
        .failures
        .iter()
        .filter(|f| f.event.what == What::RefusedClient && f.class == Class::Relay)
        .collect();
    let inside = |f: &&&Failure<'_>| {
        f.event
            .remote
            .as_deref()
            .and_then(|c| input.site.is_inside(c))
            == Some(true)
    };
    let from_inside = refused.iter().filter(inside).count();
    let outside: Vec<&Failure<'_>> = refused.iter().filter(|f| !inside(f)).copied().collect();
    let clients: BTreeSet<&str> = outside
        .iter()
        .filter_map(|f| f.event.remote.as_deref())
        .collect();
    let mut by_day: BTreeMap<Option<jiff::civil::Date>, usize> = BTreeMap::new();
    for failure in &outside {
        *by_day.entry(failure.event.day()).or_insert(0) += 1;
    }
    let worst = by_day.values().copied().max().unwrap_or(0);
    let (count, least) = (definition.count("count"), definition.count("clients"));
    let mut measured = format!(
        "{} on the busiest day from {}",
        counted(worst, "refused attempt", "refused attempts"),
        counted(clients.len(), "outside client", "outside clients")
    );
    if from_inside > 0 {
        measured.push_str(&format!(
            ", and {from_inside} from inside: a device or program there is set up wrongly"
        ));
    }
    judge(
        "T12",
        input.enough,
        Measure {
            over: worst >= count && clients.len() >= least,
            cases: refused.len(),
            measured,
            expected: format!("at least {count} a day from at least {least} clients"),
            places: places(refused),
        },
    )
}

/// The account without its domain.
fn bare(account: &str) -> &str {
    let bare = account.rsplit(['\\', '/']).next().unwrap_or(account);
    bare.split('@').next().unwrap_or(bare).trim()
}

fn login_signal(
    id: &str,
    input: &Input<'_>,
    is: impl Fn(&str, &User) -> bool,
    places: fn(&User) -> Vec<Place>,
) -> Option<Signal> {
    let accounts = input.traffic.accounts.ranked();
    // Log-ins are written only with SMTP Protocol logging at maximum: no log-in event at all says nothing.
    if accounts
        .iter()
        .all(|(_, user)| user.log_ins + user.messages == 0)
    {
        return told(id, None, String::new());
    }
    let hits: Vec<&(&str, &User)> = accounts
        .iter()
        .filter(|(_, user)| user.log_ins + user.messages > 0)
        .filter(|(account, user)| is(bare(account), user))
        .collect();
    let count: u64 = hits.iter().map(|(_, u)| u.log_ins + u.messages).sum();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut measured = counted(count, "log-in", "log-ins");
    if !hits.is_empty() {
        let names: Vec<&str> = hits.iter().take(10).map(|(name, _)| *name).collect();
        measured.push_str(&format!(" of {}", names.join(", ")));
    }
    judge(
        id,
        true,
        Measure {
            over: !hits.is_empty(),
            cases: count,
            measured,
            expected: "1".to_owned(),
            places: hits.iter().flat_map(|(_, user)| places(user)).collect(),
        },
    )
}
