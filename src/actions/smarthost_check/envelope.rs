//! H15 to H17 and H28: what else the envelope may hold. MAIL, RCPT, RSET; no message.

use super::dialogue::the_session;
use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use super::senders::{Heard, about};
use crate::mail::reply::Stage;
use crate::probes::smtp::{Failure, Session};
use crate::record::Severity;

/// Asks one question after the other. A session that breaks ends it; the rest is then told as not reached.
pub(super) async fn ask(ladder: &mut Ladder, plan: &Plan, session: &mut Session) {
    if ladder.blocked_at().is_some() {
        return;
    }
    recipients_per_message(ladder, session);
    let asked = async {
        null_sender(ladder, plan, session).await?;
        size(ladder, plan, session).await?;
        unknown_recipient(ladder, plan, session).await
    };
    if let Err((id, failure)) = asked.await {
        let detail = format!("the session was lost: {failure}");
        ladder.add(id, Step::new(Mark::Unknown, detail));
    }
}

type Asked = Result<(), (&'static str, Failure)>;

/// H15: bounces have no sender. A smarthost that refuses them leaves them in the site's queue for days.
async fn null_sender(ladder: &mut Ladder, plan: &Plan, session: &mut Session) -> Asked {
    let Some(recipient) = plan.recipient.as_deref() else {
        let detail = "no recipient outside the site to ask about (probe.recipient)";
        ladder.add("H15", Step::new(Mark::NotApplicable, detail));
        return Ok(());
    };
    let Heard { reply, stage } = about(session, "", Some(recipient))
        .await
        .map_err(|failure| ("H15", failure))?;
    let step = |mark, detail: &str| Step::new(mark, detail).reply(&reply, stage);
    if reply.is_positive() {
        ladder.add("H15", step(Mark::Good, "bounces (MAIL FROM:<>) are taken"));
    } else if reply.is_temporary() {
        ladder.add("H15", step(Mark::Unknown, "deferred; ask again later"));
    } else {
        let fault = Fault {
            code: "smarthost-null-sender",
            severity: Severity::Minor,
            summary: format!(
                "{} does not take bounces (MAIL FROM:<>): {reply}.",
                plan.host
            ),
            remedy: remedy::NULL_SENDER.to_owned(),
        };
        let step = step(Mark::Warning, "bounces are refused");
        ladder.fault("H15", step, fault, the_session());
    }
    Ok(())
}

/// H16: the largest message (RFC 1870).
async fn size(ladder: &mut Ladder, plan: &Plan, session: &mut Session) -> Asked {
    let told = match session.capabilities().size() {
        None => "no SIZE is offered".to_owned(),
        Some(0) => "SIZE without a limit".to_owned(),
        Some(limit) => format!("at most {limit} octets"),
    };
    let (Some(wanted), Some(sender)) = (plan.size, plan.senders.first()) else {
        let detail = format!("{told}; compare it with the mail server's own limit (argument size)");
        let mark = match session.capabilities().size() {
            None => Mark::NotApplicable,
            Some(_) => Mark::Good,
        };
        ladder.add("H16", Step::new(mark, detail));
        return Ok(());
    };
    let asked = async {
        let reply = session.mail(sender, &format!("SIZE={wanted}")).await?;
        session.rset().await?;
        Ok(reply)
    };
    let reply = asked.await.map_err(|failure| ("H16", failure))?;
    let step = |mark, detail: String| Step::new(mark, detail).reply(&reply, Stage::Mail);
    if reply.is_positive() {
        ladder.add(
            "H16",
            step(Mark::Good, format!("{told}; {wanted} octets are taken")),
        );
    } else if reply.is_temporary() {
        ladder.add("H16", step(Mark::Unknown, format!("{told}; deferred")));
    } else {
        let fault = Fault {
            code: "smarthost-size",
            severity: Severity::Minor,
            summary: format!(
                "{} does not take messages as large as the site's own ({wanted} octets): {reply}.",
                plan.host
            ),
            remedy: remedy::SIZE.to_owned(),
        };
        let step = step(Mark::Warning, told);
        ladder.fault("H16", step, fault, the_session());
    }
    Ok(())
}

/// H17: recipients of one message, where the server says so (RFC 9422).
fn recipients_per_message(ladder: &mut Ladder, session: &Session) {
    let step = match session.capabilities().most_recipients() {
        Some(most) => Step::new(Mark::Good, format!("at most {most} recipients a message")),
        None => Step::new(
            Mark::NotApplicable,
            "the smarthost does not say (no LIMITS): the provider's page does, for an hour and a day too",
        ),
    };
    ladder.add("H17", step);
}

/// H28: whether a mailbox that nobody has is refused at once or bounces later. Either is in order; it tells where bounces come from.
async fn unknown_recipient(ladder: &mut Ladder, plan: &Plan, session: &mut Session) -> Asked {
    let domain = plan.recipient.as_deref().and_then(|to| to.rsplit_once('@'));
    let (Some((_, domain)), Some(sender)) = (domain, plan.senders.first()) else {
        let detail = "no sender and recipient to ask with (smarthost.senders, probe.recipient)";
        ladder.add("H28", Step::new(Mark::NotApplicable, detail));
        return Ok(());
    };
    let invented = format!("mailmedic-{}@{domain}", plan.nonce);
    let Heard { reply, stage } = about(session, sender, Some(&invented))
        .await
        .map_err(|failure| ("H28", failure))?;
    let step = |mark, detail: &str| Step::new(mark, detail).reply(&reply, stage);
    let step = if reply.is_positive() {
        step(
            Mark::Good,
            "a mailbox that nobody has is taken: its bounce comes back to the sender",
        )
    } else if reply.is_permanent() {
        step(Mark::Good, "a mailbox that nobody has is refused at once")
    } else {
        step(Mark::NotApplicable, "deferred; not told")
    };
    ladder.add("H28", step);
    Ok(())
}
