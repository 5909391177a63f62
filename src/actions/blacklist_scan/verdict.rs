//! From what was heard to outputs, findings and an outcome.
//!
//! **When a target is clean.** Nobody should be told "clean" because the lists that matter did not answer. So a target
//! counts as clean only when no blocklist holds it, and at least half of the blocklists that apply to it answered, and one
//! of these proved itself with a test entry, and every list of critical severity among them (ZEN, DBL) answered. Else it is
//! unknown. A listing is a listing however many others kept silent. Allowlists and reputation zones never count either way.

use std::collections::BTreeSet;

use serde::Serialize;

use super::asking::{Heard, Hearing, MANY, Mark, Unit, is_deaf, is_for};
use super::breadth::{Standing as Breadth, doubts};
use super::lists;
use super::remedy;
use super::selection::Selection;
use crate::actions::{Context, Report};
use crate::mail::dnsbl::{
    Health, Kind, Part, Resolver, Severity, Standing, Subject, Verdict as Read,
};
use crate::record::Verdict;

/// One target on one list.
#[derive(Debug, Clone, Serialize)]
pub(in crate::actions) struct Listing {
    target: String,
    list: String,
    name: String,
    zone: String,
    operator: String,
    codes: Vec<String>,
    parts: Vec<String>,
    meanings: Vec<String>,
    severity: &'static str,
    policy: bool,
    text: String,
    /// The /64 of an IPv6 address, where the list holds all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    lookup_url: Option<String>,
}

/// A list that did not answer for a target, and why.
#[derive(Debug, Clone, Serialize)]
pub(in crate::actions) struct Missing {
    list: String,
    reason: String,
}

/// All lists on one target.
#[derive(Debug, Clone, Serialize)]
pub(in crate::actions) struct Target {
    pub(super) target: String,
    pub(super) verdict: &'static str,
    pub(in crate::actions) listed: Vec<Listing>,
    /// Operators that hold it for more than its neighbours' sake: several zones of one count once.
    operators: usize,
    allowlisted: Vec<Listing>,
    reputation: Vec<Listing>,
    /// Blocklists that proved themselves and do not hold it.
    pub(in crate::actions) clean: usize,
    /// Blocklists without a test entry that do not seem to hold it.
    clean_weak: usize,
    pub(in crate::actions) unknown: Vec<Missing>,
    pub(in crate::actions) broken: Vec<Missing>,
    /// Blocklists that apply to it.
    #[serde(skip)]
    blocklists: usize,
}

/// A target that was not asked about.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RefusedTarget {
    /// As it was given.
    pub(super) target: String,
    /// Why.
    pub(super) reason: String,
}

/// What one list comes to for one target, over all its zones.
enum Word {
    Clean,
    Weak,
    Listed,
    Other,
    Unknown(String),
    Broken(String),
}

/// The report of a scan.
pub(super) fn report(
    context: &Context<'_>,
    selection: &Selection,
    subjects: &[Subject],
    refused: Vec<RefusedTarget>,
    hearing: &Hearing<'_>,
) -> Report {
    if subjects.len() > MANY {
        return super::many::report(context, selection, subjects, refused, hearing);
    }
    let mut findings = Vec::new();
    let mut judged = Vec::new();
    let mut targets = Vec::new();
    // Sorted by target: each takes its share from the front.
    let mut rest = hearing.heard.as_slice();
    for (number, subject) in subjects.iter().enumerate() {
        let (heard, later) = rest.split_at(rest.partition_point(|one| one.subject <= number));
        rest = later;
        for one in heard {
            if one.reading.verdict == Read::Listed {
                findings.extend(remedy::listed(&hearing.units[one.unit], subject, one));
            }
        }
        for (index, unit) in hearing.units.iter().enumerate() {
            if is_settled(hearing, number, index, heard) {
                judged.push(remedy::listing_subject(subject, unit.zone));
            }
        }
        targets.push(target(selection, hearing, number, subject, heard));
    }
    let (more, settled) = lists::about(context, hearing);
    findings.extend(more);
    judged.extend(settled);
    let verdict = overall(&targets, hearing, &refused);
    let listed: Vec<Listing> = targets
        .iter()
        .flat_map(|target| target.listed.clone())
        .collect();
    let before = context.facts.latest_outputs("blacklist.scan");
    let doubts = doubts(&breadth(subjects, &targets), before.as_ref());
    let warnings: Vec<&str> = doubts.iter().map(|doubt| doubt.text.as_str()).collect();
    if matches!(verdict, Verdict::Finding | Verdict::Good) {
        let held = |one: &Listing, about: &str| one.target == about || one.list == about;
        let proof = doubts.iter().flat_map(|doubt| {
            let held = listed.iter().filter(|one| held(one, &doubt.about));
            held.map(|one| format!("{} {} {}", one.target, one.zone, one.codes.join(" ")))
        });
        let proof = lists::answers(context, hearing, proof.collect());
        findings.extend(remedy::doubtful(&warnings, proof));
        judged.push(remedy::TOGETHER.to_owned());
    }
    let mut report = Report::new(verdict)
        .with("targets", &targets)
        .with("listed", listed)
        .with("warnings", warnings);
    lists::outputs(context, selection, hearing, refused, &mut report);
    report.findings = findings;
    report.subjects = judged;
    report
}

