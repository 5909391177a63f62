//! H01, H02 and H04: the name, its addresses, and whether a connection comes about.

use std::net::{IpAddr, SocketAddr};

use tokio::task::JoinSet;

use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use crate::actions::Context;
use crate::mail::{dnsbl, ptr};
use crate::probes::dns::{Answer, Question, RecordKind};
use crate::probes::smtp::{Failure, Session};
use crate::record::Severity;

/// H01: what is written as the smarthost.
pub(super) fn name(ladder: &mut Ladder, plan: &Plan) {
    if plan.host.parse::<IpAddr>().is_ok() {
        let detail = "an address, not a name";
        let fault = Fault {
            code: "smarthost-name",
            severity: Severity::Minor,
            summary: format!("The smarthost is given as the address {}.", plan.host),
            remedy: remedy::NAME_IS_ADDRESS.to_owned(),
        };
        let proof = ("note", format!("smarthost: {}", plan.written));
        return ladder.fault("H01", Step::new(Mark::Warning, detail), fault, proof);
    }
    match ptr::host_name(&plan.host) {
        Ok(()) if plan.written.trim().starts_with('[') => {
            let detail = "a full name in brackets: the server looks up no MX for it";
            ladder.add("H01", Step::new(Mark::Good, detail));
        }
        Ok(()) => ladder.add("H01", Step::new(Mark::Good, "a full name")),
        // A private name may well be the site's own gateway; H02 tells whether it exists.
        Err(fault @ (ptr::Fault::SingleLabel | ptr::Fault::Private | ptr::Fault::Localhost)) => {
            ladder.add("H01", Step::new(Mark::Warning, fault.to_string()));
        }
        Err(fault) => {
            let summary = format!("'{}' is no name of a mail server: {fault}.", plan.written);
            let proof = ("note", format!("smarthost: {}", plan.written));
            let fault = Fault {
                code: "smarthost-name",
                severity: Severity::Critical,
                remedy: remedy::NAME_IS_WRONG.to_owned(),
                summary: summary.clone(),
            };
            ladder.fault("H01", Step::new(Mark::Failed, summary), fault, proof);
        }
    }
}

/// H02: what the name resolves to, best address first. Empty when the climb ends here.
pub(super) async fn addresses(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
) -> Vec<IpAddr> {
    if ladder.blocked_at().is_some() {
        return Vec::new();
    }
    if let Some(address) = plan.address.or_else(|| plan.host.parse().ok()) {
        let detail = format!("{address}, as the site file says; no name was looked up");
        ladder.add("H02", Step::new(Mark::NotApplicable, detail));
        return vec![address];
    }
    context.progress.note(&format!("looking up {}", plan.host));
    let dns = &context.probes.dns;
    let v4 = Question::new(&plan.host, RecordKind::A);
    let v6 = Question::new(&plan.host, RecordKind::Aaaa);
    let (v4, v6) = tokio::join!(dns.query(&v4), dns.query(&v6));
    let proof = ("dns", format!("{v4}\n{v6}"));
    let found: Vec<IpAddr> = v4.addresses().into_iter().chain(v6.addresses()).collect();
    if found.is_empty() {
        let conclusive = v4.outcome.is_conclusive() && v6.outcome.is_conclusive();
        if !conclusive {
            let detail = format!("could not be looked up: {}", v4.outcome);
            ladder.add("H02", Step::new(Mark::Unknown, detail));
            return found;
        }
        let fault = Fault {
            code: "smarthost-dns",
            severity: Severity::Critical,
            summary: format!("The name {} has no address.", plan.host),
            remedy: remedy::NO_ADDRESS.to_owned(),
        };
        let step = Step::new(Mark::Failed, v4.outcome.to_string());
        ladder.fault("H02", step, fault, proof);
        return found;
    }
    let mut detail = list(&found);
    if let [.., last] = v4.chain.as_slice() {
        detail = format!("{detail} (an alias of {last})");
    }
    if let Some(ttl) = v4.ttl {
        detail = format!("{detail}, TTL {ttl} s");
    }
    let private = found
        .iter()
        .find(|address| dnsbl::askable(**address, false).is_err());
    if let (Some(private), false) = (private, context.site.laboratory) {
        let fault = Fault {
            code: "smarthost-dns",
            severity: Severity::Major,
            summary: format!(
                "{} resolves to {private}, which is no public address.",
                plan.host
            ),
            remedy: remedy::PRIVATE_ADDRESS.to_owned(),
        };
        ladder.fault("H02", Step::new(Mark::Warning, detail), fault, proof);
        return found;
    }
    match others_say(plan, context, &v4).await {
        Some(other) => {
            let fault = Fault {
                code: "smarthost-dns",
                severity: Severity::Minor,
                summary: format!("The resolvers do not agree about {}.", plan.host),
                remedy: remedy::ANSWERS_DIFFER.to_owned(),
            };
            let proof = ("dns", format!("{v4}\n{other}"));
            ladder.fault("H02", Step::new(Mark::Warning, detail), fault, proof);
        }
        None => ladder.add("H02", Step::new(Mark::Good, detail)),
    }
    found
}

/// Another resolver's answer, if one of them says something else. Rotating addresses share one at least.
async fn others_say(plan: &Plan, context: &Context<'_>, first: &Answer) -> Option<Answer> {
    let dns = &context.probes.dns;
    for server in dns
        .servers()
        .into_iter()
        .filter(|s| Some(*s) != first.server)
    {
        let other = dns
            .query_at(server, &Question::new(&plan.host, RecordKind::A))
            .await;
        let differs = other.outcome.is_conclusive()
            && first.outcome.is_conclusive()
            && !(other.v4().is_empty() && first.v4().is_empty())
            && !other
                .v4()
                .iter()
                .any(|address| first.v4().contains(address));
        if differs {
            return Some(other);
        }
    }
    None
}

