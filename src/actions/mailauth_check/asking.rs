//! Asks DNS what the pure parts want to know, each question once, and keeps the answers as evidence.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::actions::Context;
use crate::mail::lookup::{Ask, Found, Known, Lookup, Text};
use crate::probes::Dns;
use crate::probes::dns::{Answer, Outcome, Question, RecordKind};
use crate::record::Evidence;

/// Questions that one evaluation may lead to. The standard's limits lie far below; this is for records that mean harm.
const MOST_QUESTIONS: usize = 400;
/// Lines of evidence for one finding.
const MOST_LINES: usize = 24;

/// What was asked and answered so far.
pub(super) struct Asker<'a> {
    dns: &'a Dns,
    known: Known,
    told: BTreeMap<Lookup, String>,
    at: Timestamp,
    from: Option<String>,
}

impl<'a> Asker<'a> {
    pub(super) fn new(context: &Context<'a>) -> Self {
        Asker {
            dns: &context.probes.dns,
            known: Known::default(),
            told: BTreeMap::new(),
            at: context.now(),
            from: None,
        }
    }

    /// Does some work of pure code, with every question it has answered. None: it never stops asking.
    pub(super) async fn settle<T>(&mut self, work: impl Fn(&Known) -> Result<T, Ask>) -> Option<T> {
        let most = self.known.len() + MOST_QUESTIONS;
        loop {
            match work(&self.known) {
                Ok(done) => return Some(done),
                Err(_) if self.known.len() > most => return None,
                Err(ask) => self.ask(ask.0).await,
            }
        }
    }

    /// The answer to one question.
    pub(super) async fn found(&mut self, lookup: &Lookup) -> Found {
        if let Ok(found) = self.known.get(lookup) {
            return found.clone();
        }
        self.ask(vec![lookup.clone()]).await;
        match self.known.get(lookup) {
            Ok(found) => found.clone(),
            Err(_) => Found::Failed("it was not asked".to_owned()),
        }
    }

    /// Asks these questions side by side.
    async fn ask(&mut self, lookups: Vec<Lookup>) {
        let mut under_way = JoinSet::new();
        for lookup in &lookups {
            let (dns, lookup) = (self.dns.clone(), lookup.clone());
            under_way.spawn(async move {
                let answer = dns.query(&question(&lookup)).await;
                (lookup, answer)
            });
        }
        while let Some(done) = under_way.join_next().await {
            let Ok((lookup, answer)) = done else { continue };
            self.from = self
                .from
                .take()
                .or(answer.server.map(|server| format!("resolver {server}")));
            self.told.insert(
                lookup.clone(),
                format!("{} {}", answer.question, answer.outcome),
            );
            self.known.learn(lookup.clone(), found(&lookup, &answer));
        }
        for lookup in lookups {
            if self.known.get(&lookup).is_err() {
                let why = Found::Failed("the question broke off".to_owned());
                self.known.learn(lookup, why);
            }
        }
    }

    /// The answers to these questions as evidence, with further lines below.
    pub(super) fn proof(&self, lookups: &[Lookup], more: &[String]) -> Evidence {
        let mut lines: Vec<String> = lookups
            .iter()
            .filter_map(|lookup| self.told.get(lookup))
            .take(MOST_LINES)
            .cloned()
            .collect();
        lines.extend_from_slice(more);
        let proof = Evidence::new("dns", lines.join("\n"), self.at);
        match &self.from {
            Some(from) => proof.from(from),
            None => proof,
        }
    }
}

fn question(lookup: &Lookup) -> Question {
    match lookup {
        Lookup::Txt(name) => Question::new(name, RecordKind::Txt),
        Lookup::A(name) => Question::new(name, RecordKind::A),
        Lookup::Aaaa(name) => Question::new(name, RecordKind::Aaaa),
        Lookup::Mx(name) => Question::new(name, RecordKind::Mx),
        Lookup::Cname(name) => Question::new(name, RecordKind::Cname),
        Lookup::Ptr(address) => Question::ptr(*address),
    }
}

fn found(lookup: &Lookup, answer: &Answer) -> Found {
    match &answer.outcome {
        Outcome::NoData => return Found::NoData,
        Outcome::NxDomain => return Found::NoName,
        Outcome::Records(_) => {}
        other => return Found::Failed(other.to_string()),
    }
    let addresses = answer.addresses();
    match lookup {
        Lookup::Txt(_) => {
            let texts = answer.txt().into_iter().map(|txt| {
                let parts = txt.0.iter().map(|part| String::from_utf8_lossy(part));
                Text(parts.map(std::borrow::Cow::into_owned).collect())
            });
            Found::Txt(texts.collect())
        }
        Lookup::A(_) => Found::A(answer.v4()),
        Lookup::Aaaa(_) => {
            let v6 = addresses.into_iter().filter_map(|address| match address {
                IpAddr::V6(v6) => Some(v6),
                IpAddr::V4(_) => None,
            });
            Found::Aaaa(v6.collect())
        }
        Lookup::Mx(_) => {
            let all = answer.mx().into_iter();
            Found::Mx(all.map(|mx| (mx.preference, mx.exchange)).collect())
        }
        Lookup::Ptr(_) => Found::Ptr(answer.names()),
        Lookup::Cname(_) => {
            let target = answer
                .records()
                .iter()
                .find_map(|record| match &record.value {
                    crate::probes::dns::Value::Cname(target) => Some(target.clone()),
                    _ => None,
                });
            target
                .or_else(|| answer.chain.first().cloned())
                .map_or(Found::NoData, Found::Cname)
        }
    }
}
