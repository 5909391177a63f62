//! Signals about who hands mail in: accounts, mailboxes of the server, machines of the site.

use super::super::line::Line;
use super::super::signal::{Measure, Signal, judge, told};
use super::super::traffic::User;
use super::{Input, counted};

/// T8: one account from many places.
pub(super) fn t8_spread(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T8")?;
    let accounts = input.traffic.accounts.ranked();
    if accounts
        .iter()
        .all(|(_, user)| user.log_ins + user.messages == 0)
    {
        return told("T8", None, String::new());
    }
    let (addresses, networks) = (definition.count("addresses"), definition.count("networks"));
    let over = |user: &User| user.addresses_a_day >= addresses || user.networks_at_once >= networks;
    let widest = accounts
        .iter()
        .max_by_key(|(_, user)| (over(user), user.addresses_a_day));
    let shown = widest.is_some_and(|(_, user)| over(user));
    let who = widest
        .map(|(name, _)| (*name).clone())
        .into_iter()
        .collect();
    let signal = judge(
        "T8",
        true,
        Measure {
            over: shown,
            cases: usize::from(shown),
            measured: widest.map_or_else(String::new, |(name, user)| {
                format!(
                    "{name} from {} in a day, {} within ten minutes",
                    counted(user.addresses_a_day, "outside address", "outside addresses"),
                    counted(user.networks_at_once, "network", "networks")
                )
            }),
            expected: format!("{addresses} addresses, or {networks} networks at once"),
            lines: lines(shown, widest.map(|(_, user)| *user)),
        },
    );
    signal.map(|signal| signal.about(who))
}

/// T9: one account too fast, from outside.
pub(super) fn t9_rate(input: &Input<'_>) -> Option<Signal> {
    let accounts = input.traffic.accounts.ranked();
    rate("T9", input, &accounts, |user| user.rate_outside.most)
}

/// M1: a mailbox or a program on the server too fast.
pub(super) fn m1_mailbox(input: &Input<'_>) -> Option<Signal> {
    let programs = input.traffic.programs.ranked();
    rate("M1", input, &programs, |user| user.rate.most)
}

/// P1: a machine of the site too fast, also with one account's log-in.
pub(super) fn p1_inside(input: &Input<'_>) -> Option<Signal> {
    let mut inside = input.traffic.devices.ranked();
    let accounts = input.traffic.accounts.ranked();
    inside.extend(
        accounts
            .into_iter()
            .filter(|(_, user)| user.from_outside.count() == 0),
    );
    rate("P1", input, &inside, |user| user.rate.most)
}

fn rate(
    id: &str,
    input: &Input<'_>,
    users: &[(&String, &User)],
    most: fn(&User) -> u64,
) -> Option<Signal> {
    let definition = input.site.limits_of(id)?;
    let traffic = input.traffic;
    if !traffic.has_traffic() && users.iter().all(|(_, user)| user.log_ins == 0) {
        return told(id, None, String::new());
    }
    let limit = definition.count("count");
    let fastest = users.iter().max_by_key(|(_, user)| most(user));
    let count = fastest.map_or(0, |(_, user)| most(user));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let over = count > limit;
    let who = fastest
        .map(|(name, _)| (*name).clone())
        .into_iter()
        .collect();
    let signal = judge(
        id,
        // The number is its own minimum.
        true,
        Measure {
            over,
            cases: usize::from(over),
            measured: match fastest {
                Some((name, _)) => format!("{count} in the busiest hour, by {name}"),
                None => "none".to_owned(),
            },
            expected: format!("more than {limit} in an hour"),
            lines: lines(over, fastest.map(|(_, user)| *user)),
        },
    );
    signal.map(|signal| signal.about(who))
}

fn lines(over: bool, user: Option<&User>) -> Vec<Line> {
    user.filter(|_| over).map_or_else(Vec::new, |user| {
        let outside = &user.outside_lines;
        match outside.is_empty() {
            true => user.lines.lines(),
            false => outside.lines(),
        }
    })
}
