//! `notify`: tells a chat, ticket or monitoring system, by posting JSON to its webhook.

use serde_json::{Map, Value, json};

use super::http_request::{first_line, matches, shown};
use super::web::{self, Draft};
use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work};
use crate::record::Verdict;

/// The notification.
pub(super) struct Notify;

const ARGUMENTS: &[Argument] = &[
    Argument::required(
        "url",
        Kind::Text,
        "the webhook; its host must be one of the site's or in allow_hosts",
    ),
    Argument::optional("text", Kind::Text, "empty", "what to tell"),
    Argument::optional(
        "data",
        Kind::Map,
        "none",
        "more for programs, beside text, site, run and step",
    ),
    Argument::optional(
        "payload",
        Kind::Map,
        "text, site, run, step and data",
        "the whole JSON object, for systems that want another one",
    ),
    Argument::optional("headers", Kind::Map, "none", "headers, name: value"),
];

const OUTPUTS: &[Output] = &[
    Output::new("status", "the status of the answer"),
    Output::new("ms", "how long it took"),
];

impl Action for Notify {
    fn name(&self) -> &'static str {
        "notify"
    }

    fn summary(&self) -> &'static str {
        "tell another system by posting JSON to its webhook"
    }

    fn effect(&self) -> Effect {
        Effect::External
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { notify(context).await })
    }
}

async fn notify(context: &Context<'_>) -> Result<Next, ActionError> {
    let args = context.args;
    let url = args.required_text("url")?;
    let payload = match args.get("payload") {
        Some(_) => args.map("payload")?,
        None => payload(context)?,
    };
    let draft = Draft {
        method: "POST".to_owned(),
        url: url.clone(),
        headers: args.map("headers")?,
        body: Some(Value::Object(payload)),
        timeout: None,
    };
    let response = web::send(context, draft).await?;
    if !matches("2xx", response.status) {
        return Err(ActionError::new(format!(
            "{} did not take the notification, it answered {}: {}",
            shown(&url),
            response.status,
            first_line(&response)
        )));
    }
    Ok(Report::new(Verdict::Good)
        .with("status", response.status)
        .with("ms", response.ms)
        .into())
}

/// `text` is what chat systems show; the rest is for programs.
fn payload(context: &Context<'_>) -> Result<Map<String, Value>, ActionError> {
    let text = context.args.text("text")?.unwrap_or_default();
    let mut payload = Map::new();
    payload.insert("text".to_owned(), json!(text));
    payload.insert("site".to_owned(), json!(context.site.id));
    payload.insert("run".to_owned(), json!(context.step.run));
    payload.insert("step".to_owned(), json!(context.step.key));
    let data = context.args.map("data")?;
    if !data.is_empty() {
        payload.insert("data".to_owned(), Value::Object(data));
    }
    Ok(payload)
}
