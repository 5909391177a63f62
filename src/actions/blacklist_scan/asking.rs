//! Asks the lists: each proves itself by its controls, then answers about the targets, then gives its reasons for the hits.
//!
//! A list is believed only through a resolver through which it proved itself, in this scan. The first resolver is asked; the
//! others only when it, or a list through it, does not hold: each list then speaks through the first that shows it well.

mod afterwards;
mod book;
mod progress;

use std::net::SocketAddr;

use secrecy::ExposeSecret;

use super::selection::Chosen;
use crate::actions::Context;
use crate::mail::dnsbl::{
    self, Control, Health, Names, Question, Reading, Reply, Resolver, Subject, Target, Verdict,
};
use crate::probes::dns::{self, Answer, Batch, Outcome, RecordKind};
use book::Book;
use progress::Counter;

/// Up to so many targets are asked about beside the controls, which saves a round trip; the answers of a list that then
/// does not prove itself are thrown away. With more targets a list that is not believed is not troubled with them.
const EARLY: usize = 4;

/// From so many targets on, the reasons and the answers themselves are kept for a few hits of each list only.
pub(super) const MANY: usize = 256;

/// So many hits of a list are kept in full among many targets.
const EXAMPLES: usize = 3;

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
    /// The resolver through which it stands so.
    pub(super) server: Option<SocketAddr>,
    controls: Vec<Control>,
}

/// What one zone said about one target, where that is more than "not listed".
pub(super) struct Heard {
    /// Index of the unit.
    pub(super) unit: usize,
    /// Index of the target.
    pub(super) subject: usize,
    /// The answer, read.
    pub(super) reading: Reading,
    /// The answer as it came; among many targets only of some.
    pub(super) answer: Option<Box<Answer>>,
    /// What the list says about a hit, at the same name.
    pub(super) text: Vec<String>,
    /// The /64 of an IPv6 address, where the list holds all of it.
    pub(super) network: Option<String>,
}

/// What a zone said about a target, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing was asked, or nothing came that counts.
    NotAsked,
    /// Not listed.
    Clean,
    /// Something else; there is a [`Heard`].
    Told,
}

/// A resolver and what is to be thought of it.
pub(super) struct Judged {
    /// Where it listens.
    pub(super) server: SocketAddr,
    /// What the controls say about it.
    pub(super) resolver: Resolver,
}

/// Everything that was heard.
pub(super) struct Hearing<'a> {
    /// Zones that were asked to prove themselves.
    pub(super) units: Vec<Unit<'a>>,
    /// What is to be thought of the best resolver.
    pub(super) resolver: Resolver,
    /// Every resolver that was tried, in order.
    pub(super) tried: Vec<Judged>,
    /// Answers about targets that say something, in the order of targets and units.
    pub(super) heard: Vec<Heard>,
    marks: Vec<Mark>,
}

impl Hearing<'_> {
    /// What a unit said about a target.
    pub(super) fn mark(&self, subject: usize, unit: usize) -> Mark {
        self.marks[subject * self.units.len() + unit]
    }
}

/// What one resolver showed.
struct Round {
    health: Vec<Health>,
    resolver: Resolver,
    /// Answers about targets that were asked for beside the controls.
    early: Vec<Early>,
}

/// Unit, subject, answer.
type Early = (usize, usize, Answer);

/// Asks the chosen lists about the subjects.
pub(super) async fn ask<'a>(
    context: &Context<'_>,
    chosen: &'a [Chosen],
    subjects: &[Subject],
) -> Hearing<'a> {
    let units = units(context, chosen, subjects);
    let mut asking = Asking {
        context,
        subjects,
        marks: vec![Mark::NotAsked; units.len() * subjects.len()],
        kept: vec![0; units.len()],
        units,
        heard: Vec::new(),
    };
    let mut tried: Vec<Judged> = Vec::new();
    for server in context.probes.dns.servers() {
        if !tried.is_empty() && !asking.needs_another(&tried) {
            break;
        }
        let round = asking.prove(server).await;
        let deaf = is_deaf(&round.resolver);
        let usable: Vec<bool> = round.health.iter().map(Health::usable).collect();
        for (unit, health) in asking.units.iter_mut().zip(round.health) {
            let first = unit.server.is_none();
            if first || !deaf && rank(&health) > rank(&unit.health) {
                unit.health = health;
                unit.server = Some(server);
            }
        }
        if !deaf {
            asking.question(server, &usable, round.early).await;
        }
        tried.push(Judged {
            server,
            resolver: round.resolver,
        });
    }
    let resolver = tried
        .iter()
        .map(|judged| judged.resolver.clone())
        .min_by_key(badness)
        .unwrap_or_else(|| Resolver::Mute("no resolver is known".to_owned()));
    asking.recheck().await;
    asking.explain().await;
    let Asking {
        units,
        marks,
        mut heard,
        ..
    } = asking;
    heard.sort_by_key(|one| (one.subject, one.unit));
    Hearing {
        units,
        resolver,
        tried,
        heard,
        marks,
    }
}

