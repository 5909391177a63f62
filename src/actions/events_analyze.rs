//! `events.analyze`: the mail server's own logs, read, classified and weighed: why does mail fail?
//!
//! An event log holds failures only, so the verdict is never better than its counts. Too little data is told as
//! unknown, with what is missing; what other checks of the run have found is joined in as further signals.

#[cfg(test)]
mod brought;
#[cfg(test)]
mod by_site;
mod domains;
mod files;
mod joined;
mod kept;
#[cfg(test)]
mod rotated;
mod sources;
#[cfg(test)]
mod tests;

use super::{Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work};
use crate::mail::causes::{self, Analysis, Cause, Confidence, Facts, SiteFacts};
use crate::record::{Evidence, Finding, Severity, Verdict};
use domains::Asked;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kept::Kept;
use sources::Source;
use std::collections::BTreeMap;

/// The analysis.
pub(super) struct EventsAnalyze;

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "files",
        Kind::TextList,
        "none: the step is not applicable",
        "log files, or folders that are read with all files in them; also packed with gzip or zip",
    ),
    Argument::optional(
        "format",
        Kind::Text,
        "told by the content of each file",
        "name of the log format, for all files: eventlog-evt, eventlog-evtx, eventlog-xml, eventlog-json, wevtutil-text, eventlog-csv-2008, get-eventlog-csv, get-winevent-csv, eventquery-csv, logparser-csv, eventlog-list-2003, dumpel, psloglist, eventlog-clipboard-2003, eventlog-clipboard-2008, eventlog-txt-2003, eventlog-csv-2003, postfix, exim, sendmail, exchange-tracking, exchange-tracking-2003, exchange-protocol, iis-smtp-w3c, iis-smtp-ncsa, mail, dmarc-report, tls-report",
    ),
    Argument::optional(
        "timezone",
        Kind::Text,
        "the site's time zone, else as the times stand",
        "time zone in which the log was shown or exported: an IANA name",
    ),
    Argument::optional(
        "working_hours",
        Kind::Text,
        "'logs' of the site file, else 7-19",
        "when people of the site write mail, Monday to Friday: the first and the last hour, as in 8-18",
    ),
    Argument::optional(
        "limits",
        Kind::Map,
        "'logs' of the site file, else those of the table of signals",
        "limits of signals that are others at this site, by signal and name: {T1.floor: 50, T14.organisations: 5}; 'signals' in the outputs says from where each counts",
    ),
    Argument::optional(
        "ask_domains",
        Kind::Boolean,
        "false",
        "look up the domains that failed for want of DNS, at this machine's resolver: do they exist at all? Give true where that is not the mail server's own resolver",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "sources",
        "for each file: file, format, encoding, lines, records, noise, passed, unparsed, unparsed_lines, span (first, last), zone, gaps, notes; error where it was not read to its end",
    ),
    Output::new("failures", "failures that were counted, noise taken out"),
    Output::new(
        "duplicates",
        "events that another log had told already: they are counted once",
    ),
    Output::new("classes", "failures of outbound mail by class of the reply"),
    Output::new("refused_clients", "refusals by this server, by class"),
    Output::new(
        "remotes",
        "the hosts that refused, busiest first, 500 at most: host, organisation, failures, classes",
    ),
    Output::new(
        "timeline",
        "failures of outbound mail over time: unit (hour, day, week), points (start, classes)",
    ),
    Output::new(
        "usage",
        "who and what sends through the server: users (kind account, mailbox, device, application or address; name, log_ins, messages, delivered, failed, bytes, most_an_hour, clients, first, last), left_out",
    ),
    Output::new(
        "reported",
        "what receivers report: complaints; own, elsewhere and tls (all, failed); tls_failures by reason; reporters",
    ),
    Output::new(
        "summed_up",
        "what was summed up and not told apart for want of room; the busiest entries always are told apart",
    ),
    Output::new(
        "asked",
        "the domains that failed for want of DNS, when they were looked up: exists, dead, or why nobody can tell",
    ),
    Output::new(
        "signals",
        "what was measured: id, title, state (shown, seen, absent, not_enough_data, not_measured), measured, expected",
    ),
    Output::new(
        "causes",
        "strongest first: cause, title, confidence (certain, probable, possible, unlikely), who (accounts or machines it names), signals, against, lines, settles, remedy",
    ),
    Output::new(
        "not_shown",
        "causes of which nothing was seen, why that is no proof, and what would settle it",
    ),
    Output::new(
        "reason",
        "why more cannot be said; null when enough was there",
    ),
];

/// Lines that are quoted in a finding, at most.
const QUOTED: usize = 5;

/// Further places and names that a finding names, at most.
const NAMED: usize = 10;

/// Remote hosts in the outputs, at most, busiest first.
const REMOTES: usize = 500;

