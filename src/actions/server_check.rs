//! `server.check`: the site's own mail servers, as others see them.
//!
//! Every address and port that the site file names is asked for its name, its encryption and certificate, how it lets people
//! log in, and what it tells strangers. Nothing is sent: recipients are named with RCPT and taken back with RSET. Whether a
//! server relays is not judged here; `relay.test` does that, with proof.

mod backup_mx;
mod conversation;
mod encryption;
mod families;
mod inspection;
mod names;
mod recipients;
mod remedy;
mod strangers;
#[cfg(test)]
mod tests;

use super::target;
use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work};
use crate::record::Verdict;
use inspection::{Inspection, Role};

/// The check.
pub(super) struct ServerCheck;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "host",
        Kind::TextList,
        "the site's servers, and those of its mail exchangers that the site file allows",
        "servers to look at; each must be named in the site file",
    ),
    Argument::optional(
        "ports",
        Kind::List,
        "those of each server in the site file, else 25",
        "ports to look at",
    ),
    Argument::optional(
        "from",
        Kind::Text,
        "the machine's choice",
        "address of this machine to connect from, where it has several",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "endpoints",
        "each address and port: host, address, port, role (exchange, submission, alternate, backup_mx), tls (none, starttls, implicit), stages (id, outcome, ms, detail, reply, class), greeting_name, ehlo_name, capabilities, certificate, ntlm, transcript",
    ),
    Output::new(
        "notes",
        "what was left out, and why: servers without an address, mail exchangers that the site file does not name",
    ),
];

impl Action for ServerCheck {
    fn name(&self) -> &'static str {
        "server.check"
    }

    fn summary(&self) -> &'static str {
        "look at the site's mail servers as strangers see them: name, encryption, login, what they tell"
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
    let mut targets = target::targets(context).await?;
    let backup = if context.args.get("host").is_none() {
        backup_mx::targets(context, &mut targets).await?
    } else {
        Vec::new()
    };
    let mut endpoints: Vec<Inspection> = Vec::new();
    let own = targets.found.iter().map(|target| {
        let first = targets.found.iter().find(|other| other.host == target.host);
        (target, Role::of(target, first.unwrap_or(target)))
    });
    let backup = backup.iter().map(|target| (target, Role::BackupMx));
    // One after the other: a server is never asked by two connections at a time.
    for (target, role) in own.chain(backup) {
        context
            .progress
            .note(&format!("looking at {} ({})", target.host, target.address));
        endpoints.push(conversation::hold(context, target, role).await);
    }
    families::compare(&mut endpoints, context.now());
    let (findings, subjects) = inspection::merged(&endpoints);
    let verdict = if !findings.is_empty() {
        Verdict::Finding
    } else if !targets.lost.is_empty() || endpoints.iter().any(Inspection::has_unknown) {
        Verdict::Unknown
    } else if endpoints.is_empty() {
        Verdict::NotApplicable
    } else {
        Verdict::Good
    };
    let mut notes = targets.lost;
    notes.extend(targets.notes);
    if endpoints.is_empty() && notes.is_empty() {
        notes.push("the site file names no server: add one under 'servers'".to_owned());
    }
    let mut report = Report::new(verdict)
        .with("endpoints", &endpoints)
        .with("notes", notes);
    report.findings = findings;
    report.subjects = subjects;
    Ok(report.into())
}
