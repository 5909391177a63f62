//! `http.request`: one request to a host that the site allows. What every runner has.

use serde_json::Value;

use super::web::{self, Draft, only_looks};
use super::{
    Action, ActionError, Args, Argument, Context, Effect, Kind, Look, Next, Output, Reconciled,
    Report, Work,
};
use crate::probes::http::HttpResponse;
use crate::record::{Evidence, Finding, Severity, Verdict};

/// The request.
pub(super) struct HttpRequest;

/// Characters of a body that are kept in the record.
const KEPT: usize = 64 * 1024;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "method",
        Kind::Text,
        "GET",
        "GET, HEAD and OPTIONS only look; any other is an external effect",
    ),
    Argument::required(
        "url",
        Kind::Text,
        "where to; the host must be one of the site's or in allow_hosts; no redirect is followed",
    ),
    Argument::optional("headers", Kind::Map, "none", "headers, name: value"),
    Argument::optional(
        "body",
        Kind::Any,
        "none",
        "a text is sent as it is, a mapping or list as JSON",
    ),
    Argument::optional(
        "expect",
        Kind::TextList,
        "2xx",
        "statuses that are right: 200, 2xx",
    ),
    Argument::optional("timeout", Kind::Duration, "30s", "for the whole exchange"),
    Argument::optional(
        "lookup",
        Kind::Text,
        "none",
        "where to ask, after an interruption, whether the request was carried out; [key] in it is the request's Idempotency-Key; \
         asked with GET and the same headers: 2xx means it was, 404 or 410 that it was not, anything else asks a person",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new("status", "the status, 200"),
    Output::new("headers", "the answer's headers, names in lower case"),
    Output::new("body", "the answer's body as text, at most 64 KiB"),
    Output::new("json", "the body, where it is JSON"),
    Output::new("truncated", "true when the body was longer"),
    Output::new("ms", "how long it took"),
    Output::new(
        "looked_up",
        "true when an interruption came in between: the rest is the answer of the look-up then",
    ),
];

impl Action for HttpRequest {
    fn name(&self) -> &'static str {
        "http.request"
    }

    fn summary(&self) -> &'static str {
        "make one HTTP request to a host that the site allows"
    }

    fn effect(&self) -> Effect {
        Effect::External
    }

    fn effect_with(&self, args: &Args) -> Effect {
        match args.get("method") {
            None => Effect::Probe,
            Some(Value::String(method)) if only_looks(method) => Effect::Probe,
            Some(_) => Effect::External,
        }
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { request(context).await })
    }

    fn reconcile<'a>(&'a self, context: &'a Context<'a>) -> Look<'a> {
        Box::pin(async move { look_up(context).await })
    }
}

/// Asks the server whether it knows the request.
async fn look_up(context: &Context<'_>) -> Result<Reconciled, ActionError> {
    let args = context.args;
    let Some(url) = args.text("lookup")? else {
        return Ok(Reconciled::CannotTell(
            "the step has no 'lookup' to ask whether the request was carried out".to_owned(),
        ));
    };
    let draft = Draft {
        method: "GET".to_owned(),
        url: url.replace("[key]", context.step.idempotency_key),
        headers: args.map("headers")?,
        body: None,
        timeout: args.duration("timeout")?,
    };
    let place = shown(&draft.url);
    let response = web::send(context, draft).await?;
    Ok(match response.status {
        200..=299 => {
            let report = Report::new(Verdict::Good).with("looked_up", true);
            Reconciled::Done(Box::new(answered(report, &response)))
        }
        404 | 410 => Reconciled::NotDone,
        status => Reconciled::CannotTell(format!(
            "{place} answered {status} when it was asked whether the request was carried out: {}",
            first_line(&response)
        )),
    })
}

async fn request(context: &Context<'_>) -> Result<Next, ActionError> {
    let args = context.args;
    let method = args.text("method")?.unwrap_or_else(|| "GET".to_owned());
    let looks = only_looks(&method);
    let expected = args
        .texts("expect")?
        .unwrap_or_else(|| vec!["2xx".to_owned()]);
    for pattern in &expected {
        check_pattern(pattern)?;
    }
    let url = args.required_text("url")?;
    let draft = Draft {
        method: method.clone(),
        url: url.clone(),
        headers: args.map("headers")?,
        body: args.get("body").cloned(),
        timeout: args.duration("timeout")?,
    };
    let response = web::send(context, draft).await?;
    let as_expected = expected
        .iter()
        .any(|pattern| matches(pattern, response.status));
    if !as_expected && !looks {
        // The step was to change something and did not: that is no fact about the site.
        return Err(ActionError::new(format!(
            "{} answered {} where {} was expected: {}",
            shown(&url),
            response.status,
            expected.join(" or "),
            first_line(&response)
        )));
    }
    let verdict = if as_expected {
        Verdict::Good
    } else {
        Verdict::Finding
    };
    let mut report = answered(Report::new(verdict), &response);
    report.subjects = vec![shown(&url)];
    if !as_expected {
        report.findings.push(Finding {
            code: "http-unexpected".to_owned(),
            severity: Severity::Major,
            subject: shown(&url),
            summary: format!(
                "{method} {} answers {} where {} is expected.",
                shown(&url),
                response.status,
                expected.join(" or ")
            ),
            evidence: vec![Evidence::new(
                "http",
                format!("{}\n{}", response.status, first_line(&response)),
                context.now(),
            )],
            remedy: "Look at the answer, and correct the address in the runbook or the service behind it.".to_owned(),
        });
    }
    Ok(report.into())
}

/// What the answer says.
fn answered(report: Report, response: &HttpResponse) -> Report {
    report
        .with("status", response.status)
        .with("headers", headers(response))
        .with("body", kept(response))
        .with("json", serde_json::from_slice::<Value>(&response.body).ok())
        .with(
            "truncated",
            response.truncated || response.body.len() > KEPT,
        )
        .with("ms", response.ms)
}

/// The URL without its query, which may hold a key.
pub(super) fn shown(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// What the answer says first, to be put into a message.
pub(super) fn first_line(response: &HttpResponse) -> String {
    let text = response.text();
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("(an empty body)");
    line.trim().chars().take(200).collect()
}

/// Whether a status is the one that a pattern (`204`, `2xx`) means.
pub(super) fn matches(pattern: &str, status: u16) -> bool {
    let status = status.to_string();
    pattern.len() == status.len()
        && pattern
            .bytes()
            .zip(status.bytes())
            .all(|(wanted, got)| wanted.eq_ignore_ascii_case(&b'x') || wanted == got)
}

fn check_pattern(pattern: &str) -> Result<(), ActionError> {
    let is_right = pattern.len() == 3
        && pattern
            .bytes()
            .all(|b| b.is_ascii_digit() || b.eq_ignore_ascii_case(&b'x'));
    if is_right {
        return Ok(());
    }
    Err(ActionError::new(format!(
        "argument 'expect' must be a status such as 200 or 2xx, not '{pattern}'"
    ))
    .nothing_sent())
}

fn headers(response: &HttpResponse) -> serde_json::Map<String, Value> {
    let mut map = serde_json::Map::new();
    for (name, value) in &response.headers {
        // The first of several counts; cookies are nobody's business.
        if name != "set-cookie" && !map.contains_key(name) {
            map.insert(name.clone(), Value::String(value.clone()));
        }
    }
    map
}

fn kept(response: &HttpResponse) -> String {
    let end = response.body.len().min(KEPT);
    String::from_utf8_lossy(&response.body[..end]).into_owned()
}

#[cfg(test)]
mod tests;