impl Action for EventsAnalyze {
    fn name(&self) -> &'static str {
        "events.analyze"
    }

    fn summary(&self) -> &'static str {
        "read the mail server's logs and rank the causes of failed mail"
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
        Box::pin(async move { work(context).await })
    }
}

async fn work(context: &Context<'_>) -> Result<Next, ActionError> {
    let files = context.args.texts("files")?.unwrap_or_default();
    let files: Vec<String> = files
        .into_iter()
        .filter(|file| !file.trim().is_empty())
        .collect();
    if files.is_empty() {
        let report = Report::new(Verdict::NotApplicable)
            .with("reason", "no log files were given: name them with 'files'");
        return Ok(report.into());
    }
    let request = sources::Request {
        files,
        format: context.args.text("format")?,
        options: sources::options(context)?,
    };
    request.check()?;
    let facts = joined::facts(context);
    let site = SiteFacts {
        timezone: request.options.timezone.clone(),
        working_hours: hours(context)?,
        limits: limits(context)?,
        ..joined::site(context)
    };
    context.progress.note("reading the server's logs");
    let ask_domains = context.args.boolean("ask_domains")?.unwrap_or(false);
    let (read, site, domains) = aside(move || {
        let mut kept = Kept::new(&site);
        let sources = sources::read_all(&request, &mut kept)?;
        let domains = match ask_domains {
            true => kept.traffic.unresolved_domains(),
            false => Vec::new(),
        };
        Ok((Read { sources, kept }, site, domains))
    })
    .await?;
    let asked = domains::ask(context, domains).await;
    let facts = Facts {
        dead_domains: asked.fact(),
        ..facts
    };
    let (read, analysis) = aside(move || {
        let kept = &read.kept;
        let analysis = causes::analyse_counted(&kept.traffic, &site, &facts);
        Ok((read, analysis))
    })
    .await?;
    Ok(report(context, &read, &analysis, &asked).into())
}

/// Reading and matching take their time: not on the thread that also serves the network.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ActionError> + Send + 'static,
) -> Result<T, ActionError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ActionError::because("cannot analyse the logs", error))?
}

/// Those of the step, and those of the site file beside them.
fn limits(context: &Context<'_>) -> Result<BTreeMap<String, f64>, ActionError> {
    let of_site = context.site.logs.limits.iter();
    let mut limits: BTreeMap<String, f64> = of_site
        .filter_map(|(key, limit)| Some((key.clone(), limit.as_f64()?)))
        .collect();
    for (key, value) in context.args.map("limits")? {
        causes::definitions()
            .check_limit(&key)
            .map_err(ActionError::new)?;
        let Some(limit) = value.as_f64().filter(|limit| *limit >= 0.0) else {
            return Err(ActionError::new(format!(
                "cannot use {value} as the limit '{key}': give a number that is not negative"
            )));
        };
        limits.insert(key, limit);
    }
    Ok(limits)
}

/// `8-18`.
fn hours(context: &Context<'_>) -> Result<Option<(usize, usize)>, ActionError> {
    let text = context.args.text("working_hours")?;
    let Some(text) = text.or_else(|| context.site.logs.working_hours.clone()) else {
        return Ok(None);
    };
    let wrong = |what| ActionError::new(format!("{what}: give two hours of the day, such as 8-18"));
    causes::read_hours(&text).map(Some).map_err(wrong)
}

/// What was read.
struct Read {
    sources: Vec<Source>,
    kept: Kept,
}

fn report(context: &Context<'_>, read: &Read, analysis: &Analysis, asked: &Asked) -> Report {
    let findings: Vec<Finding> = analysis
        .causes
        .iter()
        .filter(|cause| cause.confidence > Confidence::Unlikely)
        .map(|cause| finding(context, cause, analysis))
        .collect();
    let reason = reason(read, analysis);
    let verdict = match (findings.is_empty(), &reason) {
        (false, _) => Verdict::Finding,
        (true, Some(_)) => Verdict::Unknown,
        (true, None) => Verdict::Good,
    };
    let mut report = Report::new(verdict)
        .with("sources", &read.sources)
        .with("failures", analysis.failures)
        .with("duplicates", read.kept.duplicates.found)
        .with(
            "noise",
            read.sources.iter().map(|source| source.noise).sum::<u64>(),
        )
        .with("classes", &analysis.classes)
        .with("refused_clients", &analysis.refused_clients)
        .with(
            "remotes",
            &analysis.remotes[..analysis.remotes.len().min(REMOTES)],
        )
        .with("timeline", &analysis.timeline)
        .with("usage", &analysis.register)
        .with("reported", &analysis.reported)
        .with("summed_up", &analysis.summed_up)
        .with("asked", asked)
        .with("signals", &analysis.signals)
        .with("causes", &analysis.causes)
        .with("not_shown", &analysis.not_shown)
        .with("reason", &reason);
    // Only a log with enough data can settle what an earlier one has shown.
    if reason.is_none() {
        report.subjects = vec![subject(context)];
    }
    report.findings = findings;
    report
}

