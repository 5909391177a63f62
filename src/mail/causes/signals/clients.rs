//! Signals about who connects to this server: log-ins and refused relaying.

use super::super::definition::definitions;
use super::super::line::Line;
use super::super::signal::{Measure, Signal, judge, told};
use super::super::traffic::User;
use super::{Input, counted, size};

/// T7: the Guest account logged in.
pub(super) fn t7_guest(input: &Input<'_>) -> Option<Signal> {
    let guests = &definitions().guests;
    login_signal(
        "T7",
        input,
        |account, _| guests.iter().any(|guest| guest == account),
        |user| (user.log_ins.max(user.messages), user.lines.lines()),
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
        |account, user| user.from_outside.count() > 0 && matches(account),
        |user| (user.from_outside.count(), user.outside_lines.lines()),
    )
}

/// T11: one client fails to log in again and again, or tries many accounts.
pub(super) fn t11_guessing(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T11")?;
    let guessing = &input.traffic.guessing;
    let (busiest, widest) = (&guessing.busiest, &guessing.widest);
    let (count, accounts) = (definition.count("count"), definition.count("accounts"));
    let (often, wide) = (size(busiest.most) > count, size(widest.most) > accounts);
    let worst = if wide && !often { widest } else { busiest };
    judge(
        "T11",
        // The number is its own minimum.
        true,
        Measure {
            over: often || wide,
            cases: size(busiest.most),
            measured: format!(
                "{}, {} tried",
                counted(
                    size(busiest.most),
                    "failed log-in of one client in an hour",
                    "failed log-ins of one client in an hour",
                ),
                counted(size(widest.most), "account", "accounts")
            ),
            expected: format!("more than {count}, or more than {accounts} accounts"),
            lines: worst.samples.lines(),
        },
    )
}

/// T12: relay attempts from outside that were refused: probed, and closed.
pub(super) fn t12_relay_refused(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T12")?;
    let refused = &input.traffic.relay_refused;
    let (worst, clients) = (size(refused.worst_day()), refused.clients.count());
    let (count, least) = (definition.count("count"), definition.count("clients"));
    let mut measured = format!(
        "{} on the busiest day from {}",
        counted(worst, "refused attempt", "refused attempts"),
        counted(clients, "outside client", "outside clients")
    );
    if refused.from_inside > 0 {
        measured.push_str(&format!(
            ", and {} from inside: a device or program there is set up wrongly",
            refused.from_inside
        ));
    }
    judge(
        "T12",
        input.enough,
        Measure {
            over: worst >= count && clients >= least,
            cases: refused.attempts,
            measured,
            expected: format!("at least {count} a day from at least {least} clients"),
            lines: refused.samples.lines(),
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
    told_of: fn(&User) -> (u64, Vec<Line>),
) -> Option<Signal> {
    let accounts = input.traffic.accounts.ranked();
    // Log-ins are written only with SMTP Protocol logging at maximum: no log-in event at all says nothing.
    if accounts
        .iter()
        .all(|(_, user)| user.log_ins + user.messages == 0)
    {
        return told(id, None, String::new());
    }
    let hits: Vec<&(&String, &User)> = accounts
        .iter()
        .filter(|(_, user)| user.log_ins + user.messages > 0)
        .filter(|(account, user)| is(bare(account), user))
        .collect();
    let count: u64 = hits.iter().map(|(_, user)| told_of(user).0).sum();
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut measured = counted(count, "log-in", "log-ins");
    if !hits.is_empty() {
        let names: Vec<&str> = hits
            .iter()
            .take(10)
            .map(|(name, _)| name.as_str())
            .collect();
        measured.push_str(&format!(" of {}", names.join(", ")));
    }
    let who = hits
        .iter()
        .take(10)
        .map(|(name, _)| (*name).clone())
        .collect();
    let signal = judge(
        id,
        true,
        Measure {
            over: !hits.is_empty(),
            cases: count,
            measured,
            expected: "1".to_owned(),
            lines: hits.iter().flat_map(|(_, user)| told_of(user).1).collect(),
        },
    );
    signal.map(|signal| signal.about(who))
}
