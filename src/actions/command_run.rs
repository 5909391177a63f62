//! `command.run`: a program of the technician's own, without a shell. What it prints may be findings.
//!
//! A program that prints a JSON object with `findings` takes part like any action: see [`Told`] for its form. Any other
//! output is kept as text. Exit status 0 is success; another one is success only together with findings.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::web::scalar;
use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Look, Next, Output, Reconciled, Report,
    Work,
};
use crate::probes::command::{CommandOutput, Ending, Invocation};
use crate::record::{Evidence, Finding, Severity, Verdict};

/// The program.
pub(super) struct CommandRun;

/// Octets of each output that are kept in the record.
const KEPT: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(60);

const ARGUMENTS: &[Argument] = &[
    Argument::required(
        "command",
        Kind::TextList,
        "the program and its arguments, as a list; no shell reads them; secrets belong into env or stdin",
    ),
    Argument::optional(
        "stdin",
        Kind::Any,
        "nothing",
        "what it reads; a mapping or list becomes JSON",
    ),
    Argument::optional(
        "env",
        Kind::Map,
        "PATH and MAILMEDIC_SITE, _RUN, _STEP, _IDEMPOTENCY_KEY",
        "further environment; nothing else is inherited",
    ),
    Argument::optional(
        "timeout",
        Kind::Duration,
        "1m",
        "after this the program and its children are ended",
    ),
    Argument::optional(
        "lookup",
        Kind::TextList,
        "none",
        "a program that tells, after an interruption, whether the command was carried out: status 0 means it was, 1 that it was \
         not, any other asks a person; it has the command's environment",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new("exit", "its exit status"),
    Output::new("stdout", "what it printed, at most 64 KiB"),
    Output::new("stderr", "what it complained about, at most 64 KiB"),
    Output::new("truncated", "true when it printed more"),
    Output::new("outputs", "the outputs it reported as JSON"),
    Output::new("ms", "how long it took"),
    Output::new(
        "looked_up",
        "true when an interruption came in between: the rest is what the look-up said then",
    ),
];

impl Action for CommandRun {
    fn name(&self) -> &'static str {
        "command.run"
    }

    fn summary(&self) -> &'static str {
        "run a program of your own, without a shell, and take its findings"
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
        Box::pin(async move { run(context).await })
    }

    fn reconcile<'a>(&'a self, context: &'a Context<'a>) -> Look<'a> {
        Box::pin(async move { look_up(context).await })
    }
}

/// Asks the step's own program whether the command was carried out.
async fn look_up(context: &Context<'_>) -> Result<Reconciled, ActionError> {
    let Some(argv) = context.args.texts("lookup")? else {
        return Ok(Reconciled::CannotTell(
            "the step has no 'lookup' to ask whether the command was carried out".to_owned(),
        ));
    };
    let invocation = invocation(context, argv)?;
    let program = invocation.argv.first().cloned().unwrap_or_default();
    let output = context
        .probes
        .command
        .run(&invocation)
        .await
        .map_err(|error| ActionError::because("cannot run the look-up", error))?;
    Ok(match output.ending {
        Ending::Exited(0) => {
            let report = Report::new(Verdict::Good).with("looked_up", true);
            Reconciled::Done(Box::new(with_output(report, 0, &output)))
        }
        Ending::Exited(1) => Reconciled::NotDone,
        _ => Reconciled::CannotTell(format!(
            "{program} could not tell whether the command was carried out: {}",
            complaint(&output)
        )),
    })
}

/// What a program may print to take part.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    /// good, finding, unknown or not_applicable; by default finding if there are findings, else good.
    verdict: Option<Verdict>,
    /// Facts about the site.
    findings: Vec<ToldFinding>,
    /// Anything that later steps may use.
    #[serde(default)]
    outputs: Map<String, Value>,
    /// Subjects that were looked at and found in order, beside those of the findings.
    #[serde(default)]
    subjects: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldFinding {
    code: String,
    severity: Severity,
    subject: String,
    summary: String,
    #[serde(default)]
    evidence: Vec<String>,
    #[serde(default)]
    remedy: String,
}

