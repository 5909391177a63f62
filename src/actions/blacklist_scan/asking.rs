//! Asks the lists: controls first, then the targets at those lists that proved themselves, then TXT for the hits.

use secrecy::ExposeSecret;

use super::selection::Chosen;
use crate::actions::Context;
use crate::mail::dnsbl::{
    self, Control, Expect, Health, Names, Question, Reading, Reply, Resolver, Subject, Target,
    Verdict,
};
use crate::probes::dns::{self, Answer, Outcome, RecordKind};

/// Questions under way at once. The DNS client bounds them again for each operator.
const CONCURRENCY: usize = 64;

/// A name that cannot exist (RFC 6761 §6.4). An address for it means a rewriting resolver.
const IMPOSSIBLE: &str = "no-such-name.mailmedic-control.invalid.";

/// One zone of a list, for one kind of target.
pub(super) struct Unit<'a> {
    /// The list.
    pub(super) chosen: &'a Chosen,
    /// The zone as the catalogue writes it.
    pub(super) zone: &'a str,
    /// What it is asked about.
    pub(super) target: Target,
    /// Whether its answers count.
    pub(super) health: Health,
    controls: Vec<Control>,
}

/// What one zone said about one target.
pub(super) struct Heard {
    /// Index of the unit.
    pub(super) unit: usize,
    /// Index of the target.
    pub(super) subject: usize,
    /// The question, fit to be shown.
    pub(super) question: Question,
    /// The answer, read.
    pub(super) reading: Reading,
    /// The answer as it came.
    pub(super) answer: Answer,
    /// What the list says about a hit, at the same name.
    pub(super) text: Vec<String>,
}

/// Everything that was heard.
pub(super) struct Hearing<'a> {
    /// Zones that were asked to prove themselves.
    pub(super) units: Vec<Unit<'a>>,
    /// What is to be thought of the resolver.
    pub(super) resolver: Resolver,
    /// Answers about targets, in the order of targets and units.
    pub(super) heard: Vec<Heard>,
}

/// Asks the chosen lists about the subjects.
pub(super) async fn ask<'a>(
    context: &Context<'_>,
    chosen: &'a [Chosen],
    subjects: &[Subject],
) -> Hearing<'a> {
    let mut units = units(context, chosen, subjects);
    let impossible = prove(context, &mut units).await;
    let by_list: Vec<(&str, &Health)> = units
        .iter()
        .map(|unit| (unit.chosen.list.id.as_str(), &unit.health))
        .collect();
    let resolver = dnsbl::judge_resolver(&by_list, Some(&impossible));
    let deaf = matches!(
        resolver,
        Resolver::Rewriting(_) | Resolver::Blind(_) | Resolver::Mute(_)
    );
    let mut heard = if deaf {
        Vec::new()
    } else {
        question_all(context, &units, subjects).await
    };
    recheck(context, &mut units, &heard).await;
    explain(context, &units, &mut heard).await;
    heard.sort_by_key(|one| (one.subject, one.unit));
    Hearing {
        units,
        resolver,
        heard,
    }
}

/// The answer in the words of the lists.
pub(super) fn reply(answer: &Answer) -> Reply {
    match &answer.outcome {
        Outcome::Records(_) => Reply::Addresses(answer.v4()),
        Outcome::NoData => Reply::NoData,
        Outcome::NxDomain => Reply::NoName,
        Outcome::Refused => Reply::Rcode("REFUSED".to_owned()),
        Outcome::ServFail => Reply::Rcode("SERVFAIL".to_owned()),
        Outcome::Rcode(1) => Reply::Rcode("FORMERR".to_owned()),
        Outcome::Rcode(code) => Reply::Rcode(format!("RCODE {code}")),
        Outcome::Timeout
        | Outcome::Malformed(_)
        | Outcome::Unreachable(_)
        | Outcome::NotAsked(_) => Reply::Silence(answer.outcome.to_string()),
    }
}

/// Every zone of every chosen list, for every kind of target that is there and that it holds.
fn units<'a>(context: &Context<'_>, chosen: &'a [Chosen], subjects: &[Subject]) -> Vec<Unit<'a>> {
    let mut kinds: Vec<Target> = subjects.iter().map(Subject::target).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let avoid: Vec<_> = subjects
        .iter()
        .filter_map(|subject| match subject {
            Subject::Address(address) => Some(*address),
            Subject::Name(_) => None,
        })
        .collect();
    let mut units = Vec::new();
    for one in chosen {
        for zone in &one.list.zones {
            for target in kinds
                .iter()
                .copied()
                .filter(|kind| one.list.target.contains(kind))
            {
                let key = one.key.as_ref().map(|key| key.expose_secret());
                let (controls, health) = match dnsbl::controls(
                    &one.list,
                    zone,
                    target,
                    key,
                    &avoid,
                    context.site.laboratory,
                ) {
                    Ok(controls) => (controls, Health::Weak),
                    Err(error) => (Vec::new(), Health::Unknown(error.to_string())),
                };
                units.push(Unit {
                    chosen: one,
                    zone,
                    target,
                    health,
                    controls,
                });
            }
        }
    }
    units
}

