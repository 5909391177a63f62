//! The report of a scan of very many targets: what a person can still read, and what fits into memory.
//!
//! Clean targets are counted, not told one by one; a list that holds many targets is one finding with a few examples.

use serde::Serialize;

use super::asking::{Heard, Hearing};
use super::lists;
use super::remedy;
use super::selection::Selection;
use super::verdict::{self, RefusedTarget, zone_shown};
use crate::actions::{Context, Report};
use crate::mail::dnsbl::{Nature, Part, Subject, Verdict as Read};
use crate::record::{Finding, Verdict};

/// A target that is not clean.
#[derive(Debug, Serialize)]
struct Brief<'a> {
    target: &'a str,
    verdict: &'static str,
    /// On so many lists.
    listed: usize,
    unknown: usize,
    broken: usize,
}

/// A target on a list.
#[derive(Debug, Serialize)]
struct Listed<'a> {
    target: String,
    list: &'a str,
    zone: String,
    codes: Vec<String>,
    parts: Vec<&'a str>,
    severity: &'static str,
}

/// Targets by verdict.
#[derive(Debug, Default, Serialize)]
struct Verdicts {
    listed: usize,
    clean: usize,
    unknown: usize,
    not_applicable: usize,
}

/// The report.
pub(super) fn report(
    context: &Context<'_>,
    selection: &Selection,
    subjects: &[Subject],
    refused: Vec<RefusedTarget>,
    hearing: &Hearing<'_>,
) -> Report {
    let mut verdicts = Verdicts::default();
    let mut targets = Vec::new();
    let mut any_deaf_or_refused = Verdict::NotApplicable;
    let mut rest = hearing.heard.as_slice();
    for (number, subject) in subjects.iter().enumerate() {
        let (heard, later) = rest.split_at(rest.partition_point(|one| one.subject <= number));
        rest = later;
        let target = verdict::target(selection, hearing, number, subject, heard);
        let count = match target.verdict {
            "listed" => &mut verdicts.listed,
            "clean" => &mut verdicts.clean,
            "unknown" => &mut verdicts.unknown,
            _ => &mut verdicts.not_applicable,
        };
        *count += 1;
        if target.verdict != "clean" && target.verdict != "not_applicable" {
            let brief = Brief {
                target: &target.target,
                verdict: target.verdict,
                listed: target.listed.len(),
                unknown: target.unknown.len(),
                broken: target.broken.len(),
            };
            targets.push(serde_json::to_value(brief).unwrap_or_default());
        }
        any_deaf_or_refused = worse(
            any_deaf_or_refused,
            verdict::overall(std::slice::from_ref(&target), hearing, &refused),
        );
    }
    let listed: Vec<Listed<'_>> = hearing
        .heard
        .iter()
        .filter_map(|one| listed(hearing, &subjects[one.subject], one))
        .collect();
    let (more, judged) = lists::about(context, hearing);
    let mut report = Report::new(any_deaf_or_refused)
        .with("verdicts", verdicts)
        .with("targets", targets)
        .with("listed", listed)
        .with("warnings", Vec::<String>::new());
    lists::outputs(context, selection, hearing, refused, &mut report);
    report.findings = findings(subjects, hearing);
    report.findings.extend(more);
    report.subjects = judged;
    report
}

/// Of two ends the one that somebody has to hear of.
fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Finding => 3,
        Verdict::Unknown => 2,
        Verdict::Good => 1,
        Verdict::NotApplicable => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

fn listed<'a>(hearing: &'a Hearing<'_>, subject: &Subject, one: &'a Heard) -> Option<Listed<'a>> {
    let unit = &hearing.units[one.unit];
    let severity = one.reading.severity()?;
    let mut codes: Vec<String> = Vec::new();
    let mut parts: Vec<&str> = Vec::new();
    for part in one.reading.listings() {
        let code = part.code.to_string();
        if !codes.contains(&code) {
            codes.push(code);
        }
        parts.extend(part.list.as_deref());
    }
    parts.dedup();
    Some(Listed {
        target: subject.to_string(),
        list: &unit.chosen.list.id,
        zone: zone_shown(unit.zone),
        codes,
        parts,
        severity: remedy::severity(severity).as_str(),
    })
}

/// One finding for each list and kind of listing, with the answers that were kept as evidence.
fn findings(subjects: &[Subject], hearing: &Hearing<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, unit) in hearing.units.iter().enumerate() {
        for (code, policy) in [("listed", false), ("listed-policy", true)] {
            let of_kind = |part: &&Part| (part.nature == Some(Nature::Policy)) == policy;
            let hits: Vec<&Heard> = hearing
                .heard
                .iter()
                .filter(|one| one.unit == index && one.reading.verdict == Read::Listed)
                .filter(|one| one.reading.listings().any(|part| of_kind(&part)))
                .collect();
            let Some(first) = hits.first() else { continue };
            let kept = hits.iter().filter(|hit| hit.answer.is_some());
            // The words of a single listing, with the number of all of them.
            let told = remedy::listed(unit, &subjects[first.subject], first);
            let Some(mut finding) = told.into_iter().find(|finding| finding.code == code) else {
                continue;
            };
            let severities = hits.iter().flat_map(|hit| hit.reading.listings());
            let worst = severities.filter(of_kind).map(|part| part.severity).max();
            finding.severity = worst.map_or(finding.severity, remedy::severity);
            finding.subject = format!("targets on {}", zone_shown(unit.zone));
            finding.summary = format!(
                "{} of {} targets are on {}, {} among them",
                hits.len(),
                subjects.len(),
                unit.chosen.list.name,
                subjects[first.subject]
            );
            finding.evidence = kept
                .filter_map(|hit| remedy::evidence(unit, &subjects[hit.subject], hit))
                .collect();
            findings.push(finding);
        }
    }
    findings
}