/// How a scan as a whole ended.
pub(super) fn overall(
    targets: &[Target],
    hearing: &Hearing<'_>,
    refused: &[RefusedTarget],
) -> Verdict {
    let any = |verdict: &str| targets.iter().any(|target| target.verdict == verdict);
    if any("listed") {
        Verdict::Finding
    } else if is_deaf(&hearing.resolver) || !refused.is_empty() || any("unknown") {
        Verdict::Unknown
    } else if any("clean") {
        Verdict::Good
    } else {
        Verdict::NotApplicable
    }
}

/// A zone without its place for a key: `zen.dq.spamhaus.net`.
pub(super) fn zone_shown(zone: &str) -> String {
    zone.replace("{key}.", "")
}

/// A page's address for a target.
pub(super) fn filled(url: &str, subject: &Subject) -> String {
    let text = subject.to_string();
    ["{ip}", "{ipv6}", "{domain}"]
        .iter()
        .fold(url.to_owned(), |url, place| url.replace(place, &text))
}

pub(super) fn target(
    selection: &Selection,
    hearing: &Hearing<'_>,
    number: usize,
    subject: &Subject,
    heard: &[Heard],
) -> Target {
    let with = |standing: Standing| -> Vec<Listing> {
        heard
            .iter()
            .filter_map(|one| listing(&hearing.units[one.unit], subject, one, standing))
            .collect()
    };
    let mut view = Target {
        target: subject.to_string(),
        verdict: "not_applicable",
        listed: with(Standing::Listed),
        operators: 0,
        allowlisted: with(Standing::Allowed),
        reputation: [with(Standing::Adverse), with(Standing::Neutral)].concat(),
        clean: 0,
        clean_weak: 0,
        unknown: Vec::new(),
        broken: Vec::new(),
        blocklists: 0,
    };
    let (mut blocklists, mut answered, mut critical_missing) = (0, 0, false);
    for chosen in &selection.chosen {
        let units: Vec<usize> = (0..hearing.units.len())
            .filter(|index| {
                let unit = &hearing.units[*index];
                std::ptr::eq(unit.chosen, chosen) && is_for(unit, subject)
            })
            .collect();
        if units.is_empty() {
            continue;
        }
        let blocklist = chosen.list.kind == Kind::Blocklist;
        let word = word(hearing, number, heard, &units, blocklist);
        let missing = |reason: String| Missing {
            list: chosen.list.id.clone(),
            reason,
        };
        let silent = matches!(word, Word::Unknown(_) | Word::Broken(_));
        if blocklist {
            blocklists += 1;
            answered += usize::from(!silent);
            critical_missing |= silent && chosen.list.severity == Severity::Critical;
        }
        match word {
            Word::Clean => view.clean += 1,
            Word::Weak => view.clean_weak += 1,
            Word::Listed | Word::Other => {}
            Word::Unknown(reason) => view.unknown.push(missing(reason)),
            Word::Broken(reason) => view.broken.push(missing(reason)),
        }
    }
    view.blocklists = blocklists;
    let grave = view
        .listed
        .iter()
        .filter(|one| one.severity != "informational");
    let operators: BTreeSet<&str> = grave.map(|one| one.operator.as_str()).collect();
    view.operators = operators.len();
    view.verdict = if !view.listed.is_empty() {
        "listed"
    } else if blocklists == 0 {
        "not_applicable"
    } else if view.clean > 0 && answered * 2 >= blocklists && !critical_missing {
        "clean"
    } else {
        "unknown"
    };
    view
}

fn breadth<'a>(subjects: &[Subject], targets: &'a [Target]) -> Vec<Breadth<'a>> {
    subjects
        .iter()
        .zip(targets)
        .map(|(subject, target)| Breadth {
            target: &target.target,
            address: matches!(subject, Subject::Address(_)),
            listed: target
                .listed
                .iter()
                .map(|listing| (listing.list.as_str(), listing.operator.as_str()))
                .collect(),
            asked: target.blocklists,
        })
        .collect()
}

