//! Is a resolver fit to ask lists through? Each is asked by itself, by the same questions, and they are compared.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::actions::blacklist_scan::reply;
use crate::actions::{ActionError, Context};
use crate::mail::dnsbl::{
    self, Control, DefaultScan, Health, List, Reply, Resolver, Severity, Target, catalogue,
};
use crate::mail::resolvers::{ECHOES, Echo, public_egress, public_service};
use crate::probes::dns::{Answer, Batch, Question, RecordKind};
use crate::record::{self, Evidence, Finding};

/// So many lists are asked for their test entries: enough to tell a dead list from a bad resolver.
const LISTS: usize = 12;
/// A resolver that takes longer than this for half of all answers makes scans wait, and lists look silent.
const SLOW: Duration = Duration::from_millis(800);
/// A name that cannot exist (RFC 6761 §6.4), beside the one below a real domain, which some rewriters treat otherwise.
const IMPOSSIBLE: &[&str] = &[
    "no-such-name.mailmedic-control.invalid",
    "no-such-name-7f3a.example.com",
];

/// What the test entries of the lists came to.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Shown {
    asked: usize,
    shown: Vec<String>,
    refused: Vec<String>,
    silent: Vec<String>,
    unanswered: Vec<String>,
}

/// A resolver, as it was seen.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Looked {
    server: String,
    verdict: &'static str,
    /// The public resolver it is, or hands on to.
    public: Option<String>,
    /// The address its questions come from.
    egress: Option<IpAddr>,
    median_ms: Option<u64>,
    lists: Shown,
    detail: String,
    #[serde(skip)]
    resolver: Resolver,
    #[serde(skip)]
    slow: bool,
    #[serde(skip)]
    evidence: Vec<String>,
    #[serde(skip)]
    at: Timestamp,
}

impl Looked {
    /// What findings about it are about.
    pub(super) fn subject(&self) -> String {
        format!("resolver {}", self.server)
    }

    /// Whether anything can be said about it.
    pub(super) fn is_judged(&self) -> bool {
        self.lists.asked > 0
    }
}

/// A list with what shows that it works.
struct Test<'a> {
    list: &'a List,
    controls: Vec<Control>,
}

/// Looks at each resolver in use.
pub(super) async fn look_at_all(context: &Context<'_>) -> Result<Vec<Looked>, ActionError> {
    let tests = tests(context)?;
    let mut looked = Vec::new();
    for server in context.probes.dns.servers() {
        context
            .progress
            .note(&format!("asking {} lists through {server}", tests.len()));
        looked.push(look_at(context, server, &tests).await);
    }
    Ok(looked)
}

/// The lists to judge by: those that were named, else those that matter and publish a test entry.
fn tests(context: &Context<'_>) -> Result<Vec<Test<'static>>, ActionError> {
    let book = catalogue();
    let named = context.args.texts("lists")?;
    let mut lists: Vec<&List> = match &named {
        Some(names) => names
            .iter()
            .map(|name| {
                book.list(name).ok_or_else(|| {
                    ActionError::new(format!(
                        "there is no list '{name}': `mailmedic lists` shows the known ones"
                    ))
                    .nothing_sent()
                })
            })
            .collect::<Result<_, _>>()?,
        None => book
            .lists
            .iter()
            .filter(|list| list.default_scan == DefaultScan::On)
            .collect(),
    };
    lists.sort_by_key(|list| std::cmp::Reverse(list.severity));
    let test = |list: &'static List| {
        let positive = list.test_points.as_ref()?.positive.as_ref()?;
        let target = [Target::Ipv4, Target::Domain]
            .into_iter()
            .find(|target| list.target.contains(target))?;
        let fits = (target == Target::Domain) == positive.parse::<IpAddr>().is_err();
        let zone = list.zones.first().filter(|_| fits)?;
        let controls = dnsbl::controls(list, zone, target, None, &[], false).ok()?;
        Some(Test { list, controls })
    };
    let lists = lists.into_iter().filter_map(|list| book.list(&list.id));
    Ok(lists.filter_map(test).take(LISTS).collect())
}

