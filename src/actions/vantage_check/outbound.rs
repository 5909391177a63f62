//! Port 25 outbound: providers of homes, offices and clouds often block it, and then every server looks dead from here.
//!
//! Only hosts of the site file are connected to, and nothing but their greeting is read.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::actions::Context;
use crate::mail::dnsbl::askable;
use crate::probes::smtp::{Endpoint, Failure};
use crate::record::{Evidence, Finding, Severity};
use crate::site::Vantage;

/// What findings are about.
pub(super) const SUBJECT: &str = "port 25 outbound";
/// Servers delay their greeting on purpose, but not longer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Hosts tried at most.
const MOST: usize = 4;

/// A port that was tried.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tried {
    host: String,
    address: String,
    port: u16,
    /// `greeted`, `refused`, `silent`, `failed`.
    result: &'static str,
    /// The first line, or what went wrong.
    said: String,
    #[serde(skip)]
    at: Timestamp,
}

/// What is known about port 25.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Outbound {
    /// `open`, `blocked`, `unknown`, `not_applicable`.
    verdict: &'static str,
    tried: Vec<Tried>,
    detail: String,
}

impl Outbound {
    /// Whether anything can be said.
    pub(super) fn is_judged(&self) -> bool {
        matches!(self.verdict, "open" | "blocked")
    }

    /// Greetings with the moment of their arrival.
    pub(super) fn greetings(&self) -> Vec<(&str, &str, Timestamp)> {
        self.tried
            .iter()
            .filter(|tried| tried.result == "greeted")
            .map(|tried| (tried.host.as_str(), tried.said.as_str(), tried.at))
            .collect()
    }
}

/// Tries port 25 of the site's servers, and their other ports where 25 stays silent.
pub(super) async fn look_at(context: &Context<'_>) -> Outbound {
    let site = context.site;
    let mut hosts: Vec<(String, Option<std::net::IpAddr>, Vec<u16>)> = site
        .servers
        .iter()
        .map(|server| (server.host.clone(), server.address, server.ports.clone()))
        .collect();
    hosts.extend(
        site.smarthost
            .iter()
            .map(|relay| (relay.host.clone(), relay.address, relay.ports.clone())),
    );
    hosts.truncate(MOST);
    let mut tried = Vec::new();
    let mut inside = 0;
    for (host, address, ports) in hosts {
        let address = match address {
            Some(address) => Some(address),
            None => context
                .probes
                .dns
                .a(&host)
                .await
                .addresses()
                .first()
                .copied(),
        };
        let Some(address) = address else { continue };
        if askable(address, site.laboratory).is_err() {
            inside += 1;
            continue;
        }
        // A site whose servers are told with ports of their own is asked on those: there is no 25 to be had.
        let wanted = if ports.is_empty() || ports.contains(&25) {
            25
        } else {
            ports[0]
        };
        let first = knock(context, &host, SocketAddr::new(address, wanted)).await;
        let silent = first.result == "silent";
        tried.push(first);
        if silent {
            for port in [587, 465].into_iter().filter(|port| *port != wanted) {
                tried.push(knock(context, &host, SocketAddr::new(address, port)).await);
            }
        }
    }
    let (verdict, detail) = judge(context, &tried, inside);
    Outbound {
        verdict,
        tried,
        detail,
    }
}

fn judge(context: &Context<'_>, tried: &[Tried], inside: usize) -> (&'static str, String) {
    let on_25 = |tried: &&Tried| tried.port == 25;
    if let Some(open) = tried
        .iter()
        .filter(on_25)
        .find(|tried| tried.result == "greeted")
    {
        let from = match context.site.vantage {
            Some(Vantage::Inside | Vantage::Server) => {
                " (from inside the site, which says nothing about the way out)"
            }
            _ => "",
        };
        return ("open", format!("{} greets on port 25{from}", open.host));
    }
    let silent: Vec<&Tried> = tried
        .iter()
        .filter(on_25)
        .filter(|tried| tried.result == "silent")
        .collect();
    let other_way = silent.iter().find_map(|silent| {
        tried.iter().find(|other| {
            other.host == silent.host
                && other.port != 25
                && matches!(other.result, "greeted" | "refused")
        })
    });
    match (other_way, silent.first(), tried.first()) {
        (Some(other), _, _) => (
            "blocked",
            format!(
                "{} stays silent on port 25 but answers on port {}: something on the way swallows port 25",
                other.host, other.port
            ),
        ),
        (None, Some(silent), _) => (
            "unknown",
            format!(
                "{} answers on no port: it is down, or this machine is cut off from it",
                silent.host
            ),
        ),
        (None, None, Some(first)) => (
            "unknown",
            format!("{} port {}: {}", first.host, first.port, first.said),
        ),
        (None, None, None) if inside > 0 => (
            "unknown",
            "the servers of the site file have addresses of an internal network".to_owned(),
        ),
        (None, None, None) => (
            "not_applicable",
            "no server is known to try: give a site file with --site".to_owned(),
        ),
    }
}

async fn knock(context: &Context<'_>, host: &str, address: SocketAddr) -> Tried {
    context
        .progress
        .note(&format!("trying {host} port {}", address.port()));
    let endpoint = Endpoint::new(host, address).with_implicit_tls(address.port() == 465);
    let mut session = context
        .probes
        .smtp
        .with_reply_cap(PATIENCE)
        .session(endpoint);
    let (result, said) = match session.open().await {
        Ok(greeting) => {
            let first = greeting.lines.first().cloned().unwrap_or_default();
            ("greeted", format!("{} {first}", greeting.code))
        }
        Err(failure) => (outcome(&failure), failure.to_string()),
    };
    session.quit().await;
    Tried {
        host: host.to_owned(),
        address: address.ip().to_string(),
        port: address.port(),
        result,
        said,
        at: context.now(),
    }
}

/// The finding about a blocked port.
pub(super) fn finding(context: &Context<'_>, outbound: &Outbound) -> Option<Finding> {
    if outbound.verdict != "blocked" {
        return None;
    }
    let lines: Vec<String> = outbound
        .tried
        .iter()
        .map(|tried| {
            format!(
                "{} {} port {}: {} ({})",
                tried.host, tried.address, tried.port, tried.result, tried.said
            )
        })
        .collect();
    Some(Finding {
        code: "vantage-port25".to_owned(),
        severity: Severity::Minor,
        subject: SUBJECT.to_owned(),
        summary: format!("this machine cannot reach port 25: {}", outbound.detail),
        evidence: vec![Evidence::new("smtp", lines.join("\n"), context.now())],
        remedy: "Nothing is wrong at the site because of this. Ask this machine's provider to open port 25 outbound, or run the checks of servers from another place; until then relay tests and server checks end as unknown.".to_owned(),
    })
}

fn outcome(failure: &Failure) -> &'static str {
    match failure {
        Failure::ConnectTimeout(_) => "silent",
        Failure::Refused => "refused",
        _ => "failed",
    }
}
