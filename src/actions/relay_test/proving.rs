//! Prove mode: marked messages for the attempts that were accepted, and their way back.
//!
//! Only after an approval that stands in the run. What is to be sent is noted, and so written down and synced, before the call
//! that sends it. A round has at most eight messages an endpoint; the next round begins only when the first has come back or
//! was refused. The mailbox is looked into before anything is sent, so a message of an earlier try is not sent twice.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::asking::Call;
use super::ground::Ground;
use super::inquiry::Inquiry;
use super::sending;
use super::trial::{self, Fate, Trial};
use crate::actions::controlled_mailbox::ControlledMailbox;
use crate::actions::{ActionError, Context, Reconciled};
use crate::mail::relay::trial::{A_ROUND, may_go_on, worth_a_message};

const WAIT: Duration = Duration::from_secs(15 * 60);
const EVERY: Duration = Duration::from_secs(30);
const EVERY_IN_A_LABORATORY: Duration = Duration::from_secs(1);

/// When to go on, and what is waited for.
pub(super) struct Pause {
    pub(super) reason: String,
    pub(super) wake: Timestamp,
    pub(super) deadline: Timestamp,
}

/// Why a look at the mailbox brought nothing.
struct Blind {
    trouble: String,
    /// The account was refused: it would be the next time too.
    login_refused: bool,
}

/// The means to find messages again; refuses without an approval, or without a mailbox that can be read.
pub(super) async fn prepare(context: &Context<'_>) -> Result<ControlledMailbox, ActionError> {
    if context.facts.approval(context.step.key).is_none() {
        return Err(ActionError::new(
            "mode 'prove' sends real messages, and no person has approved that in this run: put a step with action 'approval' \
             before this one and name it in 'needs'",
        )
        .nothing_sent());
    }
    ControlledMailbox::of(context).await
}

/// Before the first question: what cannot be found again must not be sent.
pub(super) async fn try_mailbox(
    context: &Context<'_>,
    mailbox: &ControlledMailbox,
) -> Result<(), ActionError> {
    let key = context.step.idempotency_key;
    mailbox.look(key).await.map(|_| ()).map_err(|failure| {
        ActionError::because(
            "cannot read the mailbox that the messages would be looked for in (probe.imap)",
            failure,
        )
        .nothing_sent()
    })
}

/// One turn: look, send what is planned, plan what is next. None when all that can be proved is.
pub(super) async fn turn(
    context: &Context<'_>,
    mailbox: &ControlledMailbox,
    inquiry: &mut Inquiry,
    call: &Call,
) -> Result<Option<Pause>, ActionError> {
    let mut blind: Option<Blind> = None;
    if inquiry.trials().next().is_some() {
        blind = look(context, mailbox, inquiry).await;
        if blind.is_none() {
            let ground = Ground::of(context);
            for screening in &mut inquiry.screenings {
                sending::send_planned(context, &ground, screening, call).await;
            }
        }
    }
    let now = context.now();
    if let Some(deadline) = inquiry.round_until {
        let out = inquiry.trials().filter(|trial| !trial.is_settled()).count();
        let locked_out = blind.as_ref().is_some_and(|blind| blind.login_refused);
        if out > 0 && now < deadline && !locked_out {
            let mut pause = wait_on(context, deadline, out, blind)?;
            if call.is_over() {
                // There was no time to send all.
                pause.wake = now;
            }
            return Ok(Some(pause));
        }
        give_up(inquiry, blind);
        if locked_out {
            return Ok(None);
        }
    }
    let pause = plan_round(context, inquiry)?;
    if pause.is_none() {
        note_what_is_not_provable(inquiry);
    }
    Ok(pause)
}

/// A17 differs from A01 by a first recipient who exists at the site, and a message for it would reach him: a person who reads mail
/// there has agreed to nothing. Where no other form has told, the suspicion stands, and why it was not proved.
fn note_what_is_not_provable(inquiry: &mut Inquiry) {
    for screening in &inquiry.screenings {
        let told = screening.trials().any(Trial::has_arrived);
        let observed = screening.observed();
        let left: Vec<&str> = worth_a_message(&observed)
            .into_iter()
            .map(|at| &screening.asked[at])
            .filter(|asked| asked.trial.is_none() && !asked.probe.goes_to_strangers_alone())
            .map(|asked| asked.probe.variant)
            .collect();
        let note = format!(
            "{}: no message was sent for {}: it would reach a mailbox of the site too. It stays suspected; close it as if it were open",
            screening.place(),
            left.join(", ")
        );
        if !told && !left.is_empty() && !inquiry.notes.contains(&note) {
            inquiry.notes.push(note);
        }
    }
}

/// What a look at the mailbox tells about an attempt that a process left without an end.
pub(super) async fn reconcile(
    context: &Context<'_>,
    mut inquiry: Inquiry,
) -> Result<Reconciled, ActionError> {
    let mailbox = ControlledMailbox::of(context).await?;
    if let Some(blind) = look(context, &mailbox, &mut inquiry).await {
        return Ok(Reconciled::CannotTell(format!(
            "the mailbox could not be read: {}",
            blind.trouble
        )));
    }
    let planned = inquiry.trials().filter(|trial| trial.fate == Fate::Planned);
    let missing: Vec<&str> = planned
        .filter(|trial| trial.found.is_none())
        .map(|trial| trial.mark.as_str())
        .collect();
    if missing.is_empty() {
        // What was found is not sent again.
        return Ok(Reconciled::NotDone);
    }
    Ok(Reconciled::CannotTell(format!(
        "{} marked messages may have been sent and have not come back: {}; look for these marks in the server's log and in the \
         mailbox, then have the step done again (what has come back by then is not sent a second time)",
        missing.len(),
        missing.join(", ")
    )))
}

