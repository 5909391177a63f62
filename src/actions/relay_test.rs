//! `relay.test`: would the site's servers pass on mail for strangers?
//!
//! A screen goes as far as RCPT and never sends a message, so it can say "closed" and "suspected". Prove mode, after a person's
//! approval, sends marked messages for what was accepted and looks for them in a mailbox outside: only one that arrives there
//! says "open". Controls are asked first. One connection at a time, a pause between recipients, and a stop as soon as the
//! server says that it has had enough of us. What can be asked, and what the answers prove, is `mail::relay`; here is only
//! the asking.

mod abilities;
mod account;
mod account_findings;
mod asking;
mod attempts;
mod findings;
mod ground;
mod inquiry;
mod logins;
mod outputs;
mod proving;
mod returned;
mod screening;
mod sending;
#[cfg(test)]
mod tests;
mod trial;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use self::asking::Call;
use self::ground::Ground;
use self::inquiry::Inquiry;
use self::outputs::{AccountView, EndpointView};
use self::proving::Pause;
use self::screening::Screening;
use super::target;
use super::{
    Action, ActionError, Args, Argument, Context, Effect, Kind, Look, Next, Output, Reconciled,
    Report, Work,
};
use crate::mail::relay::ladder::{self, Verdict};
use crate::mail::relay::session::Limits;
use crate::record;

/// A login and what is asked after it take this long at most, where no reply is late.
const A_LOGIN: Duration = Duration::from_secs(75);

/// `relay.test`.
#[derive(Debug)]
pub(super) struct RelayTest;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "host",
        Kind::TextList,
        "every server of the site file",
        "servers to test, by name or address; the site file must name them",
    ),
    Argument::optional(
        "ports",
        Kind::List,
        "the server's ports of the site file, else 25",
        "ports to test",
    ),
    Argument::optional(
        "from",
        Kind::Text,
        "the machine's choice",
        "address of this machine to connect from, where it has several",
    ),
    Argument::optional(
        "mode",
        Kind::Choice(&["screen", "prove"]),
        "screen",
        "screen ends each attempt at RCPT; prove sends marked messages, and needs an approval step in 'needs'",
    ),
    Argument::optional(
        "pause",
        Kind::Duration,
        "1s, in a laboratory 0s",
        "least time between two recipients; shorter ones get testers banned",
    ),
    Argument::optional(
        "greylist_wait",
        Kind::Duration,
        "4h",
        "how long to wait and ask the same again where a server greylists; 0s: not at all",
    ),
    Argument::optional(
        "logins",
        Kind::Boolean,
        "true",
        "where logins are offered, try an invented name with an invented and with an empty password, each once",
    ),
    Argument::optional(
        "account",
        Kind::Boolean,
        "true",
        "where the site file names an account for tests at the server, log in once and see what that allows (G4 to G8); sends nothing",
    ),
    Argument::optional(
        "wait",
        Kind::Duration,
        "15m",
        "in mode prove: how long to look for the messages of a round before they count as lost",
    ),
    Argument::optional(
        "every",
        Kind::Duration,
        "30s, in a laboratory 1s",
        "in mode prove: how often to look at first",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "verdict",
        "closed, open, suspected, not_proven, undetermined, inconclusive or vantage_internal: the worst of all endpoints",
    ),
    Output::new("reason", "why, in a sentence"),
    Output::new(
        "endpoints",
        "list of address, port, tls, verdict, reason, vantage, controls, variants (id, mail, rcpt, replies, level, message), logins, left_out",
    ),
    Output::new(
        "open_by",
        "variants that are proved to relay; always empty after a screen",
    ),
    Output::new(
        "suspected_by",
        "variants whose external recipient was accepted",
    ),
    Output::new(
        "retry_after",
        "seconds after which a server that still greylists wants to be asked again; else null",
    ),
    Output::new(
        "accounts",
        "list, one a server: server, account, endpoint, checks (id G4 to G8, outcome, detail, replies): what a login may do",
    ),
    Output::new(
        "login",
        "list: how the logins with the accounts for tests ended (host, account, accepted, at, reply); what was refused is not tried again",
    ),
    Output::new("notes", "what the test could not cover, and why"),
];