/// The addresses that are talked to: the one that an old server takes, which is IPv4, and the IPv6 address beside it.
pub(super) fn by_family(addresses: &[IpAddr]) -> (Option<IpAddr>, Option<IpAddr>) {
    let v4 = addresses.iter().copied().find(IpAddr::is_ipv4);
    let v6 = addresses.iter().copied().find(IpAddr::is_ipv6);
    (v4.or(v6), v4.and(v6))
}

/// H04: connects to all ports and keeps the session with the best one.
pub(super) async fn connect(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    addresses: &[IpAddr],
) -> Option<Session> {
    let (main, _) = by_family(addresses);
    let main = main?;
    context
        .progress
        .note(&format!("connecting to {} ({main})", plan.host));
    let mut tries = attempt_all(plan, &plan.host, main, &plan.ports).await;
    let tried = tries
        .iter()
        .map(|(port, _, outcome)| match outcome {
            Ok(()) => format!("{port} open"),
            Err(failure) => format!("{port} {failure}"),
        })
        .collect::<Vec<_>>()
        .join(", ");
    let open = tries.iter().position(|(_, _, outcome)| outcome.is_ok());
    if let Some(open) = open {
        let (port, session, _) = tries.swap_remove(open);
        ladder.endpoint = Some(SocketAddr::new(main, port).to_string());
        if let Some(local) = session.local() {
            ladder.seen_from(local.ip().to_string());
        }
        let step = if plan.is_elsewhere() {
            let detail = format!(
                "{tried}; whether the site itself gets there was not tested, this machine is elsewhere"
            );
            Step::new(Mark::NotFromHere, detail)
        } else {
            Step::new(Mark::Good, tried)
        };
        ladder.add("H04", step);
        return Some(session);
    }
    // TLS from the first byte is part of the connection: what failed there belongs to H08.
    if let Some(at) = tries
        .iter()
        .position(|(_, _, outcome)| matches!(outcome, Err(Failure::Handshake(_))))
    {
        let (port, session, outcome) = tries.swap_remove(at);
        ladder.endpoint = Some(SocketAddr::new(main, port).to_string());
        ladder.add("H04", Step::new(Mark::Good, format!("{port} open")));
        if let Err(failure) = outcome {
            let fault = Fault {
                code: "smarthost-tls",
                severity: Severity::Critical,
                summary: format!("{} port {port} does not come to TLS: {failure}.", plan.host),
                remedy: remedy::TLS_BROKEN.to_owned(),
            };
            let proof = ("smtp", session.transcript().to_string());
            ladder.fault(
                "H08",
                Step::new(Mark::Failed, failure.to_string()),
                fault,
                proof,
            );
        }
        ladder.transcript = Some(session.into_transcript());
        return None;
    }
    let proof = tries
        .iter()
        .map(|(_, session, _)| session.transcript().to_string())
        .collect();
    if plan.is_elsewhere() {
        let detail = format!("{tried}; not reached from here, which says little about the site");
        ladder.add("H04", Step::new(Mark::Unknown, detail));
        return None;
    }
    let blocked = control_is_blocked(plan, context, &tries).await;
    let (detail, remedy) = match blocked {
        Some(true) => (
            format!("{tried}; the control host cannot be reached either"),
            remedy::PORT_BLOCKED,
        ),
        Some(false) => (
            format!("{tried}; the control host is reached"),
            remedy::UNREACHABLE,
        ),
        None => (tried, remedy::UNREACHABLE),
    };
    let fault = Fault {
        code: "smarthost-unreachable",
        severity: Severity::Critical,
        summary: format!("No connection to {} comes about ({detail}).", plan.host),
        remedy: remedy.to_owned(),
    };
    ladder.fault(
        "H04",
        Step::new(Mark::Failed, detail),
        fault,
        ("smtp", proof),
    );
    None
}

/// Whether the control host is as dead on the ports that timed out; None without one, or without time-outs.
async fn control_is_blocked(plan: &Plan, context: &Context<'_>, tries: &[Try]) -> Option<bool> {
    let control = plan.control.as_deref()?;
    let timed_out: Vec<u16> = tries
        .iter()
        .filter(|(_, _, outcome)| matches!(outcome, Err(Failure::ConnectTimeout(_))))
        .map(|(port, _, _)| *port)
        .collect();
    if timed_out.is_empty() {
        return None;
    }
    let address = match control.parse() {
        Ok(address) => address,
        Err(_) => context
            .probes
            .dns
            .a(control)
            .await
            .addresses()
            .first()
            .copied()?,
    };
    let tries = attempt_all(plan, control, address, &timed_out).await;
    let same = |(_, _, outcome): &Try| matches!(outcome, Err(Failure::ConnectTimeout(_)));
    Some(tries.iter().all(same))
}

pub(super) type Try = (u16, Session, Result<(), Failure>);

/// Connects to all ports at once; the result is in the order of the ports.
pub(super) async fn attempt_all(
    plan: &Plan,
    host: &str,
    address: IpAddr,
    ports: &[u16],
) -> Vec<Try> {
    let mut tasks = JoinSet::new();
    for port in ports.iter().copied() {
        let endpoint = plan
            .endpoint(host, address, port)
            .with_implicit_tls(plan.is_implicit(port));
        let mut session = plan.smtp.session(endpoint);
        tasks.spawn(async move {
            let outcome = session.connect().await;
            (port, session, outcome)
        });
    }
    let mut tries: Vec<Try> = tasks.join_all().await;
    tries.sort_by_key(|(port, _, _)| ports.iter().position(|known| known == port));
    tries
}

fn list(addresses: &[IpAddr]) -> String {
    addresses
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
