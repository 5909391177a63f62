//! `vantage.check`: is this machine fit to judge? What it uses to look at the world is looked at first: each resolver, the way
//! out on port 25, the clock.
//!
//! A wrong resolver makes every address look clean, or listed; a blocked port 25 makes every server look dead; a wrong clock
//! makes certificates look expired. None of it is the site's fault, so it is told before anything else is.

mod clock;
mod outbound;
mod resolver;
#[cfg(test)]
mod tests;

use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work};
use crate::record::Verdict;

/// The check.
pub(super) struct VantageCheck;

const ARGUMENTS: &[Argument] = &[Argument::optional(
    "lists",
    Kind::TextList,
    "lists of the catalogue that publish a test entry, the important ones first",
    "lists by whose test entries the resolvers are judged",
)];

const OUTPUTS: &[Output] = &[
    Output::new(
        "resolvers",
        "for each resolver: server, verdict (fit, refused, rewriting, blind, mute), public (operator of the public resolver it is or hands on to), egress (the address its questions come from), median_ms, lists (asked, shown, refused, silent, unanswered), detail",
    ),
    Output::new(
        "outbound",
        "port 25 outbound: verdict (open, blocked, unknown, not_applicable), tried (host, address, port, result), detail",
    ),
    Output::new(
        "clock",
        "verdict (good, off, unknown), offset_seconds (beside a server's greeting), detail",
    ),
];

impl Action for VantageCheck {
    fn name(&self) -> &'static str {
        "vantage.check"
    }

    fn summary(&self) -> &'static str {
        "check whether this machine is fit to judge: resolvers, port 25 outbound, clock"
    }

    fn effect(&self) -> Effect {
        Effect::Probe
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { check(context).await })
    }
}

async fn check(context: &Context<'_>) -> Result<Next, ActionError> {
    let resolvers = resolver::look_at_all(context).await?;
    let outbound = outbound::look_at(context).await;
    let clock = clock::look_at(context, outbound.greetings());
    let mut findings = resolver::findings(&resolvers);
    findings.extend(outbound::finding(context, &outbound));
    findings.extend(clock::finding(context, &clock));
    let mut judged: Vec<String> = resolvers
        .iter()
        .filter(|one| one.is_judged())
        .map(resolver::Looked::subject)
        .collect();
    if outbound.is_judged() {
        judged.push(outbound::SUBJECT.to_owned());
    }
    if clock.is_judged() {
        judged.push(clock::SUBJECT.to_owned());
    }
    // An unknown port or clock is told, but does not make a machine unfit whose resolvers are well.
    let verdict = if !findings.is_empty() {
        Verdict::Finding
    } else if resolvers.is_empty() || resolvers.iter().any(|one| !one.is_judged()) {
        Verdict::Unknown
    } else {
        Verdict::Good
    };
    let mut report = Report::new(verdict)
        .with("resolvers", &resolvers)
        .with("outbound", &outbound)
        .with("clock", &clock);
    report.findings = findings;
    report.subjects = judged;
    Ok(report.into())
}