/// Asks every control once and sets the health of each unit. Gives back what came for a name that cannot exist.
async fn prove(context: &Context<'_>, units: &mut [Unit<'_>]) -> Reply {
    let mut places = Vec::new();
    let mut questions = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        for (position, control) in unit.controls.iter().enumerate() {
            places.push((index, position));
            questions.push(dns_question(unit.chosen, &control.question, RecordKind::A));
        }
    }
    let control_count = questions.len();
    questions.push(dns::Question::new(IMPOSSIBLE, RecordKind::A));
    context.progress.note(&format!(
        "asking {} zones for their test entries",
        units.len()
    ));
    let mut replies: Vec<Vec<(Control, Reply)>> = units.iter().map(|_| Vec::new()).collect();
    let mut impossible = Reply::Silence("not asked".to_owned());
    let of = questions.len() as u64;
    let mut done = 0;
    context
        .probes
        .dns
        .query_each(questions, CONCURRENCY, |number, answer| {
            done += 1;
            context.progress.count(done, of);
            if number == control_count {
                impossible = reply(&answer);
                return;
            }
            let (index, position) = places[number];
            let control = units[index].controls[position].clone();
            replies[index].push((control, reply(&answer)));
        })
        .await;
    for (unit, replies) in units.iter_mut().zip(replies) {
        if !replies.is_empty() {
            unit.health = dnsbl::judge(&unit.chosen.list, &replies);
        }
    }
    impossible
}

/// Asks every usable unit about every subject it holds.
async fn question_all(
    context: &Context<'_>,
    units: &[Unit<'_>],
    subjects: &[Subject],
) -> Vec<Heard> {
    let mut places = Vec::new();
    let mut questions = Vec::new();
    for (index, unit) in units
        .iter()
        .enumerate()
        .filter(|(_, unit)| unit.health.usable())
    {
        for (number, subject) in subjects.iter().enumerate() {
            if !is_for(unit, subject) {
                continue;
            }
            let key = unit.chosen.key.as_ref().map(|key| key.expose_secret());
            if let Ok(question) = dnsbl::question(&unit.chosen.list, unit.zone, subject, key) {
                questions.push(dns_question(unit.chosen, &question, RecordKind::A));
                places.push((index, number, question));
            }
        }
    }
    let lists = units.iter().filter(|unit| unit.health.usable()).count();
    context.progress.note(&format!(
        "asking {lists} zones about {} targets",
        subjects.len()
    ));
    let mut heard = Vec::with_capacity(questions.len());
    let of = questions.len() as u64;
    let mut done = 0;
    context
        .probes
        .dns
        .query_each(questions, CONCURRENCY, |number, answer| {
            done += 1;
            context.progress.count(done, of);
            let (unit, subject, question) = places[number].clone();
            heard.push(Heard {
                unit,
                subject,
                question,
                reading: units[unit].chosen.list.read(&reply(&answer)),
                answer,
                text: Vec::new(),
            });
        })
        .await;
    heard
}

/// Whether a unit is to be asked about a subject. A list that wants registrable domains is not asked about hosts below them.
pub(super) fn is_for(unit: &Unit<'_>, subject: &Subject) -> bool {
    if unit.target != subject.target() {
        return false;
    }
    match subject {
        Subject::Address(_) => true,
        Subject::Name(name) => {
            unit.chosen.list.names != Names::Registrable
                || dnsbl::registrable(name).is_none_or(|domain| domain == *name)
        }
    }
}

/// "No data" is how some lists and resolvers refuse in the middle of a scan: units that gave it show their test entry again.
async fn recheck(context: &Context<'_>, units: &mut [Unit<'_>], heard: &[Heard]) {
    let mut doubtful: Vec<usize> = heard
        .iter()
        .filter(|one| one.answer.outcome == Outcome::NoData)
        .map(|one| one.unit)
        .collect();
    doubtful.sort_unstable();
    doubtful.dedup();
    for index in doubtful {
        let unit = &mut units[index];
        let Some(control) = unit
            .controls
            .iter()
            .find(|control| control.expect == Expect::Listed)
        else {
            continue;
        };
        let question = dns_question(unit.chosen, &control.question, RecordKind::A).fresh();
        let again = reply(&context.probes.dns.query(&question).await);
        match unit.chosen.list.read(&again).verdict {
            Verdict::NotListed => unit.health = Health::Silent,
            Verdict::Refused(why) => unit.health = Health::Refused(why),
            Verdict::Listed
            | Verdict::Allowed
            | Verdict::Noted
            | Verdict::Unknown(_)
            | Verdict::Broken(_) => {}
        }
    }
}

/// Fetches what the lists say about their hits.
async fn explain(context: &Context<'_>, units: &[Unit<'_>], heard: &mut [Heard]) {
    let hits: Vec<usize> = (0..heard.len())
        .filter(|index| heard[*index].reading.verdict == Verdict::Listed)
        .collect();
    if hits.is_empty() {
        return;
    }
    context.progress.note(&format!(
        "asking for the reasons of {} listings",
        hits.len()
    ));
    let questions: Vec<dns::Question> = hits
        .iter()
        .map(|index| {
            let one = &heard[*index];
            dns_question(units[one.unit].chosen, &one.question, RecordKind::Txt)
        })
        .collect();
    let mut texts = Vec::new();
    context
        .probes
        .dns
        .query_each(questions, CONCURRENCY, |number, answer| {
            texts.push((
                hits[number],
                answer.txt().iter().map(dns::Txt::joined).collect(),
            ));
        })
        .await;
    for (index, text) in texts {
        heard[index].text = text;
    }
}

fn dns_question(chosen: &Chosen, question: &Question, kind: RecordKind) -> dns::Question {
    let asked = dns::Question::new(&question.name, kind).operator(chosen.list.operator.as_str());
    if chosen.key.is_some() {
        asked.redacted()
    } else {
        asked
    }
}
