//! H11 and H12: the mechanisms, and the one login.

use super::dialogue::the_session;
use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use crate::actions::Context;
use crate::actions::refused_login::{Login, refused_before};
use crate::mail::reply::{Reply as ParsedReply, Stage};
use crate::probes::smtp::{Channel, Failure, Mechanism, Reply, Session};
use crate::record::Severity;

/// H11: the mechanism to log in with, if a login is wanted and possible.
pub(super) fn mechanism(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    session: &Session,
) -> Option<Mechanism> {
    let offered = session.capabilities().auth();
    let shown = if offered.is_empty() {
        "none".to_owned()
    } else {
        offered.join(", ")
    };
    if plan.username.is_none() {
        let detail = format!("offered: {shown}; the site uses no login");
        ladder.add("H11", Step::new(Mark::NotApplicable, detail));
        let detail =
            "no account in the site file (smarthost.username): the site's address is its ticket";
        ladder.add("H12", Step::new(Mark::NotApplicable, detail));
        return None;
    }
    let detail = format!("offered: {shown}");
    let Some(mechanism) = Mechanism::choose(&offered) else {
        let (summary, remedy) = if offered.is_empty() {
            (
                format!("{} offers no login on this port.", plan.host),
                remedy::NO_AUTH,
            )
        } else {
            (
                format!("{} offers no login with a password ({shown}).", plan.host),
                remedy::MECHANISM,
            )
        };
        let fault = Fault {
            code: "smarthost-no-login",
            severity: Severity::Critical,
            summary,
            remedy: remedy.to_owned(),
        };
        ladder.fault("H11", Step::new(Mark::Failed, detail), fault, the_session());
        return None;
    };
    let is_old = |product: &Option<String>| {
        product
            .as_deref()
            .is_some_and(|product| product.to_ascii_lowercase().contains("exchange-2003"))
    };
    let old = context
        .site
        .servers
        .iter()
        .any(|server| is_old(&server.product));
    if old
        && !offered
            .iter()
            .any(|word| matches!(word.as_str(), "LOGIN" | "NTLM" | "GSSAPI"))
    {
        let fault = Fault {
            code: "smarthost-old-server",
            severity: Severity::Critical,
            summary: format!("Exchange 2003 cannot log in at {} ({shown}).", plan.host),
            remedy: remedy::OLD_SERVER.to_owned(),
        };
        ladder.fault(
            "H11",
            Step::new(Mark::Warning, detail),
            fault,
            the_session(),
        );
    } else {
        ladder.add("H11", Step::new(Mark::Good, detail));
    }
    Some(mechanism)
}

/// H12: one attempt in a check, and none after a refusal in the same run until a person has acted: a second wrong one may lock the
/// account. None ends the climb.
pub(super) async fn try_once(
    ladder: &mut Ladder,
    plan: &Plan,
    context: &Context<'_>,
    session: &mut Session,
    mechanism: Mechanism,
) -> Option<()> {
    let username = plan.username.as_deref()?;
    if let Some(before) = refused_before(context, &plan.host, username) {
        return not_again(ladder, plan, before);
    }
    let Some(password) = &plan.password else {
        let detail = format!(
            "no password for {username} is known: {}",
            remedy::NO_PASSWORD
        );
        ladder.add("H12", Step::new(Mark::Unknown, detail));
        return None;
    };
    if ladder.blocked_at() == Some("H09") {
        let detail = "not tried: the certificate does not prove who is at the other end (H09)";
        ladder.add("H12", Step::new(Mark::Skipped, detail));
        return None;
    }
    if session.channel() != Channel::Verified {
        let fault = Fault {
            code: "smarthost-login-unprotected",
            severity: Severity::Critical,
            summary: format!(
                "No password can be sent to {}: the connection is not encrypted and proven.",
                plan.host
            ),
            remedy: remedy::UNPROTECTED.to_owned(),
        };
        let step = Step::new(Mark::Failed, "not tried: the connection is not proven");
        ladder.fault("H12", step, fault, the_session());
        return None;
    }
    let answer = session.auth(mechanism, username, password, false).await;
    if let Some(login) = Login::of(&plan.host, username, &answer, context.now()) {
        ladder.login = Some(login);
    }
    match answer {
        Ok(reply) if reply.code == 235 => {
            let detail = format!("{username} by {}", mechanism.name());
            ladder.add(
                "H12",
                Step::new(Mark::Good, detail).reply(&reply, Stage::Auth),
            );
            Some(())
        }
        Ok(reply) => refused(ladder, plan, username, &reply),
        Err(failure) => {
            ladder.add("H12", Step::new(Mark::Unknown, lost(&failure)));
            None
        }
    }
}

/// The refusal from before stands.
fn not_again(ladder: &mut Ladder, plan: &Plan, before: Login) -> Option<()> {
    let again = before.again();
    if before.lost {
        ladder.add("H12", Step::new(Mark::Unknown, again));
    } else {
        let Login { account, reply, .. } = &before;
        let fault = Fault {
            code: "smarthost-login",
            severity: Severity::Critical,
            summary: format!("{} refuses the login of {account}: {reply}.", plan.host),
            remedy: remedy::PASSWORD.to_owned(),
        };
        let step = Step::new(Mark::Failed, again.clone());
        ladder.fault("H12", step, fault, ("note", again));
    }
    ladder.login = Some(before);
    None
}

fn refused(ladder: &mut Ladder, plan: &Plan, username: &str, reply: &Reply) -> Option<()> {
    let status = ParsedReply::parse(&reply.to_string())
        .status
        .map(|status| status.to_string());
    let status = status.as_deref().unwrap_or_default();
    let (why, remedy) = match (reply.code, status) {
        (534, _) | (_, "5.7.9") => ("wants another way of logging in", remedy::APP_PASSWORD),
        (525, _) | (_, "5.7.13") => ("says that the account is disabled", remedy::ACCOUNT),
        (432, _) | (_, "4.7.12" | "5.7.12") => ("wants the password changed", remedy::ACCOUNT),
        (523 | 538, _) | (_, "5.7.11") => ("wants stronger encryption", remedy::TLS_MISSING),
        (400..=499, _) => {
            let detail = "not now: the smarthost cannot check logins at the moment";
            ladder.add(
                "H12",
                Step::new(Mark::Unknown, detail).reply(reply, Stage::Auth),
            );
            return None;
        }
        _ => ("refuses name or password", remedy::PASSWORD),
    };
    let fault = Fault {
        code: "smarthost-login",
        severity: Severity::Critical,
        summary: format!("{} {why} of {username}: {reply}.", plan.host),
        remedy: remedy.to_owned(),
    };
    let step = Step::new(
        Mark::Failed,
        format!("{why}; not tried again, so that nothing locks"),
    )
    .reply(reply, Stage::Auth);
    ladder.fault("H12", step, fault, the_session());
    None
}

fn lost(failure: &Failure) -> String {
    format!(
        "the session was lost during the login: {failure}; not tried again, since the smarthost may have counted it"
    )
}
