//! `smarthost.check`: can the site hand its mail to the relay it is meant to use?
//!
//! A ladder of stages from the form of the name to the senders that are accepted; each is written down with its time, the
//! server's words and what they mean. It stops where going on would prove nothing. One login with the site's account is tried at
//! most, because two wrong ones lock accounts; one that was refused is not tried again in the same run until a person has
//! answered a step; and none ever over a channel whose other end is not proven. No message is sent: `delivery.probe` sends one,
//! and what it saw in the same run is read here.

mod control;
mod delivered;
mod dialogue;
mod envelope;
mod ipv6;
mod ladder;
mod login;
mod plan;
mod reach;
mod remedy;
mod senders;
mod standing;
mod surroundings;
#[cfg(test)]
mod tests;

use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work};
use crate::record::{StepOutcome, Verdict};
use ladder::{Ladder, Readiness};
use plan::Plan;

/// The check.
pub(super) struct SmarthostCheck;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "host",
        Kind::Text,
        "the site's smarthost",
        "name of the relay, as the provider gives it",
    ),
    Argument::optional(
        "ports",
        Kind::List,
        "those of the site's smarthost, else 587, 465, 25 and 2525",
        "ports to try, best first",
    ),
    Argument::optional(
        "tls",
        Kind::Choice(&["auto", "implicit", "starttls", "opportunistic", "none"]),
        "that of the site's smarthost",
        "how the connection is secured; auto: from the first byte on port 465, STARTTLS elsewhere",
    ),
    Argument::optional(
        "username",
        Kind::Text,
        "that of the site's smarthost",
        "account; without one no login is tried",
    ),
    Argument::optional(
        "password",
        Kind::Text,
        "that of the site's smarthost",
        "its password: {{secrets.NAME}}",
    ),
    Argument::optional(
        "senders",
        Kind::TextList,
        "those of the site's smarthost",
        "sender addresses that must be accepted",
    ),
    Argument::optional(
        "recipient",
        Kind::Text,
        "the site's probe mailbox",
        "recipient outside the site, to ask about (nothing is sent)",
    ),
    Argument::optional(
        "helo",
        Kind::Text,
        "the site's HELO name",
        "the name to greet with: the one the real server uses",
    ),
    Argument::optional(
        "control",
        Kind::Text,
        "none",
        "another mail server of the site file, to tell a blocked port from a dead smarthost, and whether the direct way is closed",
    ),
    Argument::optional(
        "from",
        Kind::Text,
        "the machine's choice",
        "address of this machine to connect from, where it has several: the one that the mail server uses",
    ),
    Argument::optional(
        "size",
        Kind::Integer,
        "not asked",
        "octets of the largest message that the site's own server allows",
    ),
    Argument::optional(
        "negative_control",
        Kind::Boolean,
        "false",
        "also try one invented name and password, to see whether the smarthost takes anything",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "verdict",
        "ready, ready_with_warnings, blocked or inconclusive; not_applicable without a smarthost",
    ),
    Output::new(
        "blocked_at",
        "the stage that failed, or the first that could not be judged",
    ),
    Output::new(
        "stages",
        "each stage: id, name, subject, outcome (good, warning, failed, unknown, skipped, not_from_here, not_applicable), ms, detail, reply, class",
    ),
    Output::new(
        "endpoint",
        "the address and port that the session was held with",
    ),
    Output::new(
        "capabilities",
        "what the smarthost offers, after TLS if there is TLS",
    ),
    Output::new("certificate", "its certificate"),
    Output::new(
        "ipv6",
        "what was seen at its IPv6 address beside IPv4: endpoint, stages, certificate; else null",
    ),
    Output::new("transcript", "the session, line by line"),
    Output::new(
        "login",
        "how the login ended that was tried last: host, account, accepted, at, reply; null when none was tried",
    ),
];

impl Action for SmarthostCheck {
    fn name(&self) -> &'static str {
        "smarthost.check"
    }

    fn summary(&self) -> &'static str {
        "climb the ladder from the smarthost's name to the senders it accepts"
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
    let Some(plan) = Plan::read(context)? else {
        return Ok(Report::new(Verdict::NotApplicable)
            .with("verdict", "not_applicable")
            .with("blocked_at", ())
            .with("stages", Vec::<()>::new())
            .into());
    };
    let mut ladder = Ladder::new(&plan.host, context.now());
    reach::name(&mut ladder, &plan);
    let addresses = reach::addresses(&mut ladder, &plan, context).await;
    if let Some(session) = reach::connect(&mut ladder, &plan, context, &addresses).await {
        let way = dialogue::hold(&mut ladder, &plan, context, session).await;
        if let Some(way) = way {
            control::ask(&mut ladder, &plan, &way).await;
            delivered::read(&mut ladder, &plan, context).await;
        }
        surroundings::look(&mut ladder, &plan, context).await;
    }
    if !addresses.is_empty() {
        let (_, v6) = reach::by_family(&addresses);
        ipv6::look(&mut ladder, &plan, context, v6).await;
    }
    ladder.fill_up();
    let readiness = ladder.readiness();
    let outcome: StepOutcome = match readiness {
        Readiness::Inconclusive => Verdict::Unknown,
        _ if !ladder.findings.is_empty() => Verdict::Finding,
        _ if !ladder.is_told() => Verdict::Unknown,
        _ => Verdict::Good,
    }
    .into();
    let mut report = Report::new(Verdict::Good)
        .with("verdict", readiness)
        .with("blocked_at", ladder.blocked_at())
        .with("stages", &ladder.stages)
        .with("endpoint", &ladder.endpoint)
        .with("capabilities", &ladder.capabilities)
        .with("certificate", &ladder.certificate)
        .with("ipv6", &ladder.ipv6)
        .with("transcript", &ladder.transcript)
        .with("login", &ladder.login);
    report.outcome = outcome;
    report.subjects = ladder.judged_subjects();
    report.findings = ladder.findings;
    Ok(report.into())
}
