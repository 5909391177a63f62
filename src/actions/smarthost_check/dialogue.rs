//! H05 to H10: the session from the greeting to the capabilities after TLS, and what is asked in it afterwards.

use std::net::IpAddr;

use super::control::Way;
use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::{envelope, login, remedy, senders};
use crate::actions::{Context, certificate};
use crate::mail::ptr;
use crate::mail::reply::Stage;
use crate::probes::smtp::{Failure, Reply, Session};
use crate::record::Severity;
use crate::site::Tls;

/// A mail server should greet within this (milliseconds); RFC 5321 allows five minutes.
const SLOW_GREETING: u64 = 30_000;

/// The stages of a session in their order. `None` ends the climb; what it broke on is on the ladder. Otherwise the way that led to
/// the end of it.
pub(super) async fn hold(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    mut session: Session,
) -> Option<Way> {
    context.progress.note(&format!("talking to {}", plan.host));
    let way = climb(ladder, plan, context, &mut session).await;
    session.quit().await;
    let transcript = session.into_transcript();
    // Evidence of a fault is the session up to its end; it is known only now.
    for finding in &mut ladder.findings {
        for evidence in &mut finding.evidence {
            if evidence.kind == "smtp" && evidence.text.is_empty() {
                evidence.text = transcript.to_string();
            }
        }
    }
    ladder.transcript = Some(transcript);
    way
}

/// Evidence that [`hold`] fills in when the session is over.
pub(super) fn the_session() -> (&'static str, String) {
    ("smtp", String::new())
}

/// H05, H06 and H08 to H11: the session up to the login, which is not tried. What is found is on the ladder.
pub(super) async fn up_to_login(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    mut session: Session,
) {
    let climb = async {
        greeting(ladder, plan, &mut session).await?;
        let helo = our_name(plan, context, &session);
        ehlo(ladder, plan, &mut session, &helo).await?;
        tls(ladder, plan, &mut session, &helo).await?;
        login::mechanism(ladder, plan, context, &session)
    };
    // Wherever it ended, the ladder tells.
    let _ = climb.await;
    session.quit().await;
    ladder.transcript = Some(session.into_transcript());
}

async fn climb(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    session: &mut Session,
) -> Option<Way> {
    greeting(ladder, plan, session).await?;
    let helo = our_name(plan, context, session);
    ehlo(ladder, plan, session, &helo).await?;
    helo_name(ladder, plan, context).await;
    let implicit = session.tls().is_some();
    tls(ladder, plan, session, &helo).await?;
    ladder.capabilities = Some(session.capabilities().clone());
    let mechanism = login::mechanism(ladder, plan, context, session);
    if let Some(mechanism) = mechanism {
        login::try_once(ladder, plan, context, session, mechanism).await?;
    }
    senders::ask(ladder, plan, session).await;
    envelope::ask(ladder, plan, session).await;
    Some(Way {
        endpoint: session.endpoint().clone(),
        helo,
        starttls: !implicit && session.tls().is_some(),
        mechanism,
    })
}

/// The name to greet with: the real server's, else the tester's, else this machine's address (RFC 5321 4.1.3).
fn our_name(plan: &Plan, context: &Context<'_>, session: &Session) -> String {
    let tester = || {
        context
            .site
            .probe
            .as_ref()
            .and_then(|probe| probe.helo.clone())
    };
    let address = || match session.local().map(|local| local.ip()) {
        Some(IpAddr::V6(v6)) => format!("[IPv6:{v6}]"),
        Some(IpAddr::V4(v4)) => format!("[{v4}]"),
        None => "[127.0.0.1]".to_owned(),
    };
    plan.helo.clone().or_else(tester).unwrap_or_else(address)
}

/// H05.
async fn greeting(ladder: &mut Ladder, plan: &Plan, session: &mut Session) -> Option<()> {
    let reply = match session.greeting().await {
        Ok(reply) => reply,
        Err(failure) => return broken(ladder, plan, "H05", &failure),
    };
    if reply.code == 220 {
        let (mark, detail) = if reply.ms > SLOW_GREETING {
            (Mark::Warning, format!("ready after {} s", reply.ms / 1000))
        } else {
            (Mark::Good, "ready".to_owned())
        };
        ladder.add("H05", Step::new(mark, detail).reply(&reply, Stage::Connect));
        return Some(());
    }
    let step = |mark, detail: &str| Step::new(mark, detail).reply(&reply, Stage::Connect);
    if reply.is_temporary() {
        ladder.add(
            "H05",
            step(Mark::Unknown, "the smarthost does not want to talk now"),
        );
        return None;
    }
    let fault = Fault {
        code: "smarthost-refuses-us",
        severity: Severity::Critical,
        summary: format!(
            "{} refuses this address at its greeting: {reply}.",
            plan.host
        ),
        remedy: remedy::of_class(
            &ladder.classify(&reply, Stage::Connect),
            remedy::UNREACHABLE,
        ),
    };
    ladder.fault(
        "H05",
        step(Mark::Failed, "refused at the greeting"),
        fault,
        the_session(),
    );
    None
}