async fn run(context: &Context<'_>) -> Result<Next, ActionError> {
    let argv = context.args.texts("command")?.unwrap_or_default();
    let invocation = invocation(context, argv)?;
    let program = invocation.argv.first().cloned().unwrap_or_default();
    context.progress.note(&format!("running {program}"));
    let output = context
        .probes
        .command
        .run(&invocation)
        .await
        .map_err(|error| ActionError::because("cannot run the command", error).nothing_sent())?;
    let told = told(&output.stdout)?;
    let exit = match output.ending {
        Ending::Exited(status) => status,
        Ending::Killed(signal) => {
            return Err(ActionError::new(format!(
                "{program} was ended by signal {signal}: {}",
                complaint(&output)
            )));
        }
        Ending::TimedOut => {
            return Err(ActionError::new(format!(
                "{program} was ended after {} s: it is not known what it had done by then (raise 'timeout' if it needs longer)",
                invocation.timeout.as_secs()
            )));
        }
    };
    let Some(told) = told else {
        if exit != 0 {
            return Err(ActionError::new(format!(
                "{program} ended with status {exit}: {}",
                complaint(&output)
            )));
        }
        return Ok(with_output(Report::new(Verdict::Good), exit, &output).into());
    };
    if exit != 0 && told.findings.is_empty() {
        return Err(ActionError::new(format!(
            "{program} ended with status {exit} and reports no finding: {}",
            complaint(&output)
        )));
    }
    Ok(with_output(judged(context, told, &program)?, exit, &output).into())
}

fn invocation(context: &Context<'_>, argv: Vec<String>) -> Result<Invocation, ActionError> {
    let args = context.args;
    if let [one] = argv.as_slice()
        && one.contains(char::is_whitespace)
    {
        return Err(ActionError::new(format!(
            "the command must be a list such as [ls, -l], because no shell takes '{one}' apart"
        ))
        .nothing_sent());
    }
    let reveal = |text: &str| {
        context
            .reveal(text)
            .map(|value| value.expose_secret().to_owned())
    };
    let mut invocation = Invocation::new(
        argv.iter()
            .map(|text| reveal(text))
            .collect::<Result<_, _>>()?,
    );
    invocation.stdin = match args.get("stdin") {
        None => Vec::new(),
        Some(Value::String(text)) => reveal(text)?.into_bytes(),
        Some(json) => json.to_string().into_bytes(),
    };
    let step = context.step;
    invocation.env = BTreeMap::from([
        ("MAILMEDIC_SITE".to_owned(), context.site.id.clone()),
        ("MAILMEDIC_RUN".to_owned(), step.run.to_owned()),
        ("MAILMEDIC_STEP".to_owned(), step.key.to_owned()),
        (
            "MAILMEDIC_IDEMPOTENCY_KEY".to_owned(),
            step.idempotency_key.to_owned(),
        ),
    ]);
    for (name, value) in args.map("env")? {
        let Some(text) = scalar(&value) else {
            return Err(ActionError::new(format!("env.{name} must be a text")).nothing_sent());
        };
        invocation.env.insert(name, reveal(&text)?);
    }
    invocation.timeout = args.duration("timeout")?.unwrap_or(TIMEOUT);
    Ok(invocation)
}

/// The report in `stdout`; None if it is ordinary output.
fn told(stdout: &[u8]) -> Result<Option<Told>, ActionError> {
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(stdout) else {
        return Ok(None);
    };
    if !object.contains_key("findings") {
        return Ok(None);
    }
    serde_json::from_value(Value::Object(object)).map(Some).map_err(|error| {
        ActionError::because(
            "cannot read the findings that the program printed (see `mailmedic actions command.run`)",
            error,
        )
    })
}

fn judged(context: &Context<'_>, told: Told, program: &str) -> Result<Report, ActionError> {
    let default = if told.findings.is_empty() {
        Verdict::Good
    } else {
        Verdict::Finding
    };
    let mut report = Report::new(told.verdict.unwrap_or(default));
    report.subjects = told.subjects;
    for finding in told.findings {
        let is_code = !finding.code.is_empty()
            && finding
                .code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_code {
            return Err(ActionError::new(format!(
                "{program} reports a finding with the code '{}': a code is lower-case words joined by hyphens",
                finding.code
            )));
        }
        if !report.subjects.contains(&finding.subject) {
            report.subjects.push(finding.subject.clone());
        }
        let at = context.now();
        let evidence = finding
            .evidence
            .into_iter()
            .map(|text| Evidence::new("command", text, at).from(program.to_owned()));
        report.findings.push(Finding {
            code: finding.code,
            severity: finding.severity,
            subject: finding.subject,
            summary: finding.summary,
            evidence: evidence.collect(),
            remedy: finding.remedy,
        });
    }
    Ok(report.with("outputs", told.outputs))
}

fn with_output(report: Report, exit: i32, output: &CommandOutput) -> Report {
    let longer = output.stdout.len() > KEPT || output.stderr.len() > KEPT;
    report
        .with("exit", exit)
        .with("stdout", kept(&output.stdout))
        .with("stderr", kept(&output.stderr))
        .with("truncated", output.truncated || longer)
        .with("ms", output.ms)
}

fn kept(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT)]).into_owned()
}

/// The last line of what it complained about: where programs say what went wrong.
fn complaint(output: &CommandOutput) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.map_or_else(
        || "(it said nothing)".to_owned(),
        |line| line.trim().chars().take(300).collect(),
    )
}

#[cfg(all(test, unix))]
mod tests;
