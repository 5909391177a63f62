//! `manual`: a person does something by hand and says so.

use super::approval::deadline;
use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, WaitFor, Work};
use crate::record::WaitKind;

/// The task that a person carries out.
pub(super) struct Manual;

const ARGUMENTS: &[Argument] = &[
    Argument::required(
        "instructions",
        Kind::Text,
        "what to do, as it is shown; Markdown",
    ),
    Argument::optional(
        "evidence",
        Kind::Choice(&["required", "optional"]),
        "optional",
        "must a note or a file be given with it?",
    ),
    Argument::optional(
        "form",
        Kind::Map,
        "no questions",
        "questions to answer with it: name -> question",
    ),
    Argument::optional(
        "timeout",
        Kind::Duration,
        "no limit",
        "how long to wait before the step fails",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new("by", "who did it"),
    Output::new("at", "when it was said to be done"),
    Output::new("note", "what they wrote"),
    Output::new("form", "answers to the form, by name"),
];

impl Action for Manual {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn summary(&self) -> &'static str {
        "wait until a person has done something by hand"
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
        return Err(ActionError::new("the task was not done in time"));
    }
    let instructions = args.required_text("instructions")?;
    let first_line = instructions.lines().next().unwrap_or_default().to_owned();
    let deadline = match context.step.wait {
        Some(wait) => wait.deadline,
        None => deadline(context, args.duration("timeout")?)?,
    };
    Ok(WaitFor {
        reason: first_line,
        kind: WaitKind::Manual {
            instructions,
            evidence_required: args.text("evidence")?.as_deref() == Some("required"),
            form: args.map("form")?,
        },
        wake: None,
        deadline,
        memo: serde_json::Value::Null,
        so_far: None,
    }
    .into())
}