impl Action for RelayTest {
    fn name(&self) -> &'static str {
        "relay.test"
    }

    fn summary(&self) -> &'static str {
        "ask the site's servers to relay for a stranger, in every way that is known, with controls"
    }

    fn effect(&self) -> Effect {
        Effect::External
    }

    /// A screen only looks. A mode that is still a template may become `prove`.
    fn effect_with(&self, args: &Args) -> Effect {
        match args.get("mode").map(|mode| mode.as_str()) {
            None | Some(Some("screen")) => Effect::Probe,
            _ => Effect::External,
        }
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(carry_out(context))
    }

    fn reconcile<'a>(&'a self, context: &'a Context<'a>) -> Look<'a> {
        Box::pin(reconcile(context))
    }
}

async fn carry_out(context: &Context<'_>) -> Result<Next, ActionError> {
    let mailbox = match proves(context.args)? {
        true => Some(proving::prepare(context).await?),
        false => None,
    };
    let call = Call::begin(limits(context)?);
    let mut inquiry = match Inquiry::noted(context)? {
        Some(mut inquiry) => {
            if inquiry.trials().next().is_none() {
                inquiry.ask_again(context, &call).await;
                inquiry.screen(context, &Ground::of(context), &call).await;
            }
            inquiry
        }
        None => {
            if let Some(mailbox) = &mailbox {
                proving::try_mailbox(context, mailbox).await?;
            }
            match ask(context, &call).await? {
                Some(inquiry) => inquiry,
                None => return Ok(nothing_to_test().into()),
            }
        }
    };
    if inquiry.trials().next().is_none() {
        let so_far = report(context, &inquiry)?;
        if let Some(wait) = inquiry.put_off(context, &so_far)? {
            return Ok(wait.into());
        }
    }
    let mut pause = match &mailbox {
        Some(mailbox) => proving::turn(context, mailbox, &mut inquiry, &call).await?,
        None => None,
    };
    inquiry.screenings.iter_mut().for_each(Screening::judge);
    if pause.is_none() && inquiry.accounts.is_none() {
        pause = log_in(context, &mut inquiry, &call).await?;
    }
    let report = report(context, &inquiry)?;
    Ok(match pause {
        Some(pause) => inquiry
            .wait(pause.reason, pause.wake, pause.deadline, &report)?
            .into(),
        None => report.into(),
    })
}

/// The logins with the site's own accounts come last, in a call that has time for them.
async fn log_in(
    context: &Context<'_>,
    inquiry: &mut Inquiry,
    call: &Call,
) -> Result<Option<Pause>, ActionError> {
    if !call.has(A_LOGIN) {
        return Ok(Some(Pause {
            reason: "the accounts for tests are tried now".to_owned(),
            wake: context.now(),
            deadline: context.later(A_LOGIN)?,
        }));
    }
    let ground = Ground::of(context);
    let accounts = account::ask(context, &ground, &mut inquiry.screenings, call).await;
    inquiry.accounts = Some(accounts);
    Ok(None)
}

/// Whether an attempt that was cut off has sent anything: only a call that had planned messages in its note has.
async fn reconcile(context: &Context<'_>) -> Result<Reconciled, ActionError> {
    match Inquiry::noted(context)? {
        Some(inquiry) => proving::reconcile(context, inquiry).await,
        None => Ok(Reconciled::NotDone),
    }
}

/// Screens every endpoint that there is time for; None when the site has none.
async fn ask(context: &Context<'_>, call: &Call) -> Result<Option<Inquiry>, ActionError> {
    let targets = target::targets(context).await?;
    if targets.found.is_empty() && targets.lost.is_empty() {
        return Ok(None);
    }
    let ground = Ground::of(context);
    let mut inquiry = Inquiry::begin(targets, ground.notes.clone());
    inquiry.screen(context, &ground, call).await;
    Ok(Some(inquiry))
}

/// The argument `mode`.
fn proves(args: &Args) -> Result<bool, ActionError> {
    match args.text("mode")?.as_deref() {
        None | Some("screen") => Ok(false),
        Some("prove") => Ok(true),
        Some(other) => Err(ActionError::new(format!(
            "there is no mode '{other}': use 'screen' or 'prove'"
        ))
        .nothing_sent()),
    }
}

