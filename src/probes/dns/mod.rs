//! The DNS client of the probes: made to ask list servers much and politely, and to say exactly
//! what came back.
//!
//! [`Dns`] is cheap to clone. A question always has an [`Answer`]; only three of its outcomes
//! (records, no data, no such name) say anything about the name asked for, the others say why
//! nothing is known. No search domain is ever appended, no name server on the way is guessed:
//! questions go with recursion desired to the servers given, or straight to one ([`Dns::query_at`]).
//!
//! The client starts its reader tasks on the tokio runtime that asks first.

mod answer;
mod ask;
mod budget;
mod cache;
mod question;
mod stream;
mod sweep;
mod system;
mod upstream;
mod wire;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

pub use answer::{Answer, Mx, Outcome, Record, Soa, Transport, Txt, Value};
pub use budget::{Budget, FurtherBudgets};
pub use question::{Question, REDACTED, RecordKind, reverse_name};
pub use sweep::Batch;
pub use system::system_servers;

use super::clock::Clock;
use ask::{Ask, Next, redact};
use budget::Budgets;
use cache::Cache;
use upstream::Upstream;

/// Aliases followed by asking again, beyond those inside one answer.
const MAX_ALIASES: usize = 8;
/// Pause before a lone server that failed is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// How to ask.
#[derive(Debug, Clone)]
pub struct DnsSettings {
    /// The resolvers, in order; empty means those of the system.
    pub servers: Vec<SocketAddr>,
    /// One entry a try: how long to wait for it. Short tries beat one long one, because a resolver
    /// that drops a slow answer has it in its cache at the second.
    pub tries: Vec<Duration>,
    /// Questions waiting at one server at once (more make its socket buffer overflow).
    pub max_outstanding: usize,
    /// UDP sockets for each server.
    pub sockets: usize,
    /// The budget of an operator without one of its own.
    pub default_budget: Budget,
    /// Budgets by operator.
    pub budgets: Vec<(String, Budget)>,
    /// Gives the budgets of further operators. Called when the first operator is asked that is not in `budgets`: working them
    /// out may take longer than a program that asks none should take to start.
    pub further_budgets: Option<FurtherBudgets>,
    /// Answers kept in the process; 0 keeps none.
    pub cache_capacity: usize,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            tries: [1000, 1500, 2500].map(Duration::from_millis).to_vec(),
            max_outstanding: 100,
            sockets: 4,
            default_budget: Budget::POLITE,
            budgets: Vec::new(),
            further_budgets: None,
            cache_capacity: 8192,
        }
    }
}

/// The client.
#[derive(Clone)]
pub struct Dns {
    inner: Arc<Inner>,
}

struct Inner {
    settings: DnsSettings,
    servers: Vec<Arc<Upstream>>,
    others: Mutex<HashMap<SocketAddr, Arc<Upstream>>>,
    budgets: Arc<Budgets>,
    cache: Cache,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dns")
            .field("servers", &self.servers())
            .finish_non_exhaustive()
    }
}

impl Dns {
    /// A client for the servers in `settings`. Nothing is sent before the first question.
    pub fn new(settings: DnsSettings, clock: Arc<dyn Clock>) -> Self {
        let given = settings.budgets.iter().cloned();
        let budgets = Budgets::new(settings.default_budget, given, settings.further_budgets);
        let budgets = Arc::new(budgets);
        Self::with(settings, clock, budgets)
    }

    /// Another client, for the servers in `settings`, that shares the budgets of operators with this one: an operator is
    /// asked by both together what it allows.
    #[must_use]
    pub fn beside(&self, settings: DnsSettings) -> Self {
        Self::with(
            settings,
            self.inner.clock.clone(),
            self.inner.budgets.clone(),
        )
    }

    fn with(mut settings: DnsSettings, clock: Arc<dyn Clock>, budgets: Arc<Budgets>) -> Self {
        if settings.servers.is_empty() {
            settings.servers = system_servers();
        }
        if settings.tries.is_empty() {
            settings.tries = DnsSettings::default().tries;
        }
        let upstream = |address: &SocketAddr| {
            Arc::new(Upstream::new(
                *address,
                settings.sockets,
                settings.max_outstanding,
            ))
        };
        Self {
            inner: Arc::new(Inner {
                servers: settings.servers.iter().map(upstream).collect(),
                others: Mutex::default(),
                budgets,
                cache: Cache::new(settings.cache_capacity),
                settings,
                clock,
            }),
        }
    }

    /// The resolvers in use, in order.
    pub fn servers(&self) -> Vec<SocketAddr> {
        self.inner.settings.servers.clone()
    }

    /// Sets what `operator` is asked at most, from now on.
    pub fn set_budget(&self, operator: &str, budget: Budget) {
        self.inner.budgets.set(operator, budget);
    }

    /// Asks the resolvers; the next one is tried after silence or SERVFAIL.
    pub async fn query(&self, question: &Question) -> Answer {
        self.inner.resolve(question, None).await
    }

