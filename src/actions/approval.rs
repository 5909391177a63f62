//! `approval`: a person must agree before the run goes on.

use std::time::Duration;

use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, WaitFor, Work,
};
use crate::record::{StepOutcome, Verdict, WaitKind};

/// The gate that a person opens or closes.
pub(super) struct Approval;

const ARGUMENTS: &[Argument] = &[
    Argument::required("prompt", Kind::Text, "the question, as it is shown"),
    Argument::optional(
        "approvers",
        Kind::TextList,
        "anybody",
        "who may answer (names given with --by)",
    ),
    Argument::optional(
        "self_approval",
        Kind::Boolean,
        "true",
        "may the person who started the run answer?",
    ),
    Argument::optional(
        "timeout",
        Kind::Duration,
        "no limit",
        "how long the question stands",
    ),
    Argument::optional(
        "on_timeout",
        Kind::Choice(&["reject", "approve", "fail"]),
        "reject",
        "what no answer means",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new("approved", "true when the answer was yes"),
    Output::new("by", "who answered"),
    Output::new("at", "when"),
    Output::new("note", "what they wrote"),
];

impl Action for Approval {
    fn name(&self) -> &'static str {
        "approval"
    }

    fn summary(&self) -> &'static str {
        "ask a person to agree before the run goes on"
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
        Box::pin(async move { ask(context) })
    }
}

fn ask(context: &Context<'_>) -> Result<Next, ActionError> {
    let args = context.args;
    if let Some(wait) = context.step.wait
        && wait
            .deadline
            .is_some_and(|deadline| context.now() >= deadline)
    {
        let outcome = match args.text("on_timeout")?.as_deref() {
            Some("approve") => StepOutcome::Good,
            Some("fail") => return Err(ActionError::new("nobody answered in time")),
            _ => StepOutcome::Rejected,
        };
        let mut report = Report::new(Verdict::Good)
            .with("approved", outcome == StepOutcome::Good)
            .with("by", "nobody")
            .with("at", context.now())
            .with("note", "nobody answered in time");
        report.outcome = outcome;
        return Ok(report.into());
    }
    let prompt = args.required_text("prompt")?;
    let deadline = match context.step.wait {
        Some(wait) => wait.deadline,
        None => deadline(context, args.duration("timeout")?)?,
    };
    Ok(WaitFor {
        reason: prompt.clone(),
        kind: WaitKind::Approval {
            prompt,
            approvers: args.texts("approvers")?.unwrap_or_default(),
            self_approval: args.boolean("self_approval")?.unwrap_or(true),
        },
        wake: None,
        deadline,
        memo: serde_json::Value::Null,
        so_far: None,
    }
    .into())
}

/// The moment `timeout` from now.
pub(super) fn deadline(
    context: &Context<'_>,
    timeout: Option<Duration>,
) -> Result<Option<jiff::Timestamp>, ActionError> {
    timeout.map(|timeout| context.later(timeout)).transpose()
}
