//! Signals about envelope senders: empty ones, foreign ones, and mail of strangers that was passed on.

use super::super::definition::Limits;
use super::super::signal::{Measure, Signal, judge, told, unmeasured};
use super::super::wilson::lower_bound;
use super::{Input, counted, size};

/// T5: outgoing mail without a sender.
pub(super) fn t5_null_sender(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T5")?;
    let traffic = input.traffic;
    if traffic.outbound == 0 {
        return told("T5", None, String::new());
    }
    let (null, all) = (size(traffic.null_sender), size(traffic.outbound));
    let busiest = size(traffic.null_by_day.values().copied().max().unwrap_or(0));
    let (share, least) = (definition.limit("share"), definition.count("messages"));
    let day = by_mailboxes(definition, input);
    let over = all >= least && lower_bound(null, all) >= share || busiest > day;
    judge(
        "T5",
        input.enough || input.enough_traffic,
        Measure {
            over,
            cases: null,
            measured: format!(
                "{null} of {}, {busiest} on the busiest day",
                counted(all, "message", "messages")
            ),
            expected: format!(
                "at least {:.0} % of at least {least}, or more than {day} a day",
                share * 100.0
            ),
            lines: traffic.null_lines.lines(),
        },
    )
}

/// T6: senders of foreign domains.
pub(super) fn t6_foreign_sender(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T6")?;
    if input.site.domains.is_empty() {
        return no_domains("T6", input);
    }
    let foreign = &input.traffic.foreign;
    let senders = foreign.foreign.len();
    let recipients = foreign.foreign_recipients.len();
    let (least, fixed) = (definition.count("senders"), definition.count("recipients"));
    judge(
        "T6",
        input.enough || input.enough_traffic,
        Measure {
            over: senders >= least && recipients > fixed,
            cases: senders,
            measured: format!(
                "{} to {}",
                counted(senders, "foreign sender", "foreign senders"),
                counted(recipients, "recipient", "recipients")
            ),
            expected: format!("at least {least} senders to more than {fixed} recipients"),
            lines: foreign.lines.lines(),
        },
    )
}

/// T13: mail of strangers to strangers was passed on.
pub(super) fn t13_relayed(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("T13")?;
    if input.site.domains.is_empty() {
        return no_domains("T13", input);
    }
    if input.traffic.delivered == 0 {
        return told("T13", None, String::new());
    }
    let relayed = input.traffic.relayed.so_far();
    let (messages, networks, recipients) = (
        definition.count("messages"),
        definition.count("networks"),
        definition.count("recipients"),
    );
    let over = !relayed.unsure
        && relayed.messages >= messages
        && relayed.networks.len() >= networks
        && relayed.recipients.len() > recipients;
    judge(
        "T13",
        // Cases below the limits are no absence: they stay to be looked at.
        input.enough_traffic && relayed.messages == 0,
        Measure {
            over,
            cases: relayed.messages,
            measured: format!(
                "{} of {} to {}{}",
                counted(relayed.messages, "message", "messages"),
                counted(relayed.networks.len(), "client network", "client networks"),
                counted(relayed.recipients.len(), "recipient", "recipients"),
                if relayed.unsure {
                    "; the log does not tell whether they had logged in"
                } else {
                    ""
                }
            ),
            expected: format!(
                "at least {networks} client networks and more than {recipients} recipients"
            ),
            lines: relayed.lines.lines(),
        },
    )
}

/// J1: bounces that come in although the site sent less.
pub(super) fn j1_bounces_in(input: &Input<'_>) -> Option<Signal> {
    let definition = input.site.limits_of("J1")?;
    let traffic = input.traffic;
    if !traffic.has_traffic() {
        return told("J1", None, String::new());
    }
    let all: u64 = traffic.bounces_in.values().sum();
    let busiest = size(traffic.bounces_in.values().copied().max().unwrap_or(0));
    let limit = by_mailboxes(definition, input);
    judge(
        "J1",
        true,
        Measure {
            over: busiest > limit && all > traffic.own_messages.max(traffic.attempts),
            // Single bounces are everyday life.
            cases: if busiest > limit { size(all) } else { 0 },
            measured: format!(
                "{busiest} on the busiest day, {all} in all; the site sent {} itself",
                counted(size(traffic.own_messages), "message", "messages")
            ),
            expected: format!("more than {limit} a day, and more than the site sent"),
            lines: traffic.bounce_lines.lines(),
        },
    )
}

/// Foreign senders are known only where the site's own are.
fn no_domains(id: &str, input: &Input<'_>) -> Option<Signal> {
    match input.traffic.has_traffic() {
        true => unmeasured(
            id,
            "the site's own domains are not known, so nobody can tell whose mail goes out: name its site file",
        ),
        false => told(id, None, String::new()),
    }
}

/// A limit that grows with the site.
fn by_mailboxes(definition: Limits<'_>, input: &Input<'_>) -> usize {
    let (floor, each) = (definition.count("floor"), definition.count("per_mailbox"));
    let mailboxes = input.site.mailboxes.unwrap_or(0) as usize;
    floor.max(each.saturating_mul(mailboxes))
}