/// H06.
async fn ehlo(ladder: &mut Ladder, plan: &Plan, session: &mut Session, helo: &str) -> Option<()> {
    let reply = match session.ehlo(helo).await {
        Ok(reply) => reply,
        Err(failure) => return broken(ladder, plan, "H06", &failure),
    };
    let step = |mark, detail: String| Step::new(mark, detail).reply(&reply, Stage::Helo);
    if reply.is_temporary() {
        ladder.add("H06", step(Mark::Unknown, "not taken now".to_owned()));
        return None;
    }
    if !reply.is_positive() {
        let fault = Fault {
            code: "smarthost-ehlo",
            severity: Severity::Critical,
            summary: format!("{} refuses EHLO {helo}: {reply}.", plan.host),
            remedy: remedy::of_class(&ladder.classify(&reply, Stage::Helo), remedy::EHLO_REFUSED),
        };
        ladder.fault(
            "H06",
            step(Mark::Failed, "EHLO is refused".to_owned()),
            fault,
            the_session(),
        );
        return None;
    }
    let masked = session.capabilities().masked().join(", ");
    if !masked.is_empty() {
        let fault = Fault {
            code: "smarthost-masked",
            severity: Severity::Major,
            summary: format!(
                "Something on the way to {} writes over what it offers ({masked}).",
                plan.host
            ),
            remedy: remedy::MASKED.to_owned(),
        };
        ladder.fault(
            "H06",
            step(Mark::Warning, format!("masked: {masked}")),
            fault,
            the_session(),
        );
        return Some(());
    }
    let offered = session.capabilities().keywords.join(", ");
    ladder.add("H06", step(Mark::Good, format!("offers {offered}")));
    Some(())
}

/// H07: the name that the real server greets with.
async fn helo_name(ladder: &mut Ladder, plan: &Plan, context: &Context<'_>) {
    let Some(name) = &plan.helo else {
        let detail = "the site file does not say which name the server greets with (outbound.helo)";
        return ladder.add("H07", Step::new(Mark::NotApplicable, detail));
    };
    let wrong = match ptr::helo(name) {
        Err(fault) => Some(fault.to_string()),
        Ok(ptr::Helo::Literal(_)) => {
            Some("an address literal, which many servers refuse".to_owned())
        }
        Ok(ptr::Helo::Name(_)) => None,
    };
    if let Some(wrong) = wrong {
        let fault = Fault {
            code: "smarthost-helo",
            severity: Severity::Minor,
            summary: format!("The server greets with '{name}': {wrong}."),
            remedy: remedy::HELO_NAME.to_owned(),
        };
        let proof = ("note", format!("outbound.helo: {name}"));
        return ladder.fault("H07", Step::new(Mark::Warning, wrong), fault, proof);
    }
    let ours = &context.site.outbound.addresses;
    let (v4, v6) = tokio::join!(context.probes.dns.a(name), context.probes.dns.aaaa(name));
    let resolved: Vec<_> = v4.addresses().into_iter().chain(v6.addresses()).collect();
    let matches = resolved.iter().any(|address| ours.contains(address));
    let (mark, detail) = match (resolved.is_empty(), ours.is_empty() || matches) {
        (true, _) if !v4.outcome.is_conclusive() => (
            Mark::Good,
            format!(
                "{name} is well formed; it could not be looked up ({})",
                v4.outcome
            ),
        ),
        (true, _) => (Mark::Warning, format!("{name} has no address")),
        (false, false) => (
            Mark::Warning,
            format!("{name} resolves to none of the site's addresses"),
        ),
        (false, true) => (Mark::Good, name.clone()),
    };
    // That the name does not fit the address is rdns.verify's finding.
    ladder.add("H07", Step::new(mark, detail));
}

