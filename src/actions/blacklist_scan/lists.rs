//! How the lists and the resolvers themselves stand: counts, and what is worth telling about them.

use serde::Serialize;

use super::asking::{Hearing, Unit, is_deaf};
use super::remedy;
use super::selection::Selection;
use super::verdict::{RefusedTarget, deaf, is_broken, zone_shown};
use crate::actions::{Context, Report};
use crate::mail::dnsbl::{Health, Resolver, Severity};
use crate::record::{Evidence, Finding};

/// How the lists stand; every list is in exactly one of the last four.
#[derive(Debug, Clone, Default, Serialize)]
struct Counts {
    asked: usize,
    healthy: usize,
    weak: usize,
    unknown: usize,
    broken: usize,
    skipped: usize,
}

#[derive(Debug, Clone, Serialize)]
struct ResolverView {
    servers: Vec<String>,
    verdict: &'static str,
    detail: String,
    /// Each resolver that was tried, when it was not one alone.
    compared: Vec<Compared>,
}

#[derive(Debug, Clone, Serialize)]
struct Compared {
    server: String,
    verdict: &'static str,
    detail: String,
}

/// The outputs that do not speak of single targets.
pub(super) fn outputs(
    context: &Context<'_>,
    selection: &Selection,
    hearing: &Hearing<'_>,
    refused: Vec<RefusedTarget>,
    report: &mut Report,
) {
    let shown = |server: &std::net::SocketAddr| server.to_string();
    let compared = hearing.tried.iter().map(|one| Compared {
        server: one.server.to_string(),
        verdict: resolver_word(&one.resolver),
        detail: detail(&one.resolver),
    });
    report.set("lists", health(selection, hearing));
    report.set("skipped", &selection.skipped);
    report.set("refused", refused);
    report.set(
        "resolver",
        ResolverView {
            servers: context.probes.dns.servers().iter().map(shown).collect(),
            verdict: resolver_word(&hearing.resolver),
            detail: detail(&hearing.resolver),
            compared: compared.filter(|_| hearing.tried.len() > 1).collect(),
        },
    );
}

/// Answers in short, as evidence from the resolvers that were asked.
pub(super) fn answers(
    context: &Context<'_>,
    hearing: &Hearing<'_>,
    lines: Vec<String>,
) -> Evidence {
    Evidence::new("dns", lines.join("\n"), context.now())
        .from(from(&mut hearing.tried.iter().map(|one| one.server)))
}

fn from(servers: &mut dyn Iterator<Item = std::net::SocketAddr>) -> String {
    let names: Vec<String> = servers.map(|server| server.to_string()).collect();
    format!("resolver {}", names.join(", "))
}

/// The findings about lists and resolvers, and what was judged.
pub(super) fn about(context: &Context<'_>, hearing: &Hearing<'_>) -> (Vec<Finding>, Vec<String>) {
    let mut findings = Vec::new();
    let mut judged = Vec::new();
    let at = context.now();
    for unit in &hearing.units {
        if is_deaf(&hearing.resolver) {
            break;
        }
        if unit.health.usable() {
            judged.push(zone_shown(unit.zone));
        } else if is_worth_telling(unit)
            && let Some(reason) = unit.health.reason()
            && is_broken(&unit.health)
        {
            let proof = Evidence::new("dns", reason.clone(), at)
                .from(from(&mut unit.server.iter().copied()));
            findings.push(remedy::broken(&unit.chosen.list, unit.zone, &reason, proof));
        }
    }
    findings.dedup_by(|a, b| a.code == b.code && a.subject == b.subject);
    let matters = hearing.units.iter().any(|unit| {
        matches!(unit.health, Health::Refused(_)) && unit.chosen.list.severity >= Severity::Major
    });
    let refusals = refusals(hearing);
    let proof = Evidence::new(
        "dns",
        refusals.unwrap_or_else(|| detail(&hearing.resolver)),
        at,
    )
    .from(from(&mut hearing.tried.iter().map(|one| one.server)));
    let unfit = remedy::resolver_unfit(&hearing.resolver, matters, "resolver", proof);
    let is_fit = unfit.is_none();
    if is_fit && !hearing.units.is_empty() {
        judged.push("resolver".to_owned());
    }
    findings.extend(unfit);
    // Beside a resolver that does, one that does not is worth a word: tools that ask that one see another world.
    for one in hearing.tried.iter().filter(|_| hearing.tried.len() > 1) {
        let subject = format!("resolver {}", one.server);
        let proof = Evidence::new("dns", detail(&one.resolver), at).from(subject.clone());
        let unfit = remedy::resolver_unfit(&one.resolver, is_deaf(&one.resolver), &subject, proof)
            .filter(|_| is_fit);
        match unfit {
            Some(mut finding) => {
                finding.severity = finding.severity.min(crate::record::Severity::Minor);
                findings.push(finding);
            }
            None if one.resolver == Resolver::Fit => judged.push(subject),
            None => {}
        }
    }
    (findings, judged)
}

/// How the lists stand as a whole; a list is as good as its worst zone.
fn health(selection: &Selection, hearing: &Hearing<'_>) -> Counts {
    let mut counts = Counts {
        skipped: selection.skipped.len(),
        ..Counts::default()
    };
    for chosen in &selection.chosen {
        let units: Vec<&Unit<'_>> = hearing
            .units
            .iter()
            .filter(|unit| std::ptr::eq(unit.chosen, chosen))
            .collect();
        if units.is_empty() {
            continue;
        }
        counts.asked += 1;
        if deaf(&hearing.resolver).is_some() {
            counts.unknown += 1;
        } else if units.iter().any(|unit| is_broken(&unit.health)) {
            counts.broken += 1;
        } else if units.iter().any(|unit| !unit.health.usable()) {
            counts.unknown += 1;
        } else if units.iter().any(|unit| unit.health == Health::Weak) {
            counts.weak += 1;
        } else {
            counts.healthy += 1;
        }
    }
    counts
}

/// A zone that lists the world makes receivers refuse everybody's mail, so it is always told. A small list that went silent
/// is only counted: there is always one, and it says nothing about the site.
fn is_worth_telling(unit: &Unit<'_>) -> bool {
    unit.chosen.named
        || unit.chosen.list.severity >= Severity::Major
        || matches!(unit.health, Health::ListsTheWorld(_) | Health::Foreign(_))
}

fn detail(resolver: &Resolver) -> String {
    match resolver {
        Resolver::Fit => String::new(),
        Resolver::Refusing(lists) => format!("refused by {}", lists.join(", ")),
        other => deaf(other).unwrap_or_default(),
    }
}

fn refusals(hearing: &Hearing<'_>) -> Option<String> {
    let lines: Vec<String> = hearing
        .units
        .iter()
        .filter_map(|unit| match &unit.health {
            Health::Refused(why) => Some(format!("{}: {why}", zone_shown(unit.zone))),
            _ => None,
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn resolver_word(resolver: &Resolver) -> &'static str {
    match resolver {
        Resolver::Fit => "fit",
        Resolver::Rewriting(_) => "rewriting",
        Resolver::Blind(_) => "blind",
        Resolver::Refusing(_) => "refused",
        Resolver::Mute(_) => "mute",
    }
}
