//! Signals about recipients: unknown ones, their spread, and domains that could not be resolved.

use super::super::signal::{Measure, Signal, judge};
use super::super::wilson::lower_bound;
use super::{Input, counted};

const HOUR: i64 = 3600;

/// T1: distinct unknown recipients on the worst day.
pub(super) fn t1_unknown(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T1")?;
    let unknown = &input.traffic.unknown;
    let worst = unknown.worst_day();
    let floor = definition.count("floor");
    let per_mailbox = definition.count("per_mailbox");
    let limit = input
        .site
        .mailboxes
        .map_or(floor, |m| floor.max(per_mailbox * m as usize));
    let mut measured = format!(
        "{} about unknown recipients, {worst} distinct on the worst day",
        counted(unknown.replies, "reply", "replies")
    );
    if unknown.hidden > 0 {
        measured.push_str(&format!(
            ", {} without the address in the text",
            unknown.hidden
        ));
    }
    let site = match input.site.mailboxes {
        Some(m) => format!("for {m} mailboxes"),
        None => "the number of mailboxes is not known".to_owned(),
    };
    judge(
        "T1",
        input.enough,
        Measure {
            over: worst > limit,
            cases: unknown.replies,
            measured,
            expected: format!("more than {limit} distinct a day, {site}"),
            lines: unknown.samples.lines(),
        },
    )
}

/// T2: spread of the unknown recipients over domains.
pub(super) fn t2_dispersion(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T2")?;
    let unknown = &input.traffic.unknown;
    let (recipients, domains) = (unknown.recipients.count(), unknown.domains.count());
    let (share, least) = (definition.limit("share"), definition.count("domains"));
    let over = domains >= least && lower_bound(domains, recipients) >= share;
    judge(
        "T2",
        input.enough,
        Measure {
            over,
            cases: domains,
            measured: format!(
                "{} in {}",
                counted(recipients, "unknown recipient", "unknown recipients"),
                counted(domains, "domain", "domains")
            ),
            expected: format!("at least {least} domains and {share} a recipient"),
            lines: unknown.samples.lines(),
        },
    )
}

/// T15: domains that failed for want of DNS, within an hour or as a share of all.
pub(super) fn t15_dns(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T15")?;
    let unresolved = &input.traffic.unresolved;
    let (domains, all) = (unresolved.domains.count(), unresolved.all_domains.count());
    let busiest = unresolved.windows.most(HOUR);
    let (an_hour, share) = (
        definition.count("domains_an_hour"),
        definition.limit("share"),
    );
    let over = busiest >= an_hour || lower_bound(domains, all) > share;
    let mut measured = format!(
        "{} for {}, at most {busiest} within an hour",
        counted(unresolved.failures, "failure", "failures"),
        counted(domains, "domain", "domains")
    );
    if unresolved.hidden > 0 {
        measured.push_str(&format!(
            ", {} without the domain in the text",
            unresolved.hidden
        ));
    }
    judge(
        "T15",
        input.enough,
        Measure {
            over,
            cases: unresolved.failures,
            measured,
            expected: format!(
                "{an_hour} domains within an hour, or more than {:.0} % of all",
                share * 100.0
            ),
            lines: unresolved.samples.lines(),
        },
    )
}

/// T18: recipients in the order of a list.
pub(super) fn t18_order(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T18")?;
    let order = &input.traffic.order;
    let run = definition.count("run");
    judge(
        "T18",
        input.enough,
        Measure {
            over: order.longest_rising >= run || order.most_domains >= run,
            cases: order.lines.len(),
            measured: format!(
                "the longest run at one domain in alphabetical order is {}, that of one name over domains is {}",
                order.longest_rising, order.most_domains
            ),
            expected: format!("a run of {run}"),
            lines: order.lines.lines(),
        },
    )
}