async fn look_at(context: &Context<'_>, server: SocketAddr, tests: &[Test<'_>]) -> Looked {
    let dns = &context.probes.dns;
    let mut batches: Vec<Batch<'_>> = tests
        .iter()
        .map(|test| {
            let asked = test
                .controls
                .iter()
                .map(|control| Question::new(&control.question.name, RecordKind::A).fresh());
            Batch::new(Some(&test.list.operator), asked)
        })
        .collect();
    let impossible = IMPOSSIBLE
        .iter()
        .map(|name| Question::new(name, RecordKind::A).fresh());
    let echoes = ECHOES.iter().map(|(name, echo)| {
        let kind = match echo {
            Echo::Text => RecordKind::Txt,
            Echo::Address => RecordKind::A,
        };
        Question::new(name, kind).fresh()
    });
    batches.push(Batch::new(None, impossible.chain(echoes)));
    let mut replies: Vec<Vec<(Control, Reply)>> = tests.iter().map(|_| Vec::new()).collect();
    let mut beyond: Vec<Answer> = Vec::new();
    let mut seen: Vec<Answer> = Vec::new();
    dns.sweep(Some(server), batches, |batch, number, answer| {
        match tests.get(batch) {
            Some(test) => {
                replies[batch].push((test.controls[number].clone(), reply(&answer)));
                seen.push(answer);
            }
            None => beyond.push(answer),
        }
    })
    .await;
    let health: Vec<(&str, Health)> = tests
        .iter()
        .zip(&replies)
        .map(|(test, replies)| (test.list.id.as_str(), dnsbl::judge(test.list, replies)))
        .collect();
    let by_list: Vec<(&str, &Health)> = health.iter().map(|(id, health)| (*id, health)).collect();
    let is_impossible = |answer: &&Answer| IMPOSSIBLE.contains(&answer.question.shown_name());
    let rewritten = beyond
        .iter()
        .filter(is_impossible)
        .find(|answer| !answer.records().is_empty());
    let resolver = dnsbl::judge_resolver(&by_list, rewritten.map(reply).as_ref());
    let egress = beyond
        .iter()
        .filter(|answer| !is_impossible(answer))
        .find_map(echoed)
        .filter(|_| rewritten.is_none());
    let (median, slow) = pace(&seen);
    let mut looked = Looked {
        server: server.to_string(),
        verdict: word(&resolver),
        public: public_service(server.ip())
            .or_else(|| egress.and_then(public_egress))
            .map(str::to_owned),
        egress,
        median_ms: median,
        lists: shown(&health),
        detail: String::new(),
        resolver,
        slow,
        evidence: health
            .iter()
            .filter_map(|(id, health)| Some(format!("{id}: {}", health.reason()?)))
            .chain(rewritten.map(ToString::to_string))
            .collect(),
        at: context.now(),
    };
    looked.detail = detail(&looked);
    looked
}

/// The address that asked, out of the answer of a name that tells it.
fn echoed(answer: &Answer) -> Option<IpAddr> {
    let texts = answer
        .txt()
        .into_iter()
        .find_map(|txt| txt.joined().trim().parse().ok());
    texts.or_else(|| answer.addresses().first().copied())
}

/// Half of the answers came within this time; and whether that is too long.
fn pace(seen: &[Answer]) -> (Option<u64>, bool) {
    let mut took: Vec<Duration> = seen
        .iter()
        .filter(|answer| answer.outcome.is_conclusive())
        .map(|answer| answer.duration)
        .collect();
    took.sort_unstable();
    let Some(median) = took.get(took.len() / 2) else {
        return (None, false);
    };
    (u64::try_from(median.as_millis()).ok(), *median > SLOW)
}

fn shown(health: &[(&str, Health)]) -> Shown {
    let mut shown = Shown {
        asked: health.len(),
        ..Shown::default()
    };
    for (id, health) in health {
        let kind = match health {
            Health::Healthy | Health::Weak | Health::ListsTheWorld(_) => &mut shown.shown,
            Health::Refused(_) => &mut shown.refused,
            Health::Silent | Health::Foreign(_) => &mut shown.silent,
            Health::Unknown(_) => &mut shown.unanswered,
        };
        kind.push((*id).to_owned());
    }
    shown
}

fn word(resolver: &Resolver) -> &'static str {
    match resolver {
        Resolver::Fit => "fit",
        Resolver::Rewriting(_) => "rewriting",
        Resolver::Blind(_) => "blind",
        Resolver::Refusing(_) => "refused",
        Resolver::Mute(_) => "mute",
    }
}