/// The answer in the words of the lists.
pub(in crate::actions) fn reply(answer: &Answer) -> Reply {
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

/// The question of a unit about a subject; None where it cannot be put.
pub(super) fn question(unit: &Unit<'_>, subject: &Subject) -> Option<Question> {
    let key = unit.chosen.key.as_ref().map(|key| key.expose_secret());
    dnsbl::question(&unit.chosen.list, unit.zone, subject, key).ok()
}

/// Whether a unit has a question about a subject. About an address it always has.
fn can_ask(unit: &Unit<'_>, subject: &Subject) -> bool {
    is_for(unit, subject)
        && (matches!(subject, Subject::Address(_)) || question(unit, subject).is_some())
}

/// True when nothing that comes through the resolver can be believed.
pub(super) fn is_deaf(resolver: &Resolver) -> bool {
    matches!(
        resolver,
        Resolver::Rewriting(_) | Resolver::Blind(_) | Resolver::Mute(_)
    )
}

/// Of two resolvers the one with less to be said against it.
fn badness(resolver: &Resolver) -> usize {
    match resolver {
        Resolver::Fit => 0,
        Resolver::Refusing(lists) => 1 + lists.len(),
        Resolver::Rewriting(_) | Resolver::Blind(_) | Resolver::Mute(_) => usize::MAX,
    }
}

/// Of two looks at one list the one that says more.
fn rank(health: &Health) -> u8 {
    match health {
        Health::Healthy => 4,
        Health::Weak => 3,
        Health::ListsTheWorld(_) => 2,
        Health::Refused(_) => 1,
        Health::Silent | Health::Foreign(_) | Health::Unknown(_) => 0,
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
                    server: None,
                    controls,
                });
            }
        }
    }
    units
}

/// A scan under way.
struct Asking<'a, 'c> {
    context: &'c Context<'c>,
    subjects: &'c [Subject],
    units: Vec<Unit<'a>>,
    marks: Vec<Mark>,
    heard: Vec<Heard>,
    /// Answers kept in full, by unit.
    kept: Vec<usize>,
}

impl Asking<'_, '_> {
    /// Whether a further resolver may say more: a list is not to be believed so far, or something stayed unanswered.
    fn needs_another(&self, tried: &[Judged]) -> bool {
        tried.iter().all(|judged| is_deaf(&judged.resolver))
            || self.units.iter().any(|unit| {
                !unit.health.usable() && !matches!(unit.health, Health::ListsTheWorld(_))
            })
            || self.heard.iter().any(is_unanswered)
    }

    /// Asks every control through one resolver, and about the targets where they are few.
    async fn prove(&self, server: SocketAddr) -> Round {
        let early = self.subjects.len() <= EARLY;
        self.context.progress.note(&format!(
            "asking {} zones for their test entries",
            self.units.len()
        ));
        let mut batches = Vec::with_capacity(self.units.len() + 1);
        let mut questions = 1;
        for unit in &self.units {
            let controls = unit
                .controls
                .iter()
                .map(|control| named(unit.chosen, &control.question.name, RecordKind::A));
            let about: Vec<dns::Question> = if early && !unit.controls.is_empty() {
                self.targets(unit).map(|(_, question)| question).collect()
            } else {
                Vec::new()
            };
            questions += unit.controls.len() + about.len();
            batches.push(Batch::new(
                Some(&unit.chosen.list.operator),
                controls.chain(about),
            ));
        }
        let impossible = dns::Question::new(IMPOSSIBLE, RecordKind::A);
        batches.push(Batch::new(None, std::iter::once(impossible)));
        let mut replies: Vec<Vec<(Control, Reply)>> =
            self.units.iter().map(|_| Vec::new()).collect();
        let mut beyond = Reply::Silence("not asked".to_owned());
        let mut answers = Vec::new();
        let mut counter = Counter::new(self.context, questions);
        self.context
            .probes
            .dns
            .sweep(Some(server), batches, |batch, number, answer| {
                counter.one();
                let Some(unit) = self.units.get(batch) else {
                    beyond = reply(&answer);
                    return;
                };
                match unit.controls.get(number) {
                    Some(control) => replies[batch].push((control.clone(), reply(&answer))),
                    None => {
                        let nth = number - unit.controls.len();
                        if let Some((subject, _)) = self.targets(unit).nth(nth) {
                            answers.push((batch, subject, answer));
                        }
                    }
                }
            })
            .await;
        let health: Vec<Health> = self
            .units
            .iter()
            .zip(&replies)
            .map(|(unit, replies)| match replies.as_slice() {
                [] => unit.health.clone(),
                replies => dnsbl::judge(&unit.chosen.list, replies),
            })
            .collect();
        let by_list: Vec<(&str, &Health)> = self
            .units
            .iter()
            .zip(&health)
            .map(|(unit, health)| (unit.chosen.list.id.as_str(), health))
            .collect();
        Round {
            resolver: dnsbl::judge_resolver(&by_list, Some(&beyond)),
            health,
            early: answers,
        }
    }

