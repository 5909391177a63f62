//! What became of the marked message, as a report.

use serde_json::{Value, json};

use super::path::Path;
use super::tried::Memo;
use crate::actions::controlled_mailbox::Seen;
use crate::actions::{Context, Report};
use crate::mail::marked::Marked;
use crate::record::{Evidence, Finding, Severity, StepOutcome, Verdict};
use crate::site::special_use;

/// The methods whose failure is a finding.
const METHODS: [&str; 3] = ["spf", "dkim", "dmarc"];

/// The host and port that decided: the last one that was asked, else the first one of the path.
pub(super) fn place<'a>(path: &'a Path, memo: &'a Memo) -> (&'a str, u16) {
    let first = path.places.first();
    match (memo.tried.last(), first) {
        (Some(tried), _) => (&tried.host, tried.port),
        (None, Some(place)) => (&place.host, place.port),
        (None, None) => ("", 0),
    }
}

pub(super) fn refused(context: &Context<'_>, path: &Path, marked: &Marked, memo: &Memo) -> Report {
    let (host, _) = place(path, memo);
    let others = match memo.tried.len() {
        0 | 1 => String::new(),
        more => format!(" ({more} places were asked)"),
    };
    let summary = format!(
        "{host} does not take mail from {} for outside{others}: {}",
        path.sender, memo.reply
    );
    let mut report = outputs(path, marked, json!(false), memo, summary.clone());
    let proof = match memo.transcript.is_empty() {
        true => ("note", memo.reply.clone()),
        false => ("smtp", memo.transcript.clone()),
    };
    let finding = ("delivery-refused", Severity::Major);
    add(context, &mut report, (path, memo), finding, summary, proof);
    report
}

/// Nothing was sent and nobody has refused it: no word about the path.
pub(super) fn not_sent(path: &Path, marked: &Marked, memo: &Memo) -> Report {
    let asked: Vec<String> = memo
        .tried
        .iter()
        .map(|tried| format!("{} port {}: {}", tried.host, tried.port, tried.reply))
        .collect();
    let reason = format!(
        "the message was not sent, so nothing is known about the path ({}); smarthost.check and server.check look closer",
        asked.join("; ")
    );
    let mut report = outputs(path, marked, json!(false), memo, reason);
    report.outcome = StepOutcome::Unknown;
    report
}

pub(super) fn lost(context: &Context<'_>, path: &Path, marked: &Marked, memo: &Memo) -> Report {
    if let Some(trouble) = &memo.trouble {
        let reason = format!("the mailbox could not be read: {trouble}");
        let mut report = outputs(path, marked, accepted(memo), memo, reason);
        report.outcome = StepOutcome::Unknown;
        return report;
    }
    if memo.accepted_at.is_none() {
        let mut report = refused(context, path, marked, memo);
        let reason = format!("put off until the end of the wait: {}", memo.reply);
        report.set("reason", reason);
        return report;
    }
    let (host, _) = place(path, memo);
    let summary = if memo.certain {
        format!(
            "{} accepted the marked message, and it never arrived.",
            host
        )
    } else {
        format!(
            "The connection to {} was lost after the final dot, and the message never arrived.",
            host
        )
    };
    let mut report = outputs(path, marked, accepted(memo), memo, summary.clone());
    if memo.certain {
        let proof = ("smtp", memo.transcript.clone());
        add(
            context,
            &mut report,
            (path, memo),
            ("delivery-lost", Severity::Critical),
            summary,
            proof,
        );
    } else {
        report.outcome = StepOutcome::Unknown;
    }
    report
}

pub(super) fn bounced(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
    memo: &Memo,
    bounce: &Seen,
) -> Report {
    let (host, _) = place(path, memo);
    let summary = format!("The marked message that {} accepted came back.", host);
    let mut report = outputs(path, marked, accepted(memo), memo, summary.clone());
    let text = String::from_utf8_lossy(&bounce.bytes)
        .chars()
        .take(4000)
        .collect();
    add(
        context,
        &mut report,
        (path, memo),
        ("delivery-bounced", Severity::Major),
        summary,
        ("mail", text),
    );
    report
}

pub(super) fn arrived(
    context: &Context<'_>,
    path: &Path,
    marked: &Marked,
    memo: &Memo,
    seen: &Seen,
) -> Report {
    let (host, _) = place(path, memo);
    let seconds = memo
        .accepted_at
        .zip(seen.received)
        .map(|(sent, received)| (received.as_second() - sent.as_second()).max(0));
    let laboratory = context.site.laboratory;
    let egress = seen
        .trace
        .egress(|address| laboratory || special_use(address).is_none());
    let reason = format!("arrived in {}", seen.folder);
    let mut report = outputs(path, marked, json!(true), memo, reason);
    let results: serde_json::Map<String, Value> = METHODS
        .iter()
        .map(|method| ((*method).to_owned(), json!(seen.trace.result(method))))
        .collect();
    report.set("arrived", true);
    report.set("folder", &seen.folder);
    report.set("seconds", seconds);
    report.set("hops", &seen.trace.hops);
    report.set("authentication", results);
    report.set("egress", egress);
    if seen.junk {
        let summary = format!("Mail by {} ends in the folder {}.", host, seen.folder);
        add(
            context,
            &mut report,
            (path, memo),
            ("delivery-junk", Severity::Major),
            summary,
            ("mail", seen.header()),
        );
    }
    let failed: Vec<&str> = METHODS
        .into_iter()
        .filter(|method| {
            matches!(
                seen.trace.result(method),
                Some("fail" | "softfail" | "permerror")
            )
        })
        .collect();
    if !failed.is_empty() {
        let summary = format!(
            "The receiver of mail by {} says: {} failed.",
            host,
            failed.join(" and ")
        );
        add(
            context,
            &mut report,
            (path, memo),
            ("delivery-unauthenticated", Severity::Major),
            summary,
            ("mail", seen.header()),
        );
    }
    report
}

fn accepted(memo: &Memo) -> Value {
    match (memo.accepted_at, memo.certain) {
        (Some(_), true) => json!(true),
        (Some(_), false) => Value::Null,
        (None, _) => json!(false),
    }
}

fn outputs(path: &Path, marked: &Marked, accepted: Value, memo: &Memo, reason: String) -> Report {
    Report::new(Verdict::Good)
        .with("via", place(path, memo).0.to_ascii_lowercase())
        .with("tried", &memo.tried)
        .with("login", &memo.login)
        .with("accepted", accepted)
        .with("arrived", false)
        .with("folder", Value::Null)
        .with("seconds", Value::Null)
        .with("hops", json!([]))
        .with(
            "authentication",
            json!({"spf": null, "dkim": null, "dmarc": null}),
        )
        .with("egress", Value::Null)
        .with("message_id", marked.message_id())
        .with("reply", memo.reply.as_str())
        .with("reason", reason)
}

/// Adds a finding; the remedy is the one that `explain` knows for the code.
fn add(
    context: &Context<'_>,
    report: &mut Report,
    (path, memo): (&Path, &Memo),
    (code, severity): (&str, Severity),
    summary: String,
    (kind, text): (&str, String),
) {
    let remedy =
        crate::mail::findings::find(code).map_or_else(String::new, |known| known.remedy.clone());
    let (host, port) = place(path, memo);
    let from = format!("{host}:{port} to {}", path.recipient);
    report.findings.push(Finding {
        code: code.to_owned(),
        severity,
        subject: host.to_owned(),
        summary,
        evidence: vec![Evidence::new(kind, text, context.now()).from(from)],
        remedy,
    });
    report.outcome = StepOutcome::Finding;
}