    /// Asks one server, to compare it with others. It has a cache of its own.
    pub async fn query_at(&self, server: SocketAddr, question: &Question) -> Answer {
        self.inner.resolve(question, Some(server)).await
    }

    /// IPv4 addresses of a name.
    pub async fn a(&self, name: &str) -> Answer {
        self.query(&Question::new(name, RecordKind::A)).await
    }

    /// IPv6 addresses of a name.
    pub async fn aaaa(&self, name: &str) -> Answer {
        self.query(&Question::new(name, RecordKind::Aaaa)).await
    }

    /// Names of an address.
    pub async fn ptr(&self, address: IpAddr) -> Answer {
        self.query(&Question::ptr(address)).await
    }

    /// Text records of a name.
    pub async fn txt(&self, name: &str) -> Answer {
        self.query(&Question::new(name, RecordKind::Txt)).await
    }

    /// Mail exchangers of a domain.
    pub async fn mx(&self, domain: &str) -> Answer {
        self.query(&Question::new(domain, RecordKind::Mx)).await
    }

    /// Start of authority of a zone.
    pub async fn soa(&self, zone: &str) -> Answer {
        self.query(&Question::new(zone, RecordKind::Soa)).await
    }

    /// Name servers of a zone.
    pub async fn ns(&self, zone: &str) -> Answer {
        self.query(&Question::new(zone, RecordKind::Ns)).await
    }
}

impl Inner {
    async fn resolve(&self, question: &Question, at: Option<SocketAddr>) -> Answer {
        if let Some(kept) = self.cached(question, at, self.clock.now()) {
            return kept;
        }
        let permit = match question.operator_key() {
            Some(operator) => self.budgets.bucket(operator).admit().await,
            None => None,
        };
        self.resolve_admitted(question, at, permit).await
    }

    /// The answer out of the cache, unless the question wants a fresh one.
    fn cached(
        &self,
        question: &Question,
        at: Option<SocketAddr>,
        now: jiff::Timestamp,
    ) -> Option<Answer> {
        if question.is_fresh() {
            return None;
        }
        self.cache.get(question, at, now)
    }

    /// Asks the servers; the permit of the question's operator is held until the answer is there.
    async fn resolve_admitted(
        &self,
        question: &Question,
        at: Option<SocketAddr>,
        _permit: Option<OwnedSemaphorePermit>,
    ) -> Answer {
        let mut answer = self.ask(question, at).await;
        // A resolver follows aliases itself; a server that only knows its own zone does not.
        while answer.outcome == Outcome::NoData
            && answer.ttl.is_none()
            && answer.chain.len() <= MAX_ALIASES
            && let Some(target) = answer.chain.last().cloned()
        {
            let mut next = self.ask(&question.at(&target), at).await;
            let seen =
                |name: &String| answer.chain.contains(name) || **name == **question.secret_name();
            if next.chain.iter().any(seen) {
                answer.outcome = Outcome::Malformed("the aliases form a loop".to_owned());
                answer.tries = answer.tries.saturating_add(next.tries);
                break;
            }
            let mut chain = std::mem::take(&mut answer.chain);
            let ended = next.chain.is_empty();
            chain.append(&mut next.chain);
            answer = Answer {
                question: question.clone(),
                chain,
                asked_at: answer.asked_at,
                duration: answer.duration + next.duration,
                tries: answer.tries.saturating_add(next.tries),
                truncated: answer.truncated || next.truncated,
                ..next
            };
            if ended {
                break;
            }
        }
        if question.is_redacted() {
            redact(&mut answer);
        }
        self.cache.put(&answer, at, self.clock.now());
        answer
    }

    /// One question, without aliases that need another: the tries, over the servers.
    async fn ask(&self, question: &Question, at: Option<SocketAddr>) -> Answer {
        let servers = self.order(at);
        let asked_at = self.clock.now();
        let mut ask = Ask::new(question, asked_at);
        for (index, limit) in self.settings.tries.iter().enumerate() {
            let server = &servers[index % servers.len()];
            let verdict = ask.attempt(server, *limit).await;
            match verdict {
                Next::Done => break,
                Next::Again => {}
                // Each server gets one chance after it failed; a lone one gets a second.
                Next::Failed if index + 1 >= servers.len().max(2) => break,
                Next::Failed if servers.len() == 1 => tokio::time::sleep(RETRY_PAUSE).await,
                Next::Failed => {}
            }
        }
        ask.into_answer()
    }

    fn order(&self, at: Option<SocketAddr>) -> Vec<Arc<Upstream>> {
        let Some(address) = at else {
            if self.servers.len() < 2 {
                return self.servers.clone();
            }
            let mut servers = self.servers.clone();
            servers.sort_by_key(|server| server.is_resting());
            return servers;
        };
        if let Some(known) = self.servers.iter().find(|s| s.address() == address) {
            return vec![known.clone()];
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = &self.settings;
        let upstream = others.entry(address).or_insert_with(|| {
            Arc::new(Upstream::new(
                address,
                settings.sockets,
                settings.max_outstanding,
            ))
        });
        vec![upstream.clone()]
    }
}

#[cfg(test)]
mod tests;
