//! Encryption and login: STARTTLS, the certificate, and whether passwords may be sent in clear.

use super::conversation::lost;
use super::inspection::{Fault, Inspection, Role, the_session};
use super::remedy;
use crate::actions::certificate;
use crate::actions::target::Target;
use crate::mail::reply::Stage;
use crate::probes::smtp::{Failure, Session};
use crate::record::{Severity, Verdict};

/// Mechanisms that send the password, or what can be used like one, as it is.
const IN_CLEAR: [&str; 4] = ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"];

/// `auth`, before encryption: what is offered on a connection in clear.
pub(super) fn login_in_clear(seen: &mut Inspection, session: &Session) {
    let offered = session.capabilities().auth();
    let shown = offered.join(", ");
    if session.tls().is_some() {
        return after_encryption(seen, &offered);
    }
    if offered.is_empty() {
        return seen.add("auth", Verdict::Good, "no login is offered in clear");
    }
    let naked = offered.iter().any(|word| IN_CLEAR.contains(&word.as_str()));
    let (severity, what) = if naked {
        (
            Severity::Major,
            format!("it takes passwords before the connection is encrypted ({shown})"),
        )
    } else {
        (
            Severity::Minor,
            format!("it lets strangers try logins before the connection is encrypted ({shown})"),
        )
    };
    let fault = Fault {
        code: "auth-before-tls",
        severity,
        what,
        remedy: remedy::AUTH_IN_CLEAR.to_owned(),
    };
    seen.fault("auth", fault, the_session(), None);
}

fn after_encryption(seen: &mut Inspection, offered: &[String]) {
    let detail = match (offered.is_empty(), seen.role) {
        (true, Role::Submission) => {
            "no login is offered after encryption: nobody can send through this port".to_owned()
        }
        (true, _) => "no login is offered".to_owned(),
        (false, Role::Submission) => format!("offered after encryption: {}", offered.join(", ")),
        (false, _) => format!(
            "offered after encryption: {}; on a port for strangers it is only needed if people send through it",
            offered.join(", ")
        ),
    };
    seen.add("auth_encrypted", Verdict::Good, detail);
}

/// `starttls` and what follows from it. None when the session did not survive it.
pub(super) async fn look(
    target: &Target,
    seen: &mut Inspection,
    session: &mut Session,
    name: &str,
) -> Option<()> {
    if target.implicit_tls {
        return Some(());
    }
    if !session.capabilities().has("STARTTLS") {
        not_offered(seen);
        return Some(());
    }
    match session.starttls().await {
        Ok(reply) if reply.is_positive() => {}
        Ok(reply) => {
            let fault = Fault {
                code: "starttls-broken",
                severity: Severity::Major,
                what: format!("it offers STARTTLS and refuses it ({reply})"),
                remedy: remedy::TLS_BROKEN.to_owned(),
            };
            seen.fault(
                "starttls",
                fault,
                the_session(),
                Some((&reply, Stage::Starttls)),
            );
            return Some(());
        }
        Err(failure) => {
            broken(seen, &failure);
            return None;
        }
    }
    seen.tls = "starttls";
    let detail = session.tls().map_or_else(String::new, |tls| {
        format!("{}, {}", tls.protocol, tls.cipher)
    });
    seen.add("starttls", Verdict::Good, detail);
    judge_certificate(seen, session);
    match session.ehlo(name).await {
        Ok(reply) if reply.is_positive() => {
            let offered = session.capabilities().auth();
            seen.capabilities = Some(session.capabilities().clone());
            after_encryption(seen, &offered);
            Some(())
        }
        Ok(reply) => {
            let detail = "EHLO is refused after encryption";
            seen.add_reply(
                "auth_encrypted",
                Verdict::Unknown,
                detail,
                (&reply, Stage::Helo),
            );
            None
        }
        Err(failure) => lost(seen, "auth_encrypted", &failure),
    }
}

/// TLS that came with the connection.
pub(super) fn from_the_first_byte(seen: &mut Inspection, session: &Session) {
    let detail = session.tls().map_or_else(String::new, |tls| {
        format!("{} from the first byte, {}", tls.protocol, tls.cipher)
    });
    seen.add("starttls", Verdict::NotApplicable, detail);
    judge_certificate(seen, session);
}

/// A handshake that fails.
pub(super) fn broken(seen: &mut Inspection, failure: &Failure) {
    let fault = Fault {
        code: "starttls-broken",
        severity: Severity::Major,
        what: format!("its encryption cannot be set up: {failure}"),
        remedy: remedy::TLS_BROKEN.to_owned(),
    };
    seen.fault("starttls", fault, the_session(), None);
}

fn not_offered(seen: &mut Inspection) {
    let (severity, what) = match seen.role {
        Role::Submission => (
            Severity::Major,
            "it offers no encryption, on a port that people log in to",
        ),
        _ => (
            Severity::Informational,
            "it offers no encryption: mail to it travels in clear",
        ),
    };
    let fault = Fault {
        code: "starttls-missing",
        severity,
        what: what.to_owned(),
        remedy: remedy::TLS_MISSING.to_owned(),
    };
    seen.fault("starttls", fault, the_session(), None);
    seen.add("certificate", Verdict::NotApplicable, "no encryption");
}

/// `certificate`. Senders to port 25 seldom look at it; programs that log in do.
fn judge_certificate(seen: &mut Inspection, session: &Session) {
    let Some(report) = session.tls().and_then(|tls| tls.certificate.clone()) else {
        return seen.add("certificate", Verdict::Unknown, "it cannot be read");
    };
    match certificate::fault(&report) {
        None => seen.add("certificate", Verdict::Good, certificate::summary(&report)),
        Some((code, what)) => {
            let severity = match (seen.role, report.is_verified()) {
                (Role::Submission, false) => Severity::Major,
                _ => Severity::Minor,
            };
            let fault = Fault {
                code,
                severity,
                what: format!("its certificate is not in order: {what}"),
                remedy: remedy::CERTIFICATE.to_owned(),
            };
            let proof = ("certificate", certificate::evidence(&report));
            seen.fault("certificate", fault, proof, None);
        }
    }
    seen.certificate = Some(report);
}