    /// Asks the units that proved themselves through this resolver about every subject that they have not answered about.
    async fn question(&mut self, server: SocketAddr, usable: &[bool], early: Vec<Early>) {
        self.reopen(usable);
        let mut book = Book {
            marks: &mut self.marks,
            heard: &mut self.heard,
            kept: &mut self.kept,
            many: self.subjects.len() > MANY,
            units: &self.units,
        };
        for (unit, subject, answer) in early {
            if usable[unit] && book.is_open(unit, subject) {
                book.note(unit, subject, answer);
            }
        }
        let (units, subjects) = (&self.units, self.subjects);
        let mut places: Vec<(usize, Vec<u32>)> = Vec::new();
        let mut questions = 0;
        for (index, unit) in units.iter().enumerate().filter(|(index, _)| usable[*index]) {
            let open: Vec<u32> = (0u32..)
                .zip(subjects)
                .filter(|(number, subject)| {
                    book.is_open(index, *number as usize) && can_ask(unit, subject)
                })
                .map(|(number, _)| number)
                .collect();
            if !open.is_empty() {
                questions += open.len();
                places.push((index, open));
            }
        }
        if questions == 0 {
            return;
        }
        let mut batches = Vec::new();
        for (index, open) in &places {
            let unit = &units[*index];
            let about = open.iter().map(move |subject| {
                // Only subjects with a question got in.
                let question = question(unit, &subjects[*subject as usize]);
                let name = question.as_ref().map_or("", |question| &question.name);
                named(unit.chosen, name, RecordKind::A)
            });
            batches.push(Batch::new(Some(&unit.chosen.list.operator), about));
        }
        self.context.progress.note(&format!(
            "asking {} zones about {} targets",
            places.len(),
            subjects.len()
        ));
        let mut counter = Counter::new(self.context, questions);
        let dns = &self.context.probes.dns;
        dns.sweep(Some(server), batches, |batch, number, answer| {
            counter.one();
            let (unit, open) = &places[batch];
            book.note(*unit, open[number] as usize, answer);
        })
        .await;
    }

    /// Forgets what stayed unanswered where it can be asked again.
    fn reopen(&mut self, usable: &[bool]) {
        let count = self.units.len();
        let marks = &mut self.marks;
        self.heard.retain(|one| {
            let again = usable[one.unit] && is_unanswered(one);
            if again {
                marks[one.subject * count + one.unit] = Mark::NotAsked;
            }
            !again
        });
    }

    /// The subjects of a unit, by number, each with its question.
    fn targets<'s>(
        &'s self,
        unit: &'s Unit<'_>,
    ) -> impl Iterator<Item = (usize, dns::Question)> + 's {
        let of = move |(number, subject): (usize, &Subject)| {
            let question = question(unit, subject).filter(|_| is_for(unit, subject))?;
            Some((number, named(unit.chosen, &question.name, RecordKind::A)))
        };
        self.subjects.iter().enumerate().filter_map(of)
    }
}

fn is_unanswered(heard: &Heard) -> bool {
    matches!(heard.reading.verdict, Verdict::Unknown(_))
}

/// The name with the key of a keyed zone in it is marked as secret.
fn named(chosen: &Chosen, name: &str, kind: RecordKind) -> dns::Question {
    let asked = dns::Question::new(name, kind);
    if chosen.key.is_some() {
        asked.redacted()
    } else {
        asked
    }
}