/// Why more cannot be said.
fn reason(read: &Read, analysis: &Analysis) -> Option<String> {
    let mut reasons: Vec<String> = read
        .sources
        .iter()
        .filter(|source| !source.stranger)
        .filter_map(|source| source.error.clone())
        .collect();
    let strangers: Vec<&Source> = read
        .sources
        .iter()
        .filter(|source| source.stranger)
        .collect();
    match strangers.as_slice() {
        [] => {}
        [one] => reasons.extend(one.error.clone()),
        many => {
            let names: Vec<String> = many.iter().map(|source| source.file.clone()).collect();
            reasons.push(format!(
                "{} files are empty or of no known log format, and were not read: {} (where one of them is a log, name it alone, with its 'format')",
                many.len(),
                named(&names)
            ));
        }
    }
    if let Some(thin) = &analysis.not_enough_data {
        reasons.push(format!("not enough data: {thin}"));
    }
    reasons.extend(analysis.unsettled.iter().cloned());
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn subject(context: &Context<'_>) -> String {
    match context.site.id.as_str() {
        "" => "mail server".to_owned(),
        id => format!("mail server of {id}"),
    }
}

fn finding(context: &Context<'_>, cause: &Cause, analysis: &Analysis) -> Finding {
    let now = context.now();
    let mut counts: Vec<String> = vec![format!(
        "{} counted{}",
        plural(analysis.failures, "failure", "failures"),
        span(context, analysis).map_or_else(String::new, |span| format!(", {span}"))
    )];
    counts.extend(cause.signals.iter().map(|line| format!("for: {line}")));
    counts.extend(cause.against.iter().map(|line| format!("against: {line}")));
    let mut evidence = vec![Evidence::new("log", counts.join("\n"), now)];
    evidence.extend(
        cause
            .lines
            .iter()
            .filter_map(|line| Some((line, line.text.as_deref()?)))
            .take(QUOTED)
            .map(|(line, text)| Evidence::new("log", text, now).from(line.place.to_string())),
    );
    let left = cause.cases.saturating_sub(QUOTED);
    if left > 0 {
        let others: Vec<String> = cause
            .lines
            .iter()
            .skip(QUOTED)
            .take(NAMED)
            .map(|line| line.place.to_string())
            .collect();
        let more = if left > NAMED { ", and more" } else { "" };
        evidence.push(Evidence::new(
            "log",
            format!("{left} further cases: {}{more}", others.join(", ")),
            now,
        ));
    }
    let mut summary = format!("{}: {}", cause.confidence.word(), cause.title);
    if !cause.who.is_empty() {
        summary.push_str(&format!(": {}", named(&cause.who)));
    }
    if !cause.reservation.is_empty() {
        summary.push_str(&format!(" ({})", cause.reservation));
    }
    let mut remedy = format!("{}.", capital(cause.remedy));
    if cause.confidence < Confidence::Certain {
        remedy = format!(
            "First settle it: {}. Then: {}.",
            cause.settles.join("; "),
            cause.remedy
        );
    }
    Finding {
        code: cause.code(),
        severity: severity(cause),
        subject: subject(context),
        summary,
        evidence,
        remedy,
    }
}

/// The severity of the cause itself, once more than one thing speaks for it.
fn severity(cause: &Cause) -> Severity {
    match (cause.confidence, cause.severity) {
        (Confidence::Certain | Confidence::Probable, causes::Weight::Critical) => {
            Severity::Critical
        }
        (Confidence::Certain | Confidence::Probable, causes::Weight::Major) => Severity::Major,
        _ => Severity::Minor,
    }
}

/// In the zone of the site, as the rest of a document tells times.
fn span(context: &Context<'_>, analysis: &Analysis) -> Option<String> {
    let (first, last) = analysis.span?;
    let known = context.site.timezone.as_deref();
    let zone = known.and_then(|name| TimeZone::get(name).ok());
    let name = known.filter(|_| zone.is_some()).unwrap_or("UTC");
    let zone = zone.unwrap_or(TimeZone::UTC);
    let at = |time: Timestamp| {
        let here = time.to_zoned_datetime(zone.clone());
        here.strftime("%-d %b %Y %H:%M").to_string()
    };
    Some(format!("from {} to {} ({name})", at(first), at(last)))
}

fn named(names: &[String]) -> String {
    let more = match names.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    format!("{}{more}", names.join(", "))
}

fn plural(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}
