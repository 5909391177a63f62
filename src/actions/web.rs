//! What `http.request` and `notify` share: a request from arguments, to an allowed host, with secrets filled in late.

use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::{ActionError, Context};
use crate::probes::http::{HttpRequest, HttpResponse, host_of};

/// Lets a server that is asked twice for the same step know it (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A request that is about to be made. Secrets are still placeholders.
pub(super) struct Draft {
    /// GET, POST, ...
    pub(super) method: String,
    /// Where to.
    pub(super) url: String,
    /// Names and values.
    pub(super) headers: Map<String, Value>,
    /// A text is sent as it is, anything else as JSON.
    pub(super) body: Option<Value>,
    /// For the whole exchange.
    pub(super) timeout: Option<Duration>,
}

/// True for methods that only look (RFC 9110 9.2.1).
pub(super) fn only_looks(method: &str) -> bool {
    ["", "GET", "HEAD", "OPTIONS"]
        .iter()
        .any(|safe| safe.eq_ignore_ascii_case(method))
}

/// Checks the host, fills the secrets in, sends. Any status is an answer.
///
/// # Errors
/// When the host is not allowed, a secret cannot be read, or there is no answer.
pub(super) async fn send(context: &Context<'_>, draft: Draft) -> Result<HttpResponse, ActionError> {
    let url = context.reveal(&draft.url)?;
    let host = host_of(url.expose_secret())
        .map_err(|error| ActionError::because("cannot use argument 'url'", error).nothing_sent())?;
    context.allow_host(&host)?;
    let mut headers = Vec::new();
    for (name, value) in &draft.headers {
        let Some(text) = scalar(value) else {
            let message = format!("the value of header '{name}' must be a text");
            return Err(ActionError::new(message).nothing_sent());
        };
        headers.push((
            name.clone(),
            context.reveal(&text)?.expose_secret().to_owned(),
        ));
    }
    let has = |headers: &[(String, String)], name: &str| {
        headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    if !only_looks(&draft.method) && !has(&headers, IDEMPOTENCY_KEY) {
        headers.push((
            IDEMPOTENCY_KEY.to_owned(),
            context.step.idempotency_key.to_owned(),
        ));
    }
    let body = match draft.body {
        None => None,
        Some(Value::String(text)) => {
            Some(context.reveal(&text)?.expose_secret().as_bytes().to_vec())
        }
        Some(mut json) => {
            reveal_within(context, &mut json)?;
            if !has(&headers, "content-type") {
                headers.push(("content-type".to_owned(), "application/json".to_owned()));
            }
            Some(json.to_string().into_bytes())
        }
    };
    let request = HttpRequest {
        method: draft.method.to_ascii_uppercase(),
        url: url.expose_secret().to_owned(),
        headers,
        body,
        timeout: draft.timeout,
    };
    context.progress.note(&format!("asking {host}"));
    context.probes.http.send(request).await.map_err(|error| {
        let not_sent = error.is_not_sent();
        let doing = if not_sent {
            format!("cannot reach {host}: nothing was sent")
        } else {
            format!("no answer from {host}: it is not known whether it acted")
        };
        let error = ActionError::because(doing, error);
        if not_sent {
            error.nothing_sent()
        } else {
            error
        }
    })
}

/// Fills secrets into every text of a value.
fn reveal_within(context: &Context<'_>, value: &mut Value) -> Result<(), ActionError> {
    match value {
        Value::String(text) => *text = context.reveal(text)?.expose_secret().to_owned(),
        Value::Array(items) => {
            for item in items {
                reveal_within(context, item)?;
            }
        }
        Value::Object(map) => {
            for item in map.values_mut() {
                reveal_within(context, item)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A text, number or truth value as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
