//! The domains that failed for want of DNS, asked at a resolver that is not the server's own: do they exist at all?

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::actions::Context;
use crate::mail::causes::DeadDomains;
use crate::probes::dns::{Dns, Outcome};

/// Domains that are asked, at most; the most frequent ones.
const MOST: usize = 50;

/// What was asked.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Asked {
    /// Each domain: `exists`, `dead` (no such name, or nothing there that takes mail), or why nobody can tell.
    domains: BTreeMap<String, String>,
}

impl Asked {
    /// What it says, when anything could be told.
    pub(super) fn fact(&self) -> Option<DeadDomains> {
        let of = |word: &str| self.domains.values().filter(|told| *told == word).count();
        let (exist, dead) = (of("exists"), of("dead"));
        (exist + dead > 0).then_some(DeadDomains {
            asked: exist + dead,
            dead,
        })
    }
}

/// Asks for them side by side: a few dozen ordinary look-ups. A resolver that does not answer costs its time-out once.
pub(super) async fn ask(context: &Context<'_>, domains: Vec<String>) -> Asked {
    let mut under_way = JoinSet::new();
    for domain in domains.into_iter().take(MOST) {
        let dns = context.probes.dns.clone();
        under_way.spawn(async move {
            let told = told(&dns, &domain).await;
            (domain, told)
        });
    }
    Asked {
        domains: under_way.join_all().await.into_iter().collect(),
    }
}

/// A domain takes mail through its exchangers, or through its address where it names none (RFC 5321, 5.1).
async fn told(dns: &Dns, domain: &str) -> String {
    let mx = dns.mx(domain).await;
    match &mx.outcome {
        // The null MX of RFC 7505.
        Outcome::Records(_)
            if mx
                .mx()
                .iter()
                .all(|mx| mx.exchange.trim_matches('.').is_empty()) =>
        {
            "dead".to_owned()
        }
        Outcome::Records(_) => "exists".to_owned(),
        Outcome::NxDomain => "dead".to_owned(),
        Outcome::NoData => {
            let (v4, v6) = (dns.a(domain).await, dns.aaaa(domain).await);
            let found = !v4.records().is_empty() || !v6.records().is_empty();
            match found {
                true => "exists".to_owned(),
                false if v4.outcome.is_conclusive() && v6.outcome.is_conclusive() => {
                    "dead".to_owned()
                }
                false => v4.outcome.to_string(),
            }
        }
        other => other.to_string(),
    }
}
