//! What the server tells strangers, and what it would do for them: NTLM's names, TURN, VRFY, EXPN.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::conversation::lost;
use super::inspection::{Fault, Inspection, the_session};
use super::{recipients, remedy};
use crate::actions::Context;
use crate::mail::ntlm;
use crate::mail::reply::Stage;
use crate::probes::smtp::{Failure, Reply, Session};
use crate::record::{Severity, Verdict};

/// `ntlm`: the first half of an NTLM login makes the server tell its names. No name and no password is sent.
pub(super) async fn ntlm(seen: &mut Inspection, session: &mut Session) {
    match challenge(session).await {
        Ok(Some(names)) => {
            let fault = Fault {
                code: "server-ntlm-names",
                severity: Severity::Informational,
                what: format!(
                    "it tells strangers the names of its inner network ({})",
                    names.all().join(", ")
                ),
                remedy: remedy::NTLM.to_owned(),
            };
            seen.fault("ntlm", fault, the_session(), None);
            seen.ntlm = Some(names);
        }
        Ok(None) => seen.add("ntlm", Verdict::Good, "NTLM is offered and tells no name"),
        Err(failure) => {
            lost(seen, "ntlm", &failure);
        }
    }
}

async fn challenge(session: &mut Session) -> Result<Option<ntlm::Names>, Failure> {
    let mut reply = session.command("AUTH NTLM").await?;
    if reply.code != 334 {
        return Ok(None);
    }
    reply = session
        .command(&BASE64_STANDARD.encode(ntlm::negotiate()))
        .await?;
    if reply.code != 334 {
        return Ok(None);
    }
    let names = BASE64_STANDARD
        .decode(reply.text().trim())
        .ok()
        .and_then(|message| ntlm::challenge(&message));
    // RFC 4954 4: a line with an asterisk ends the exchange.
    session.command("*").await?;
    Ok(names)
}

/// `turn`: commands by which a stranger could have waiting mail handed over (RFC 821 TURN, RFC 1985 ETRN).
pub(super) fn turn(seen: &mut Inspection, session: &Session) {
    let offers = |word| session.capabilities().has(word);
    if offers("TURN") {
        let fault = Fault {
            code: "server-turn",
            severity: Severity::Informational,
            what: "it offers TURN, by which waiting mail is handed to whoever claims a name"
                .to_owned(),
            remedy: remedy::TURN.to_owned(),
        };
        return seen.fault("turn", fault, the_session(), None);
    }
    let detail = if offers("ETRN") {
        "ETRN is offered: it only starts delivery to the host that DNS names"
    } else {
        "neither TURN nor ETRN is offered"
    };
    seen.add("turn", Verdict::Good, detail);
}

/// `vrfy`: does it tell who exists? A name that exists and one that does not must get the same kind of answer.
pub(super) async fn vrfy(context: &Context<'_>, seen: &mut Inspection, session: &mut Session) {
    let Some(domain) = context.site.domains.first() else {
        return seen.add(
            "vrfy",
            Verdict::NotApplicable,
            "the site file names no domain to ask about",
        );
    };
    let valid = context
        .site
        .servers
        .iter()
        .find(|server| server.host.eq_ignore_ascii_case(&seen.host))
        .and_then(|server| server.valid_mailbox.clone());
    let known = valid.unwrap_or_else(|| format!("postmaster@{domain}"));
    let unknown = recipients::invented(context, domain);
    let answers = async {
        let known = session.command(&format!("VRFY {known}")).await?;
        let unknown = session.command(&format!("VRFY {unknown}")).await?;
        Ok::<_, Failure>((known, unknown))
    };
    match answers.await {
        Ok((known, unknown)) => judge_vrfy(seen, &known, &unknown),
        Err(failure) => {
            lost(seen, "vrfy", &failure);
        }
    }
}

fn judge_vrfy(seen: &mut Inspection, known: &Reply, unknown: &Reply) {
    // 252 is the answer that RFC 5321 3.5.3 gives to servers that do not want to tell.
    let tells_name = matches!(known.code, 250 | 251);
    let tells_apart = known.is_positive() && unknown.is_permanent();
    let said = (known, Stage::Rcpt);
    if tells_name || tells_apart {
        let fault = Fault {
            code: "vrfy-enabled",
            severity: Severity::Minor,
            what: format!(
                "VRFY tells who exists: {known} for a mailbox, {unknown} for an invented one"
            ),
            remedy: remedy::VRFY.to_owned(),
        };
        return seen.fault("vrfy", fault, the_session(), Some(said));
    }
    if known.is_temporary() {
        return seen.add_reply("vrfy", Verdict::Unknown, "put off", said);
    }
    seen.add_reply("vrfy", Verdict::Good, "VRFY tells nothing", said);
}

/// `expn`: does it tell who is behind an alias?
pub(super) async fn expn(seen: &mut Inspection, session: &mut Session) {
    match session.command("EXPN postmaster").await {
        Ok(reply) if reply.is_positive() && reply.code != 252 => {
            let fault = Fault {
                code: "vrfy-enabled",
                severity: Severity::Minor,
                what: format!("EXPN tells who is behind an alias ({reply})"),
                remedy: remedy::VRFY.to_owned(),
            };
            seen.fault("expn", fault, the_session(), Some((&reply, Stage::Rcpt)));
        }
        Ok(reply) => seen.add_reply(
            "expn",
            Verdict::Good,
            "EXPN tells nothing",
            (&reply, Stage::Rcpt),
        ),
        Err(failure) => {
            lost(seen, "expn", &failure);
        }
    }
}