/// H08 to H10.
async fn tls(ladder: &mut Ladder, plan: &Plan, session: &mut Session, helo: &str) -> Option<()> {
    if session.tls().is_some() {
        add_tls(ladder, session, "from the first byte");
        judge_certificate(ladder, plan, session);
        let detail = "the session was encrypted from the first byte";
        ladder.add("H10", Step::new(Mark::NotApplicable, detail));
        return Some(());
    }
    if plan.tls == Tls::None {
        in_clear(
            ladder,
            Mark::NotApplicable,
            "in clear, as the site file wants it",
        );
        return Some(());
    }
    if !session.capabilities().has("STARTTLS") {
        if !plan.needs_tls() {
            in_clear(
                ladder,
                Mark::Warning,
                "STARTTLS is not offered; mail to the smarthost goes in clear",
            );
            return Some(());
        }
        let fault = Fault {
            code: "smarthost-no-tls",
            severity: Severity::Critical,
            summary: format!("{} offers no STARTTLS on this port.", plan.host),
            remedy: remedy::TLS_MISSING.to_owned(),
        };
        ladder.fault(
            "H08",
            Step::new(Mark::Failed, "STARTTLS is not offered"),
            fault,
            the_session(),
        );
        return None;
    }
    match session.starttls().await {
        Ok(reply) if reply.is_positive() => add_tls(ladder, session, "by STARTTLS"),
        Ok(reply) => return refused_tls(ladder, plan, &reply),
        Err(failure) => {
            let fault = Fault {
                code: "starttls-broken",
                severity: Severity::Critical,
                summary: format!(
                    "{} offers STARTTLS, but it does not work: {failure}.",
                    plan.host
                ),
                remedy: remedy::TLS_BROKEN.to_owned(),
            };
            ladder.fault(
                "H08",
                Step::new(Mark::Failed, failure.to_string()),
                fault,
                the_session(),
            );
            return None;
        }
    }
    judge_certificate(ladder, plan, session);
    let reply = match session.ehlo(helo).await {
        Ok(reply) => reply,
        Err(failure) => return broken(ladder, plan, "H10", &failure),
    };
    let (mark, detail) = if !reply.is_positive() {
        (Mark::Failed, "EHLO is refused after TLS".to_owned())
    } else if plan.username.is_some() && session.capabilities().auth().is_empty() {
        // H11 tells the fault.
        (Mark::Warning, "no AUTH after TLS".to_owned())
    } else {
        (
            Mark::Good,
            format!("offers {}", session.capabilities().keywords.join(", ")),
        )
    };
    ladder.add("H10", Step::new(mark, detail).reply(&reply, Stage::Helo));
    (mark != Mark::Failed).then_some(())
}

fn refused_tls(ladder: &mut Ladder, plan: &Plan, reply: &Reply) -> Option<()> {
    let step = |mark, detail| Step::new(mark, detail).reply(reply, Stage::Starttls);
    let fault = Fault {
        code: "starttls-broken",
        severity: if plan.needs_tls() {
            Severity::Critical
        } else {
            Severity::Major
        },
        summary: format!("{} offers STARTTLS and refuses it: {reply}.", plan.host),
        remedy: remedy::TLS_BROKEN.to_owned(),
    };
    if plan.needs_tls() {
        ladder.fault(
            "H08",
            step(Mark::Failed, "offered and refused"),
            fault,
            the_session(),
        );
        return None;
    }
    ladder.fault(
        "H08",
        step(Mark::Warning, "offered and refused"),
        fault,
        the_session(),
    );
    no_certificate(ladder);
    Some(())
}

fn add_tls(ladder: &mut Ladder, session: &Session, how: &str) {
    let detail = session.tls().map_or_else(String::new, |tls| {
        format!("{} {how}, {}", tls.protocol, tls.cipher)
    });
    ladder.add("H08", Step::new(Mark::Good, detail));
}

fn in_clear(ladder: &mut Ladder, mark: Mark, detail: &str) {
    ladder.add("H08", Step::new(mark, detail));
    no_certificate(ladder);
}

fn no_certificate(ladder: &mut Ladder) {
    for id in ["H09", "H10"] {
        ladder.add(
            id,
            Step::new(Mark::NotApplicable, "the session is in clear"),
        );
    }
}

/// H09.
fn judge_certificate(ladder: &mut Ladder, plan: &Plan, session: &Session) {
    let Some(report) = session.tls().and_then(|tls| tls.certificate.clone()) else {
        ladder.add(
            "H09",
            Step::new(Mark::Unknown, "the certificate cannot be read"),
        );
        return;
    };
    ladder.certificate = Some(report.clone());
    let Some((code, detail)) = certificate::fault(&report) else {
        let detail = certificate::summary(&report);
        return ladder.add("H09", Step::new(Mark::Good, detail));
    };
    // A password must not go to a stranger; without one, most servers do not look at certificates.
    let (mark, severity) = match (report.is_verified(), plan.username.is_some()) {
        (true, _) => (Mark::Warning, Severity::Minor),
        (false, true) => (Mark::Failed, Severity::Critical),
        (false, false) => (Mark::Warning, Severity::Major),
    };
    let fault = Fault {
        code,
        severity,
        summary: format!("The certificate of {}: {detail}.", plan.host),
        remedy: remedy::CERTIFICATE.to_owned(),
    };
    ladder.fault(
        "H09",
        Step::new(mark, detail),
        fault,
        ("certificate", certificate::evidence(&report)),
    );
}

/// A session that broke before the server could be judged: mail cannot go this way, whatever the reason.
fn broken(ladder: &mut Ladder, plan: &Plan, id: &'static str, failure: &Failure) -> Option<()> {
    let remedy = match failure {
        Failure::NotSmtp(_) => remedy::NOT_SMTP,
        _ => remedy::SILENT,
    };
    let fault = Fault {
        code: "smarthost-no-dialogue",
        severity: Severity::Critical,
        summary: format!(
            "{} takes the connection, but no mail session comes about: {failure}.",
            plan.host
        ),
        remedy: remedy.to_owned(),
    };
    ladder.fault(
        id,
        Step::new(Mark::Failed, failure.to_string()),
        fault,
        the_session(),
    );
    None
}
