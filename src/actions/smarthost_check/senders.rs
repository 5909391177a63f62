//! H14: whether each sender may send. MAIL, RCPT, RSET; no message.

use super::dialogue::the_session;
use super::ladder::{Fault, Ladder, Mark, Step};
use super::plan::Plan;
use super::remedy;
use crate::mail::reply::{Class, Stage};
use crate::probes::smtp::{Failure, Reply, Session};
use crate::record::Severity;

/// Asks about all senders, one after the other.
pub(super) async fn ask(ladder: &mut Ladder, plan: &Plan, session: &mut Session) {
    if ladder.blocked_at().is_some() {
        return;
    }
    if plan.senders.is_empty() {
        let detail = "no senders in the site file (smarthost.senders)";
        return ladder.add("H14", Step::new(Mark::NotApplicable, detail));
    }
    for sender in &plan.senders {
        let subject = format!("{sender} via {}", plan.host);
        match about(session, sender, plan.recipient.as_deref()).await {
            Ok(heard) => judge(ladder, plan, sender, subject, heard),
            Err(failure) => {
                let detail = format!("the session was lost: {failure}");
                ladder.add("H14", Step::new(Mark::Unknown, detail).about(subject));
            }
        }
    }
}

/// What was answered: the reply that decides, and to what.
pub(super) struct Heard {
    pub(super) reply: Reply,
    pub(super) stage: Stage,
}

/// One envelope, taken back: MAIL, RCPT where a recipient is known, RSET.
pub(super) async fn about(
    session: &mut Session,
    sender: &str,
    recipient: Option<&str>,
) -> Result<Heard, Failure> {
    let mail = session.mail(sender, "").await?;
    let Some(recipient) = recipient.filter(|_| mail.is_positive()) else {
        take_back(session).await;
        return Ok(Heard {
            reply: mail,
            stage: Stage::Mail,
        });
    };
    let reply = session.rcpt(recipient).await?;
    take_back(session).await;
    Ok(Heard {
        reply,
        stage: Stage::Rcpt,
    })
}

/// A server that hangs up after its refusal (421) has said what counts; the next question meets a closed session, and says so.
async fn take_back(session: &mut Session) {
    let _ = session.rset().await;
}

fn judge(ladder: &mut Ladder, plan: &Plan, sender: &str, subject: String, heard: Heard) {
    let Heard { reply, stage } = heard;
    let step = |mark, detail: String| {
        Step::new(mark, detail)
            .reply(&reply, stage)
            .about(subject.clone())
    };
    if reply.is_positive() {
        let step = match (&plan.recipient, stage) {
            (Some(recipient), Stage::Rcpt) => {
                step(Mark::Good, format!("accepted, to {recipient} too"))
            }
            // Many smarthosts check the sender only when the recipient is named.
            _ => step(
                Mark::Unknown,
                "accepted by MAIL; give a recipient outside the site (probe.recipient) to be sure"
                    .to_owned(),
            ),
        };
        return ladder.add("H14", step);
    }
    if reply.is_temporary() {
        return ladder.add(
            "H14",
            step(Mark::Unknown, "deferred; ask again later".to_owned()),
        );
    }
    let classified = ladder.classify(&reply, stage);
    if stage == Stage::Rcpt && matches!(classified.class, Class::RcptUnknown | Class::RcptFull) {
        let detail =
            "the test recipient was refused, which says nothing about the sender".to_owned();
        return ladder.add("H14", step(Mark::Unknown, detail));
    }
    let fault = Fault {
        code: "smarthost-sender",
        severity: Severity::Critical,
        summary: format!("{} does not take mail from {sender}: {reply}.", plan.host),
        remedy: remedy::of_class(&classified, remedy::SENDER),
    };
    ladder.fault(
        "H14",
        step(Mark::Failed, "refused".to_owned()),
        fault,
        the_session(),
    );
}
