//! H03: the smarthost over IPv6, beside IPv4. A server with IPv6 tries it first, so what is wrong there delays or stops mail although
//! IPv4 is in order. It is talked to as far as the login, which is tried once only, over the main address.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::dialogue;
use super::ladder::{Fault, Ladder, Mark, Stage, Step};
use super::plan::Plan;
use super::reach::attempt_all;
use super::remedy;
use crate::actions::Context;
use crate::probes::smtp::{CertificateReport, Failure};
use crate::record::Severity;

/// What was seen over IPv6.
#[derive(Debug, Serialize)]
pub(super) struct OverIpv6 {
    endpoint: String,
    stages: Vec<Stage>,
    certificate: Option<CertificateReport>,
}

/// Looks, and holds it against what the main address said.
pub(super) async fn look(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    address: Option<IpAddr>,
) {
    let Some(address) = address else {
        return ladder.add(
            "H03",
            Step::new(Mark::NotApplicable, "no IPv6 address beside IPv4"),
        );
    };
    if plan.is_elsewhere() {
        let detail = format!("{address}; whether the site has IPv6 cannot be seen from here");
        return ladder.add("H03", Step::new(Mark::NotFromHere, detail));
    }
    let mut tries = attempt_all(plan, &plan.host, address, &plan.ports).await;
    let reached = |outcome: &Result<(), Failure>| !outcome.as_ref().is_err_and(Failure::is_connect);
    let best = tries
        .iter()
        .position(|(_, _, outcome)| outcome.is_ok())
        .or_else(|| tries.iter().position(|(_, _, outcome)| reached(outcome)));
    let Some(best) = best else {
        let proof = tries
            .iter()
            .map(|(_, session, _)| session.transcript().to_string())
            .collect();
        let fault = Fault {
            code: "smarthost-ipv6",
            severity: Severity::Minor,
            summary: format!(
                "{} has an IPv6 address that cannot be reached from here.",
                plan.host
            ),
            remedy: remedy::IPV6_TRAP.to_owned(),
        };
        let step = Step::new(Mark::Warning, format!("{address} is not reached"));
        return ladder.fault("H03", step, fault, ("smtp", proof));
    };
    let (port, session, outcome) = tries.swap_remove(best);
    drop(tries);
    let endpoint = SocketAddr::new(address, port);
    let mut other = Ladder::new(&plan.host, context.now());
    match outcome {
        Ok(()) => dialogue::up_to_login(&mut other, plan, context, session).await,
        Err(failure) => {
            other.add("H08", Step::new(Mark::Failed, failure.to_string()));
            other.transcript = Some(session.into_transcript());
        }
    }
    compare(ladder, plan, &other, endpoint);
    ladder.ipv6 = Some(OverIpv6 {
        endpoint: endpoint.to_string(),
        stages: other.stages,
        certificate: other.certificate,
    });
}

fn compare(ladder: &mut Ladder, plan: &Plan, other: &Ladder, endpoint: SocketAddr) {
    let same = |stage: &&Stage| {
        let first = ladder.stages.iter().find(|first| first.id == stage.id);
        first.is_some_and(|first| first.outcome == stage.outcome)
    };
    let worse: Vec<&Stage> = other
        .stages
        .iter()
        .filter(|stage| matches!(stage.outcome, Mark::Failed | Mark::Warning | Mark::Unknown))
        .filter(|stage| !same(stage))
        .collect();
    let told: Vec<String> = worse
        .iter()
        .map(|stage| format!("{} ({}): {}", stage.name, stage.id, stage.detail))
        .collect();
    let told = told.join("; ");
    if worse.is_empty() {
        let detail = format!("{endpoint} is as IPv4, up to the login, which was not tried there");
        return ladder.add("H03", Step::new(Mark::Good, detail));
    }
    let step = Step::new(Mark::Warning, format!("{endpoint} is not as IPv4: {told}"));
    if worse.iter().all(|stage| stage.outcome == Mark::Unknown) {
        return ladder.add("H03", step);
    }
    let failed = worse.iter().any(|stage| stage.outcome == Mark::Failed);
    let fault = Fault {
        code: "smarthost-ipv6",
        severity: match failed {
            true => Severity::Major,
            false => Severity::Minor,
        },
        summary: format!("{} is not over IPv6 as it is over IPv4: {told}.", plan.host),
        remedy: remedy::IPV6_DIFFERS.to_owned(),
    };
    let proof = other.transcript.as_ref().map(ToString::to_string);
    ladder.fault("H03", step, fault, ("smtp", proof.unwrap_or(told)));
}
