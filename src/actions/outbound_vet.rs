//! `outbound.vet`: which of the addresses that could be used instead is fit to send mail, and what to do before it does?
//!
//! Each candidate is looked up in the lists of every scan and in those that list whole networks; its reverse name is
//! followed; and the addresses beside it are looked up in the lists that matter, because receivers judge a stranger by its
//! street. [`crate::mail::vetting`] weighs it, and [`crate::mail::warm_up`] tells how to begin. Findings about a candidate
//! would be about somebody else, so there is one only when none of them is any good.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::Serialize;
use tokio::task::JoinSet;

use super::blacklist_scan::{Breadth, Stand, survey};
use super::rdns_verify::{Reverse, ReverseVerdict, look_up_reverse};
use super::{
    Action, ActionError, Argument, Context, Effect, Kind, Next, Output, Report, Work, address,
};
use crate::mail::dnsbl::Nature;
use crate::mail::vetting::{self, Asked, Facts, Grade, Name, Neighbours};
use crate::mail::warm_up;
use crate::record::{Evidence, Finding, Severity, Verdict};

/// The check.
pub(super) struct OutboundVet;

/// Neighbours of a candidate that are asked about.
const NEIGHBOURS: i64 = 8;
/// A /24 is looked at by its nearest addresses; all of them would be a load on the lists for little.
const MOST_NEIGHBOURS: i64 = 64;
/// Candidates in one step.
const MOST_CANDIDATES: usize = 32;
/// What the finding is about.
const SUBJECT: &str = "addresses to move to";

const ARGUMENTS: &[Argument] = &[
    Argument::optional(
        "addresses",
        Kind::TextList,
        "outbound.candidates of the site file",
        "addresses that could be used",
    ),
    Argument::optional(
        "neighbours",
        Kind::Integer,
        "8",
        "how many addresses beside each are looked up in the lists that matter; 0: none",
    ),
];

const OUTPUTS: &[Output] = &[
    Output::new(
        "candidates",
        "best first: address, rank, grade (usable, after_the_name, unknown, poor, unfit), reasons, before (what to do before it is used), listed (list, codes, severity, policy), clean and unknown (counts of lists), name (verdict, ptr), neighbours (asked, known, unknown, listed: those of the known that are listed for abuse)",
    ),
    Output::new("best", "the address to take; null when none is any good"),
    Output::new(
        "warm_up",
        "how to begin with an address that receivers do not know: from, to (days), a_day (messages at most), what",
    ),
];

impl Action for OutboundVet {
    fn name(&self) -> &'static str {
        "outbound.vet"
    }

    fn summary(&self) -> &'static str {
        "rank the addresses that mail could be sent from instead: lists, names, neighbours"
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
        Box::pin(async move { vet(context).await })
    }
}

/// One candidate, as it is told.
#[derive(Debug, Serialize)]
struct View {
    address: IpAddr,
    rank: usize,
    grade: Grade,
    reasons: Vec<String>,
    before: Vec<String>,
    listed: serde_json::Value,
    clean: usize,
    unknown: usize,
    name: NameView,
    neighbours: NeighboursView,
}

#[derive(Debug, Serialize)]
struct NameView {
    verdict: ReverseVerdict,
    ptr: Vec<String>,
    detail: String,
}

#[derive(Debug, Serialize)]
struct NeighboursView {
    asked: usize,
    known: usize,
    unknown: usize,
    listed: Vec<IpAddr>,
}

async fn vet(context: &Context<'_>) -> Result<Next, ActionError> {
    let ours = &context.site.outbound.candidates;
    let candidates = address::given(context, "addresses", ours, "vet")?;
    if candidates.len() > MOST_CANDIDATES {
        return Err(ActionError::new(format!(
            "cannot vet {} addresses in one step: name at most {MOST_CANDIDATES} under 'addresses'",
            candidates.len()
        ))
        .nothing_sent());
    }
    let each = neighbours_each(context)?;
    if candidates.is_empty() {
        return Ok(Report::new(Verdict::NotApplicable)
            .with("candidates", Vec::<View>::new())
            .with("best", None::<IpAddr>)
            .with("warm_up", Vec::<warm_up::Stage>::new())
            .into());
    }
    context.progress.note(&format!(
        "asking the lists about {} candidates",
        candidates.len()
    ));
    let stands = survey(context, Breadth::Wide, &candidates).await?;
    let beside = beside(context, &candidates, each).await?;
    let names = reverse_names(context, &candidates).await;
    let vetted: Vec<Vetted> = stands
        .into_iter()
        .zip(names)
        .map(|(stand, reverse)| {
            let facts = Facts {
                address: stand.address,
                listings: stand.held.clone(),
                lists: if stand.is_known() {
                    Asked::Enough
                } else {
                    Asked::TooFew
                },
                name: name(&reverse),
                neighbours: near(stand.address, &beside, each),
            };
            Vetted {
                opinion: vetting::judge(&facts),
                neighbours: facts.neighbours,
                stand,
                reverse,
            }
        })
        .collect();
    Ok(report(context, vetted).into())
}

/// What was seen of a candidate, and what is to be thought of it.
struct Vetted {
    stand: Stand,
    reverse: Reverse,
    neighbours: Neighbours,
    opinion: vetting::Opinion,
}

