//! H27 and H29 to H32: what is around the smarthost. Nothing here stops mail from leaving; it is what a cut-over trips over later.

use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use crate::actions::Context;
use crate::probes::dns::{Question, RecordKind};
use crate::probes::smtp::Failure;
use crate::record::Severity;
use crate::site::Vantage;

/// A stage that takes longer is worth a word (milliseconds).
const SLOW: u64 = 30_000;

/// Looks around; the session is over.
pub(super) async fn look(ladder: &mut Ladder, plan: &Plan, context: &Context<'_>) {
    latency(ladder);
    exchangers(ladder, plan, context).await;
    back_door(ladder, plan, context).await;
    let notes = context
        .site
        .notes
        .as_deref()
        .unwrap_or_default()
        .to_lowercase();
    let step = if notes.contains("smarthost") || notes.contains(&plan.host) {
        Step::new(Mark::Good, "the site file's notes speak of it")
    } else {
        Step::new(
            Mark::NotApplicable,
            "for the handover: who owns the account, when it is renewed, what to do when the smarthost is down (notes of the site file)",
        )
    };
    ladder.add("H32", step);
}

/// H27: the stage that took longest.
fn latency(ladder: &mut Ladder) {
    let slowest = ladder.stages.iter().max_by_key(|stage| stage.ms);
    let Some(slowest) = slowest.filter(|_| ladder.endpoint.is_some()) else {
        return;
    };
    let detail = format!(
        "longest: {} ({}), {} ms",
        slowest.name, slowest.id, slowest.ms
    );
    let mark = if slowest.ms > SLOW {
        Mark::Warning
    } else {
        Mark::Good
    };
    ladder.add("H27", Step::new(mark, detail));
}

/// H29 and H31: where mail for the site itself goes.
async fn exchangers(ladder: &mut Ladder, plan: &Plan, context: &Context<'_>) {
    let site = context.site;
    let mut told = Vec::new();
    let mut back = Vec::new();
    let mut missing = Vec::new();
    for domain in &site.domains {
        let answer = context
            .probes
            .dns
            .query(&Question::new(domain, RecordKind::Mx))
            .await;
        if !answer.outcome.is_conclusive() {
            let detail = format!(
                "the MX of {domain} could not be looked up ({})",
                answer.outcome
            );
            ladder.add("H29", Step::new(Mark::Unknown, detail.clone()));
            return ladder.add("H31", Step::new(Mark::Unknown, detail));
        }
        let hosts: Vec<String> = answer
            .mx()
            .into_iter()
            .map(|mx| mx.exchange.trim_end_matches('.').to_ascii_lowercase())
            .collect();
        if hosts.is_empty() {
            missing.push(domain.as_str());
        }
        if hosts.contains(&plan.host) {
            back.push(domain.as_str());
        }
        told.push(format!("{domain}: {}", hosts.join(", ")));
    }
    if told.is_empty() {
        let none = || Step::new(Mark::NotApplicable, "the site file names no domain");
        ladder.add("H29", none());
        return ladder.add("H31", none());
    }
    let step = if back.is_empty() {
        Step::new(Mark::Good, "the smarthost does not receive for the site")
    } else {
        let detail = format!(
            "the smarthost receives for {} too: see that the site takes its own domains in itself, or mail goes in a circle",
            back.join(", ")
        );
        Step::new(Mark::Warning, detail)
    };
    ladder.add("H29", step);
    let step = if missing.is_empty() {
        Step::new(Mark::Good, format!("mail comes in by {}", told.join("; ")))
    } else {
        let detail = format!(
            "no MX for {}: mailauth.check judges that",
            missing.join(", ")
        );
        Step::new(Mark::NotApplicable, detail)
    };
    ladder.add("H31", step);
}

/// H30: port 25 to anybody but the smarthost must be closed. Only the site's own line shows it, and only to a host of the site file.
async fn back_door(ladder: &mut Ladder, plan: &Plan, context: &Context<'_>) {
    let inside = matches!(plan.vantage, Some(Vantage::Inside | Vantage::Server));
    let control = match (inside, plan.control.as_deref()) {
        (true, Some(control)) => control,
        (true, None) => {
            let detail = "whether the firewall closes outgoing port 25 is tried with a mail server elsewhere: name one in the site file (allow_hosts) and as the argument control; its port 25 must not be reached";
            return ladder.add("H30", Step::new(Mark::NotFromHere, detail));
        }
        (false, _) => {
            let detail = "whether the site's firewall closes outgoing port 25 shows at the site alone: run this check there, with a mail server elsewhere as the argument control, or let somebody there try to connect to port 25 of one";
            return ladder.add("H30", Step::new(Mark::NotFromHere, detail));
        }
    };
    let address = match control.parse() {
        Ok(address) => Some(address),
        Err(_) => context
            .probes
            .dns
            .a(control)
            .await
            .addresses()
            .first()
            .copied(),
    };
    let Some(address) = address else {
        let detail = format!("{control} could not be looked up");
        return ladder.add("H30", Step::new(Mark::Unknown, detail));
    };
    let mut session = plan.smtp.session(plan.endpoint(control, address, 25));
    let outcome = session.connect().await;
    session.close();
    let proof = session.into_transcript().to_string();
    match outcome {
        Ok(()) => {
            let fault = Fault {
                code: "smarthost-back-door",
                severity: Severity::Minor,
                summary: format!(
                    "Port 25 of {control} can be reached past the smarthost from this machine."
                ),
                remedy: remedy::BACK_DOOR.to_owned(),
            };
            let step = Step::new(Mark::Warning, format!("{control} port 25 is reached"));
            ladder.fault("H30", step, fault, ("smtp", proof));
        }
        Err(Failure::ConnectTimeout(_) | Failure::Refused | Failure::Unreachable(_)) => {
            let detail = format!("{control} port 25 is not reached from here");
            ladder.add("H30", Step::new(Mark::Good, detail));
        }
        Err(failure) => ladder.add("H30", Step::new(Mark::Unknown, failure.to_string())),
    }
}
