//! `wait`: until a date, for a while, or until a repeated check holds. It never sleeps; it says when to be called again.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Action, ActionError, Args, Argument, Context, Effect, Kind, Next, Output, Report, WaitFor, Work,
};
use crate::record::{StepOutcome, Verdict, WaitKind};

/// The step that lets time pass.
pub(super) struct Wait;

const ARGUMENTS: &[Argument] = &[
    Argument::optional("for", Kind::Duration, "-", "wait this long"),
    Argument::optional(
        "until_time",
        Kind::Text,
        "-",
        "wait until this moment (RFC 3339)",
    ),
    Argument::optional(
        "check",
        Kind::Text,
        "-",
        "repeat this action (one that only looks)",
    ),
    Argument::optional(
        "arguments",
        Kind::Map,
        "none",
        "arguments of the repeated action",
    ),
    Argument::optional(
        "until",
        Kind::Condition,
        "the check is good",
        "condition on `result`, the outputs of the check",
    ),
    Argument::optional(
        "every",
        Kind::Duration,
        "1h",
        "how often to repeat the check",
    ),
    Argument::optional(
        "timeout",
        Kind::Duration,
        "no limit",
        "when to stop waiting for the check",
    ),
    Argument::optional(
        "on_timeout",
        Kind::Choice(&["fail", "finding", "continue"]),
        "finding",
        "what the end of the time means: the step fails; the last result stands with its findings; or the run goes on as if it were unknown",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new("result", "outputs of the last check"),
    Output::new("checks", "how many times it was checked"),
    Output::new("held", "true when the condition held, or the time had come"),
];

const DEFAULT_INTERVAL: Duration = Duration::from_secs(3600);

impl Action for Wait {
    fn name(&self) -> &'static str {
        "wait"
    }

    fn summary(&self) -> &'static str {
        "let time pass until a date, or until a repeated check holds"
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
        Box::pin(async move {
            match context.args.text("check")? {
                Some(check) => repeat(context, &check).await,
                None => pass_time(context),
            }
        })
    }
}

/// Waits for a date.
fn pass_time(context: &Context<'_>) -> Result<Next, ActionError> {
    let target = match context.step.wait {
        Some(wait) => wait.wake.unwrap_or(wait.since),
        None => target(context)?,
    };
    if context.now() >= target {
        return Ok(Report::new(Verdict::Good)
            .with("held", true)
            .with("checks", 0)
            .into());
    }
    Ok(WaitFor {
        kind: WaitKind::Time,
        reason: format!("waiting until {target}"),
        wake: Some(target),
        deadline: None,
        memo: Value::Null,
        so_far: None,
    }
    .into())
}

fn target(context: &Context<'_>) -> Result<Timestamp, ActionError> {
    let args = context.args;
    if let Some(text) = args.text("until_time")? {
        return text.parse().map_err(|error: jiff::Error| {
            ActionError::because(
                format!("cannot read until_time '{text}' (write it like 2026-11-24T18:00:00Z)"),
                error,
            )
        });
    }
    match args.duration("for")? {
        Some(duration) => context.later(duration),
        None => Err(ActionError::new(
            "nothing to wait for: give 'for', 'until_time' or 'check'",
        )),
    }
}

/// Repeats a check until its condition holds.
async fn repeat(context: &Context<'_>, name: &str) -> Result<Next, ActionError> {
    let args = context.args;
    let action = super::find(name).ok_or_else(|| {
        ActionError::new(format!(
            "there is no action '{name}' to repeat: see `mailmedic actions`"
        ))
    })?;
    let check_args = Args(args.map("arguments")?);
    if action.effect_with(&check_args) != Effect::Probe {
        return Err(ActionError::new(format!(
            "'{name}' does more than look and cannot be repeated by a wait"
        )));
    }
    let (checks, deadline) = match context.step.wait {
        Some(wait) => (wait.memo["checks"].as_u64().unwrap_or(0), wait.deadline),
        None => (
            0,
            super::approval::deadline(context, args.duration("timeout")?)?,
        ),
    };
    let repeated = Context {
        args: &check_args,
        ..*context
    };
    let result = match action.carry_out(&repeated).await {
        Ok(Next::Done(report)) => Ok(*report),
        // This step does the waiting: what the check knows by now is its result.
        Ok(Next::Wait(wait)) => match wait.so_far {
            Some(report) => Ok(*report),
            None => {
                return Err(ActionError::new(format!(
                    "'{name}' waits itself and cannot be repeated"
                )));
            }
        },
        Err(error) => Err(error),
    };
    let checks = checks + 1;
    let now = context.now();
    let over = deadline.is_some_and(|deadline| now >= deadline);
    let (report, trouble) = match result {
        Ok(report) => (report, None),
        // One failed check among many is no reason to give up; at the end it is.
        Err(error) if over => return Err(error),
        Err(error) => (Report::new(Verdict::Unknown), Some(error.to_string())),
    };
    let outputs = Value::Object(report.outputs.clone());
    let held = trouble.is_none()
        && match args.text("until")? {
            Some(condition) => context
                .conditions
                .holds(&condition, &outputs)
                .map_err(|why| ActionError::new(format!("cannot judge 'until': {why}")))?,
            None => report.outcome == StepOutcome::Good,
        };
    if held || over {
        return finish(context, report, outputs, checks, held);
    }
    let wake = context.later(args.duration("every")?.unwrap_or(DEFAULT_INTERVAL))?;
    let wake = deadline.map_or(wake, |deadline| wake.min(deadline));
    let reason = match trouble {
        Some(trouble) => format!("{name} could not be checked ({trouble}); next try at {wake}"),
        None => format!("{name} does not hold yet; next look at {wake}"),
    };
    Ok(WaitFor {
        kind: WaitKind::Time,
        reason,
        wake: Some(wake),
        deadline,
        memo: json!({ "checks": checks, "result": outputs }),
        so_far: None,
    }
    .into())
}

fn finish(
    context: &Context<'_>,
    check: Report,
    outputs: Value,
    checks: u64,
    held: bool,
) -> Result<Next, ActionError> {
    let mut report = check;
    if !held {
        match context.args.text("on_timeout")?.as_deref() {
            Some("fail") => {
                return Err(ActionError::new(
                    "the time is over and the condition does not hold",
                ));
            }
            Some("continue") => report.outcome = StepOutcome::Unknown,
            _ => {
                if report.outcome == StepOutcome::Good {
                    report.outcome = StepOutcome::Unknown;
                }
            }
        }
    }
    report.outputs = serde_json::Map::new();
    Ok(report
        .with("result", outputs)
        .with("checks", checks)
        .with("held", held)
        .into())
}
