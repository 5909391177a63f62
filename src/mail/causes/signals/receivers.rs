//! Signals about receivers: how many hold our standing against us, and what they say is wrong.

use super::super::signal::{Measure, Signal, judge};
use super::super::wilson::lower_bound;
use super::{Input, counted};
use crate::mail::reply::Class;

const DAY: i64 = 24 * 3600;

/// T14: receiver organisations that answer with rate, reputation or block, within any 24 hours.
pub(super) fn t14_standing(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T14")?;
    let standing = &input.traffic.standing;
    let within = standing.windows.most(DAY);
    let limit = definition.count("organisations");
    let mut measured = format!(
        "{} of {}",
        counted(standing.replies, "reply", "replies"),
        counted(
            within,
            "organisation within a day",
            "organisations within a day"
        )
    );
    if !standing.named.is_empty() {
        let named: Vec<&str> = standing.named.iter().map(String::as_str).collect();
        measured.push_str(&format!(" ({})", named.join("; ")));
    }
    judge(
        "T14",
        input.enough,
        Measure {
            over: within >= limit,
            cases: standing.replies,
            measured,
            expected: format!("at least {limit} organisations"),
            lines: standing.samples.lines(),
        },
    )
}

/// T17: remote hosts that could not be reached when they were tried last.
pub(super) fn t17_unreachable(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T17")?;
    let hosts = input.traffic.reach.ranked();
    let dead: Vec<_> = hosts.iter().filter(|(_, reach)| reach.dead).collect();
    let (share, least) = (definition.limit("share"), definition.count("hosts"));
    judge(
        "T17",
        input.enough && hosts.len() >= least,
        Measure {
            over: lower_bound(dead.len(), hosts.len()) > share,
            cases: dead.len(),
            measured: format!(
                "{} of {}",
                dead.len(),
                counted(hosts.len(), "remote host", "remote hosts")
            ),
            expected: format!("more than {:.0} % of at least {least}", share * 100.0),
            lines: dead
                .iter()
                .flat_map(|(_, reach)| reach.lines.lines())
                .take(100)
                .collect(),
        },
    )
}

/// R1: reverse DNS is named.
pub(super) fn r1_reverse_name(input: &Input<'_>) -> Option<Signal> {
    said("R1", input, Class::Ptr)
}

/// R2: SPF, DKIM or DMARC are named.
pub(super) fn r2_authentication(input: &Input<'_>) -> Option<Signal> {
    said("R2", input, Class::Authpol)
}

/// R3: a block or list is named.
pub(super) fn r3_listing(input: &Input<'_>) -> Option<Signal> {
    said("R3", input, Class::BlockIp)
}

/// R4: the next host does not relay for us.
pub(super) fn r4_relay(input: &Input<'_>) -> Option<Signal> {
    said("R4", input, Class::Relay)
}

/// A signal by what receivers say. Their words need no minimum of other failures.
fn said(id: &str, input: &Input<'_>, class: Class) -> Option<Signal> {
    let definition = input.site.limits_of(id)?;
    let said = input.traffic.words.of(class);
    let replies = said.map_or(0, |said| said.replies);
    let organisations = said.map_or(0, |said| said.organisations.count());
    let count = definition.count("count");
    let over = replies >= count;
    judge(
        id,
        // One or two replies are seen, not judged; none at all in a long log is none.
        over || (input.enough && replies == 0),
        Measure {
            over,
            cases: replies,
            measured: format!(
                "{} of {}",
                counted(replies, "reply", "replies"),
                counted(organisations, "organisation", "organisations")
            ),
            expected: format!("at least {count} replies"),
            lines: said.map_or_else(Vec::new, |said| said.samples.lines()),
        },
    )
}