fn limits(context: &Context<'_>) -> Result<Limits, ActionError> {
    let usual = if context.site.laboratory {
        Limits::LABORATORY
    } else {
        Limits::POLITE
    };
    let pause = context.args.duration("pause")?.unwrap_or(usual.pause);
    Ok(Limits { pause, ..usual })
}

fn nothing_to_test() -> Report {
    let reason = "the site file names no server: add one under 'servers', or give 'host'";
    Report::new(record::Verdict::NotApplicable)
        .with("verdict", Verdict::Inconclusive)
        .with("reason", reason)
        .with("endpoints", json!([]))
        .with("open_by", json!([]))
        .with("suspected_by", json!([]))
        .with("retry_after", json!(null))
        .with("accounts", json!([]))
        .with("login", json!([]))
        .with("notes", json!([reason]))
}

/// Everything seen becomes one report, with the dialogues as files.
fn report(context: &Context<'_>, inquiry: &Inquiry) -> Result<Report, ActionError> {
    let screenings = &inquiry.screenings;
    let not_asked = inquiry.ahead.iter().map(|(target, _)| {
        let address = target.address;
        format!("{address}: not tested yet, the time was over")
    });
    let lost: Vec<String> = inquiry.lost.iter().cloned().chain(not_asked).collect();
    let mut notes = inquiry.notes.clone();
    for note in screenings.iter().flat_map(|screening| &screening.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    let mut verdicts: Vec<Option<Verdict>> =
        screenings.iter().map(Screening::counted_verdict).collect();
    verdicts.extend(lost.iter().map(|_| Some(Verdict::Inconclusive)));
    let verdict = ladder::overall(&verdicts);
    let accounts = inquiry.accounts.as_deref().unwrap_or_default();
    notes.extend(accounts.iter().filter_map(account::Authenticated::note));
    let mut findings = findings::findings(context, screenings);
    findings.extend(account_findings::findings(context, accounts));
    let outcome = if !findings.is_empty() {
        record::Verdict::Finding
    } else if verdict == Verdict::Closed {
        record::Verdict::Good
    } else {
        record::Verdict::Unknown
    };
    let views: Vec<EndpointView<'_>> = screenings.iter().map(EndpointView::of).collect();
    let mut report = Report::new(outcome)
        .with("verdict", verdict)
        .with("reason", reason(verdict, screenings, &lost))
        .with("endpoints", views)
        .with("open_by", variants_behind(Verdict::Open, screenings))
        .with(
            "suspected_by",
            variants_behind(Verdict::Suspected, screenings),
        )
        .with(
            "retry_after",
            screenings
                .iter()
                .filter_map(|s| s.judgement.retry_after)
                .max(),
        )
        .with("accounts", AccountView::all(accounts))
        .with("login", account::logins(accounts))
        .with("notes", notes);
    report.findings = findings;
    report.subjects = findings::judged_subjects(screenings);
    report
        .subjects
        .extend(account_findings::judged_subjects(accounts));
    for screening in screenings {
        report.artifacts.push(context.artifacts.put(
            &screening.file_name(),
            "text/plain",
            screening.transcript.as_bytes(),
        )?);
    }
    Ok(report)
}

/// The variants that made endpoints end with this verdict, each once.
fn variants_behind(verdict: Verdict, screenings: &[Screening]) -> BTreeSet<&'static str> {
    let decided = screenings.iter().filter(|s| s.judgement.verdict == verdict);
    decided
        .flat_map(|s| s.judgement.by.iter().copied())
        .collect()
}

/// The reasons of the endpoints that decide the overall verdict.
fn reason(verdict: Verdict, screenings: &[Screening], lost: &[String]) -> String {
    let say = |s: &Screening| format!("{}: {}", s.place(), s.judgement.reason);
    let decide = screenings
        .iter()
        .filter(|s| s.counted_verdict() == Some(verdict));
    let mut reasons: Vec<String> = decide.map(say).collect();
    if verdict == Verdict::Inconclusive {
        reasons.extend_from_slice(lost);
    }
    if reasons.is_empty() {
        // Nothing listens anywhere.
        reasons = screenings.iter().map(say).collect();
    }
    reasons.join("; ")
}