fn detail(looked: &Looked) -> String {
    let lists = &looked.lists;
    let mut told = match &looked.resolver {
        Resolver::Fit => format!(
            "{} of {} lists show their test entry through it",
            lists.shown.len(),
            lists.asked
        ),
        Resolver::Rewriting(why) => format!("it rewrites \"no such name\": {why}"),
        Resolver::Blind(why) => format!("it hides listings: {why}"),
        Resolver::Mute(why) => format!("it does not answer: {why}"),
        Resolver::Refusing(by) => format!(
            "{} of {} lists refuse it ({})",
            lists.refused.len(),
            lists.asked,
            by.join(", ")
        ),
    };
    if let Some(public) = &looked.public {
        told.push_str(&match looked.egress {
            Some(egress) => format!("; its questions come from {egress}, that is {public}"),
            None => format!("; it is {public}, a public resolver"),
        });
    } else if let Some(egress) = looked.egress {
        told.push_str(&format!("; its questions come from {egress}"));
    }
    if let Some(ms) = looked.median_ms {
        let pace = if looked.slow { "slow: " } else { "" };
        told.push_str(&format!("; {pace}half of the answers within {ms} ms"));
    }
    told
}

/// The findings about all resolvers, the worse for a machine that has no other.
pub(super) fn findings(all: &[Looked]) -> Vec<Finding> {
    let is_well = |one: &Looked| one.resolver == Resolver::Fit && one.public.is_none();
    let another = all.iter().find(|one| is_well(one) && !one.slow);
    all.iter()
        .filter(|one| one.is_judged())
        .filter_map(|one| finding(one, another))
        .collect()
}

fn finding(one: &Looked, another: Option<&Looked>) -> Option<Finding> {
    let lists = one
        .lists
        .refused
        .iter()
        .filter_map(|id| catalogue().list(id));
    let matters = lists
        .into_iter()
        .any(|list| list.severity >= Severity::Major);
    let (severity, remedy) = match (&one.resolver, &one.public) {
        (Resolver::Mute(_), _) => (
            record::Severity::Major,
            "Look whether it runs, and whether this machine may ask it (unbound: access-control). Give another one with --resolver, or as `resolver` in the site file.",
        ),
        (Resolver::Rewriting(_), _) => (
            record::Severity::Major,
            "It answers for names that do not exist, as providers' search pages do: switch that off with the provider, or ask through a resolver of your own.",
        ),
        (Resolver::Blind(_), _) => (
            record::Severity::Major,
            "Take its filter for private addresses off 127.0.0.0/8 (unbound: private-address; dnsmasq: stop-dns-rebind with rebind-localhost-ok; pfSense, OPNsense, FRITZ!Box: DNS rebind protection), or ask through a resolver of your own.",
        ),
        (_, Some(_)) => (
            record::Severity::Major,
            "Let it ask by itself instead of handing on (unbound: no forward-zone; BIND: no forwarders; systemd-resolved: another server), because everybody's questions come from the public one, and lists refuse it or lie to it.",
        ),
        (Resolver::Refusing(_), None) => (
            if matters {
                record::Severity::Major
            } else {
                record::Severity::Minor
            },
            "Lists refuse shared resolvers, and address space of clouds and hosters with generic reverse names. Ask through a resolver at the site, register its address with the operator, or put a list key into the site file (`mailmedic lists spamhaus-zen-dqs`).",
        ),
        (Resolver::Fit, None) if one.slow => (
            record::Severity::Minor,
            "Answers come so late that lists may look silent. Ask through a resolver on this machine or in its network.",
        ),
        (Resolver::Fit, None) => return None,
    };
    let mut remedy = remedy.to_owned();
    let mut severity = severity;
    match another {
        Some(other) => {
            severity = severity.min(record::Severity::Minor);
            remedy.push_str(&format!(
                " {} does it well: name that one alone, or first.",
                other.server
            ));
        }
        None => remedy.push_str(
            " A resolver of your own is one package: `apt install unbound`, then --resolver 127.0.0.1.",
        ),
    }
    let mut lines = vec![one.detail.clone()];
    lines.extend(one.evidence.iter().cloned());
    Some(Finding {
        code: "resolver-unfit".to_owned(),
        severity,
        subject: one.subject(),
        summary: format!("the resolver {} is not fit: {}", one.server, one.detail),
        evidence: vec![Evidence::new("dns", lines.join("\n"), one.at).from(one.subject())],
        remedy,
    })
}