/// Looks for the marks of every endpoint; why not, when the mailbox cannot be read.
async fn look(
    context: &Context<'_>,
    mailbox: &ControlledMailbox,
    inquiry: &mut Inquiry,
) -> Option<Blind> {
    for screening in &mut inquiry.screenings {
        let open = |trial: &&Trial| !trial.has_arrived();
        if screening.trials().filter(open).count() == 0 {
            continue;
        }
        let seen = match mailbox.look(&screening.nonce).await {
            Ok(seen) => seen,
            Err(failure) => {
                return Some(Blind {
                    login_refused: failure.is_login(),
                    trouble: failure.to_string(),
                });
            }
        };
        let marks: Vec<String> = screening.trials().map(|t| t.mark.clone()).collect();
        let found: Vec<_> = marks
            .iter()
            .map(|mark| trial::find(context, screening, mark, &seen))
            .collect();
        for (trial, found) in screening.trials_mut().zip(found) {
            trial.found = found.or(trial.found.take());
        }
    }
    None
}

/// The next look: at first often, then less often.
fn wait_on(
    context: &Context<'_>,
    deadline: Timestamp,
    out: usize,
    blind: Option<Blind>,
) -> Result<Pause, ActionError> {
    let now = context.now();
    let begun = deadline
        .checked_sub(context.args.duration("wait")?.unwrap_or(WAIT))
        .unwrap_or(now);
    let waited = Duration::try_from(now.duration_since(begun)).unwrap_or_default();
    let usual = match context.site.laboratory {
        true => EVERY_IN_A_LABORATORY,
        false => EVERY,
    };
    let every = context.args.duration("every")?.unwrap_or(usual);
    let wake = context.later(every.max(waited / 4))?.min(deadline);
    let reason = match blind {
        Some(Blind { trouble, .. }) => {
            format!("the mailbox could not be read ({trouble}); next look at {wake}")
        }
        None => format!("{out} marked messages are on their way; next look at {wake}"),
    };
    Ok(Pause {
        reason,
        wake,
        deadline,
    })
}

/// The time is over. Without a look at the mailbox nothing counts as lost.
fn give_up(inquiry: &mut Inquiry, blind: Option<Blind>) {
    let lost = blind.is_none();
    for trial in inquiry.trials_mut().filter(|trial| !trial.is_settled()) {
        match trial.fate {
            Fate::Planned => {
                trial.fate = Fate::NotSent(if lost {
                    "put off to the end of the wait".to_owned()
                } else {
                    "the mailbox could not be read".to_owned()
                });
            }
            _ if lost => trial.fate = Fate::Lost,
            _ => {}
        }
    }
    if let Some(Blind {
        trouble,
        login_refused,
    }) = blind
    {
        let until = match login_refused {
            true => "and a refused login is not tried again, lest the account lock",
            false => "to the end of the wait",
        };
        inquiry.notes.push(format!(
            "the mailbox (probe.imap) could not be read {until}, so what became of the messages is not known: {trouble}"
        ));
    }
    inquiry.round_until = None;
}

/// Notes which messages are sent next, and has the step called again at once: by then the note is on disk.
fn plan_round(context: &Context<'_>, inquiry: &mut Inquiry) -> Result<Option<Pause>, ActionError> {
    let mut planned = 0;
    // One channel of a port at a time; the other only when the first has not proved it.
    let mut settled: Vec<SocketAddr> = inquiry
        .screenings
        .iter()
        .filter(|screening| screening.trials().any(Trial::has_arrived))
        .map(|screening| screening.target.address)
        .collect();
    for screening in &mut inquiry.screenings {
        let observed = screening.observed();
        let address = screening.target.address;
        if !screening.vantage.allows_verdict()
            || !may_go_on(&observed)
            || settled.contains(&address)
        {
            continue;
        }
        let tried: Vec<&str> = screening
            .asked
            .iter()
            .filter(|asked| asked.trial.is_some())
            .map(|asked| asked.probe.variant)
            .collect();
        let next: Vec<usize> = worth_a_message(&observed)
            .into_iter()
            .filter(|at| {
                let probe = &screening.asked[*at].probe;
                !tried.contains(&probe.variant) && probe.goes_to_strangers_alone()
            })
            .take(A_ROUND)
            .collect();
        if !next.is_empty() {
            settled.push(address);
        }
        planned += next.len();
        for at in next {
            let asked = &mut screening.asked[at];
            let variant = asked.probe.variant.to_ascii_lowercase();
            asked.trial = Some(Trial::planned(format!("{}{variant}", screening.nonce)));
        }
    }
    if planned == 0 {
        return Ok(None);
    }
    let now = context.now();
    let deadline = context.later(context.args.duration("wait")?.unwrap_or(WAIT))?;
    inquiry.round_until = Some(deadline);
    Ok(Some(Pause {
        reason: format!("{planned} marked messages are sent now"),
        wake: now,
        deadline,
    }))
}