/// The reverse names of the candidates, in their order, looked up side by side.
async fn reverse_names(context: &Context<'_>, candidates: &[IpAddr]) -> Vec<Reverse> {
    context.progress.note("looking up their reverse names");
    let mut under_way = JoinSet::new();
    for (place, address) in candidates.iter().copied().enumerate() {
        let dns = context.probes.dns.clone();
        under_way.spawn(async move { (place, look_up_reverse(&dns, address).await) });
    }
    let mut names = under_way.join_all().await;
    names.sort_by_key(|(place, _)| *place);
    names.into_iter().map(|(_, reverse)| reverse).collect()
}

fn neighbours_each(context: &Context<'_>) -> Result<usize, ActionError> {
    let given = context.args.integer("neighbours")?.unwrap_or(NEIGHBOURS);
    usize::try_from(given)
        .ok()
        .filter(|_| given <= MOST_NEIGHBOURS)
        .ok_or_else(|| {
            ActionError::new(format!(
                "cannot look at {given} neighbours: 'neighbours' is 0 to {MOST_NEIGHBOURS}"
            ))
            .nothing_sent()
        })
}

/// The neighbours of all candidates, each asked about once.
async fn beside(
    context: &Context<'_>,
    candidates: &[IpAddr],
    each: usize,
) -> Result<Vec<Stand>, ActionError> {
    let mut all: Vec<IpAddr> = Vec::new();
    for candidate in candidates {
        for neighbour in vetting::beside(*candidate, each) {
            if !all.contains(&neighbour) && !candidates.contains(&neighbour) {
                all.push(neighbour);
            }
        }
    }
    if !all.is_empty() {
        context
            .progress
            .note(&format!("asking about {} addresses beside them", all.len()));
    }
    survey(context, Breadth::Narrow, &all).await
}

/// What is known of the neighbours of one candidate.
fn near(candidate: IpAddr, beside: &[Stand], each: usize) -> Neighbours {
    let own = vetting::beside(candidate, each);
    let mut neighbours = Neighbours::default();
    for stand in beside.iter().filter(|one| own.contains(&one.address)) {
        if !stand.is_known() {
            neighbours.unknown += 1;
            continue;
        }
        neighbours.known += 1;
        let for_abuse = stand
            .held
            .iter()
            .any(|held| !matches!(held.nature, Some(Nature::Policy | Nature::Neighbourhood)));
        if for_abuse {
            neighbours.listed.push(stand.address);
        }
    }
    neighbours
}

fn name(reverse: &Reverse) -> Name {
    let first = || reverse.ptr.first().cloned().unwrap_or_default();
    match reverse.verdict {
        ReverseVerdict::Pass => Name::Proper(first()),
        ReverseVerdict::None => Name::Missing,
        ReverseVerdict::Fail => Name::Unconfirmed(first()),
        ReverseVerdict::Generic => Name::Generic(first()),
        ReverseVerdict::Unknown => Name::Unknown,
    }
}

fn report(context: &Context<'_>, mut vetted: Vec<Vetted>) -> Report {
    vetting::rank(&mut vetted, |one| &one.opinion);
    let views: Vec<View> = vetted
        .into_iter()
        .enumerate()
        .map(|(place, one)| View {
            address: one.stand.address,
            rank: place + 1,
            grade: one.opinion.grade,
            reasons: one.opinion.reasons,
            before: one.opinion.before,
            listed: serde_json::to_value(&one.stand.view.listed).unwrap_or_default(),
            clean: one.stand.view.clean,
            unknown: one.stand.view.unknown.len() + one.stand.view.broken.len(),
            name: NameView {
                verdict: one.reverse.verdict,
                ptr: one.reverse.ptr,
                detail: one.reverse.detail,
            },
            neighbours: NeighboursView {
                asked: one.neighbours.known + one.neighbours.unknown,
                known: one.neighbours.known,
                unknown: one.neighbours.unknown,
                listed: one.neighbours.listed,
            },
        })
        .collect();
    let best = views
        .first()
        .filter(|view| view.grade <= Grade::AfterTheName);
    let verdict = match views.first().map(|view| view.grade) {
        Some(Grade::Usable | Grade::AfterTheName) => Verdict::Good,
        Some(Grade::Unknown) => Verdict::Unknown,
        Some(Grade::Poor | Grade::Unfit) => Verdict::Finding,
        None => Verdict::NotApplicable,
    };
    let mut report = Report::new(verdict)
        .with("best", best.map(|view| view.address))
        .with("warm_up", warm_up::plan(context.site.mailboxes))
        .with("candidates", &views);
    if verdict == Verdict::Finding {
        report.findings.push(none_is_good(context, &views));
    }
    if verdict != Verdict::Unknown {
        report.subjects.push(SUBJECT.to_owned());
    }
    report
}

fn none_is_good(context: &Context<'_>, views: &[View]) -> Finding {
    let lines: Vec<String> = views
        .iter()
        .map(|view| format!("{}: {}", view.address, view.reasons.join("; ")))
        .collect();
    Finding {
        code: "outbound-no-candidate".to_owned(),
        severity: Severity::Minor,
        subject: SUBJECT.to_owned(),
        summary: match views {
            [one] => format!("{} is not fit to send mail from", one.address),
            many => format!("none of {} addresses is fit to send mail from", many.len()),
        },
        evidence: vec![Evidence::new("dns", lines.join("\n"), context.now())],
        remedy: "Ask the network operator for an address in another block, and look at it before the contract is signed; or send through a smarthost, which needs no address of your own.".to_owned(),
    }
}