/// What a list comes to for one target: a listing in one of its zones decides, else the least certain zone does.
fn word(
    hearing: &Hearing<'_>,
    number: usize,
    heard: &[Heard],
    units: &[usize],
    blocklist: bool,
) -> Word {
    if let Some(why) = deaf(&hearing.resolver) {
        return Word::Unknown(why);
    }
    let mut word = if blocklist { Word::Clean } else { Word::Other };
    for index in units {
        let unit = &hearing.units[*index];
        let one = heard.iter().find(|one| one.unit == *index);
        if one.is_some_and(|one| one.reading.verdict == Read::Listed) {
            return Word::Listed;
        }
        let trouble = unit.health.reason();
        let read = match hearing.mark(number, *index) {
            Mark::NotAsked => None,
            Mark::Clean => Some(&Read::NotListed),
            Mark::Told => one.map(|one| &one.reading.verdict),
        };
        let next = match (trouble, read) {
            (Some(reason), _) if is_broken(&unit.health) => Word::Broken(reason),
            (Some(reason), _) => Word::Unknown(reason),
            (None, None) => Word::Unknown("it was not asked".to_owned()),
            (None, Some(Read::Refused(why))) => Word::Unknown(format!("refused: {why}")),
            (None, Some(Read::Unknown(why))) => Word::Unknown(why.clone()),
            (None, Some(Read::Broken(why))) => Word::Broken(format!("it {why}")),
            (None, Some(Read::NotListed)) if blocklist && unit.health == Health::Weak => Word::Weak,
            (None, Some(Read::NotListed)) => continue,
            (None, Some(_)) => Word::Other,
        };
        word = match (word, next) {
            (broken @ Word::Broken(_), _) | (_, broken @ Word::Broken(_)) => broken,
            (unknown @ Word::Unknown(_), _) | (_, unknown @ Word::Unknown(_)) => unknown,
            (_, next) => next,
        };
    }
    word
}

fn listing(
    unit: &Unit<'_>,
    subject: &Subject,
    heard: &Heard,
    standing: Standing,
) -> Option<Listing> {
    let parts: Vec<&Part> = heard
        .reading
        .parts
        .iter()
        .filter(|part| part.standing == standing)
        .collect();
    let worst = parts.iter().map(|part| part.severity).max()?;
    let list = &unit.chosen.list;
    let mut codes: Vec<String> = parts.iter().map(|part| part.code.to_string()).collect();
    codes.dedup();
    let mut names: Vec<String> = parts.iter().filter_map(|part| part.list.clone()).collect();
    names.dedup();
    let mut meanings: Vec<String> = parts.iter().map(|part| part.meaning.clone()).collect();
    meanings.dedup();
    Some(Listing {
        target: subject.to_string(),
        list: list.id.clone(),
        name: list.name.clone(),
        zone: zone_shown(unit.zone),
        operator: list.operator.clone(),
        codes,
        parts: names,
        meanings,
        severity: match worst {
            Severity::None => "none",
            other => remedy::severity(other).as_str(),
        },
        policy: standing == Standing::Listed && heard.reading.policy_only(),
        text: heard.text.join("\n"),
        network: heard.network.clone(),
        lookup_url: list.lookup_url.as_deref().map(|url| filled(url, subject)),
    })
}

/// Whether it is settled how a target stands on a zone.
fn is_settled(hearing: &Hearing<'_>, subject: usize, index: usize, heard: &[Heard]) -> bool {
    let unit = &hearing.units[index];
    let read = match hearing.mark(subject, index) {
        Mark::NotAsked => return false,
        Mark::Clean => return unit.health == Health::Healthy,
        Mark::Told => heard.iter().find(|one| one.unit == index),
    };
    match read.map(|one| &one.reading.verdict) {
        Some(Read::Listed) => true,
        Some(Read::NotListed | Read::Allowed | Read::Noted) => unit.health == Health::Healthy,
        _ => false,
    }
}

pub(super) fn is_broken(health: &Health) -> bool {
    matches!(
        health,
        Health::Silent | Health::Foreign(_) | Health::ListsTheWorld(_)
    )
}

/// Why nothing can be believed that comes through the resolver; None when something can.
pub(super) fn deaf(resolver: &Resolver) -> Option<String> {
    match resolver {
        Resolver::Rewriting(why) => Some(format!("the resolver rewrites answers: {why}")),
        Resolver::Blind(why) => Some(format!("the resolver hides listings: {why}")),
        Resolver::Mute(why) => Some(format!("the resolver gives no usable answers: {why}")),
        Resolver::Fit | Resolver::Refusing(_) => None,
    }
}
