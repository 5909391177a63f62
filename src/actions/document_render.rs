//! `document.render`: any template, filled with what the run knows, kept as a file of the run.

use serde_json::{Map, Value};

use super::{
    Action, ActionError, Argument, ArgumentError, Context, Effect, Kind, Next, Output, Report, Work,
};
use crate::record::Verdict;

/// The rendering.
pub(super) struct DocumentRender;

const ARGUMENTS: &[Argument] = &[
    Argument::required(
        "template",
        Kind::Text,
        "name of a shipped template or of one in the template folder, such as isp-request.md",
    ),
    Argument::optional(
        "to",
        Kind::Text,
        "the site's id and the template's name",
        "name of the file; its ending should be the template's",
    ),
    Argument::optional(
        "values",
        Kind::Map,
        "none",
        "further values for the template, beside and before those of the run (site, inputs, steps, findings, run)",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new("file", "name of the file among the run's artifacts"),
    Output::new("digest", "SHA-256 of its bytes"),
    Output::new("bytes", "its size"),
    Output::new("media", "its media type"),
];

impl Action for DocumentRender {
    fn name(&self) -> &'static str {
        "document.render"
    }

    fn summary(&self) -> &'static str {
        "fill a template with what the run knows and keep the file"
    }

    fn effect(&self) -> Effect {
        Effect::Local
    }

    fn arguments(&self) -> &'static [Argument] {
        ARGUMENTS
    }

    fn outputs(&self) -> &'static [Output] {
        OUTPUTS
    }

    fn carry_out<'a>(&'a self, context: &'a Context<'a>) -> Work<'a> {
        Box::pin(async move { render(context).map(Next::from) })
    }
}

fn render(context: &Context<'_>) -> Result<Report, ActionError> {
    let template = context.args.required_text("template")?;
    let name = match context.args.text("to")?.filter(|name| !name.is_empty()) {
        Some(name) => plain_name(name)?,
        None => default_name(&context.site.id, &template),
    };
    let values = values(context.facts.values(), context.args.map("values")?);
    let text = context
        .templates
        .render(&template, &values)
        .map_err(|error| {
            ActionError::because(format!("cannot make the document '{name}'"), error)
        })?;
    let artifact = context
        .artifacts
        .put(&name, media(&name), text.as_bytes())?;
    let mut report = Report::new(Verdict::Good)
        .with("file", &artifact.name)
        .with("digest", &artifact.digest)
        .with("bytes", artifact.bytes)
        .with("media", &artifact.media);
    report.artifacts.push(artifact);
    Ok(report)
}

/// The run's data with the given values laid over it.
fn values(run: Value, given: Map<String, Value>) -> Value {
    let mut root = match run {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    root.extend(given);
    Value::Object(root)
}

/// Artifacts have names, not paths: where they lie is the store's business.
fn plain_name(name: String) -> Result<String, ArgumentError> {
    let is_path = name.contains(['/', '\\', '\0']) || name.starts_with('.') || name.contains(':');
    if is_path {
        return Err(ArgumentError {
            name: "to".to_owned(),
            what: format!(
                "must be a plain file name without a folder, not '{name}'; 'export' puts the files of a run where you want them"
            ),
        });
    }
    Ok(name)
}

/// `acme-isp-request.md` for `letters/isp-request.md`.
fn default_name(site: &str, template: &str) -> String {
    let base = template.rsplit('/').next().unwrap_or(template);
    if site.is_empty() {
        base.to_owned()
    } else {
        format!("{site}-{base}")
    }
}

fn media(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("md") => "text/markdown",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("yaml" | "yml") => "application/yaml",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use crate::actions::desk::Desk;

    fn desk() -> Desk {
        let mut desk = Desk::default();
        desk.site.id = "acme".to_owned();
        desk.site.name = "Acme Ltd".to_owned();
        desk
    }

    /// A template that ships and whose values can be given in full.
    fn args() -> serde_json::Value {
        json!({
            "template": "delisting/request.txt",
            "values": {
                "by_form": true, "is_address": true, "target": "192.0.2.10", "to": "", "subject": "s",
                "list": {"name": "Some List"}, "parts": "", "since": "", "reverse": "", "outlook": "",
                "bundle": {
                    "company": "Acme Ltd", "host": "mail.example.org", "writer": "Acme Ltd", "postmaster": "", "phone": "",
                    "causes": [], "measures": [], "checks": [], "prevention": "", "mail": "",
                },
            },
        })
    }

    #[tokio::test]
    async fn a_template_becomes_a_file_of_the_run() {
        let desk = desk();
        let report = desk.carry_out("document.render", args()).await.unwrap();
        assert_eq!(report.outputs["file"], "acme-request.txt");
        assert_eq!(report.outputs["media"], "text/plain");
        assert_eq!(report.artifacts.len(), 1);
        let files = desk.files.lock().unwrap();
        assert!(files["acme-request.txt"].contains("mail.example.org (192.0.2.10) of Acme Ltd"));
    }

    #[tokio::test]
    async fn faults_are_told_with_what_was_being_made() {
        let fault =
            |args| async move { desk().carry_out("document.render", args).await.unwrap_err() };
        let missing = fault(json!({})).await.to_string();
        assert_eq!(missing, "argument 'template' is missing");
        let unknown = fault(json!({"template": "nope.md", "to": "letter.md"})).await;
        assert_eq!(unknown.to_string(), "cannot make the document 'letter.md'");
        let source = std::error::Error::source(&unknown).unwrap().to_string();
        assert!(
            source.contains("'nope.md'") && source.contains("delisting/file.md"),
            "{source}"
        );
        for path in ["../x.md", "/etc/x", "a/b.md", "c:x", ".hidden"] {
            let error = fault(json!({"template": "delisting/request.txt", "to": path}))
                .await
                .to_string();
            assert!(error.contains("plain file name"), "{path}: {error}");
        }
        // A hole is worse than no document.
        let hole = fault(json!({"template": "delisting/request.txt"})).await;
        assert!(std::error::Error::source(&hole).is_some());
    }
}
