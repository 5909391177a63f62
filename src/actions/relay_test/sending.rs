//! Sending the marked messages of one endpoint: the accepted lines once more, and this time the message after them.

use std::collections::VecDeque;

use super::asking::{self, Asked, Call, Door, Pace, Said};
use super::ground::Ground;
use super::screening::Screening;
use super::trial::{Fate, Trial};
use crate::actions::Context;
use crate::actions::hand_over::{HandedOver, hand_over, operator};
use crate::mail::marked::Marked;
use crate::mail::relay::answer::Answer;
use crate::probes::smtp::{Reply, Session};

/// Sends what is planned and has not been found already, one connection at a time, while the call has time; the rest stays planned.
/// Each message is tried once.
pub(super) async fn send_planned(
    context: &Context<'_>,
    ground: &Ground,
    screening: &mut Screening,
    call: &Call,
) {
    let is_due = |trial: &Trial| trial.fate == Fate::Planned && trial.found.is_none();
    let mut due: VecDeque<usize> = (0..screening.asked.len())
        .filter(|at| screening.asked[*at].trial.as_ref().is_some_and(is_due))
        .collect();
    let mut pace = Pace::new(call.limits.pause);
    while let Some(first) = due.front().copied()
        && !call.is_over()
    {
        context.progress.note(&format!(
            "relay test of {}: {} marked messages",
            screening.place(),
            due.len()
        ));
        let target = screening.target.clone();
        let door = Door {
            smtp: &context.probes.smtp,
            target: &target,
            channel: screening.channel,
        };
        let (greeting, helo) = {
            let probe = &screening.asked[first].probe;
            (probe.greeting, probe.helo.clone())
        };
        let mut session = door.session();
        if let Err(trouble) = door.open(&mut session, greeting, Some(&helo)).await {
            // Turned away now: these messages are not tried again.
            let same = |at: &usize| is_same(&screening.asked[*at], greeting, &helo);
            let (gone, rest): (VecDeque<usize>, VecDeque<usize>) =
                due.iter().partition(|at| same(at));
            for at in gone {
                set(
                    &mut screening.asked[at],
                    Fate::NotSent(trouble.explain()),
                    None,
                );
            }
            due = rest;
        }
        let mut sent = 0;
        while session.is_open() && sent < call.limits.per_connection && !call.is_over() {
            let next = due
                .iter()
                .position(|at| is_same(&screening.asked[*at], greeting, &helo));
            let Some(at) = next.and_then(|place| due.remove(place)) else {
                break;
            };
            send(context, ground, &mut session, &mut pace, screening, at).await;
            sent += 1;
            let goes_on = session.is_open() && session.rset().await.is_ok_and(|r| r.is_positive());
            if !goes_on {
                break;
            }
        }
        session.quit().await;
        screening
            .transcript
            .push_str(&session.into_transcript().to_string());
    }
}

/// One message: the lines of the attempt, then DATA.
async fn send(
    context: &Context<'_>,
    ground: &Ground,
    session: &mut Session,
    pace: &mut Pace,
    screening: &mut Screening,
    at: usize,
) {
    let again = asking::ask(session, &screening.asked[at].probe, pace).await;
    let mut said = again.said;
    let fate = match again.answer {
        Answer::Accepted => {
            let Some(message) = message(context, ground, screening, at) else {
                return;
            };
            let handed = hand_over(session, &message.bytes(context.now())).await;
            said.push(last_word(&handed));
            match handed {
                HandedOver::Taken(_) => Fate::Taken {
                    at: context.now(),
                    certain: true,
                },
                HandedOver::Unknown(_) => Fate::Taken {
                    at: context.now(),
                    certain: false,
                },
                // Greylisting after DATA, or "not now": the same message again, later.
                HandedOver::Refused(reply) if reply.is_temporary() => Fate::Planned,
                HandedOver::Refused(_) => Fate::Refused,
                HandedOver::NotSent(failure) => Fate::NotSent(format!(
                    "the connection broke before the message was complete, so it was not sent: {failure}"
                )),
            }
        }
        Answer::Greylisted { .. } | Answer::Deferred => Fate::Planned,
        _ => Fate::NotSent("the recipient was accepted before, and is not any more".to_owned()),
    };
    set(&mut screening.asked[at], fate, Some(said));
}

fn message(
    context: &Context<'_>,
    ground: &Ground,
    screening: &Screening,
    at: usize,
) -> Option<Marked> {
    let trial = screening.asked[at].trial.as_ref()?;
    let (sender, recipient) = (ground.sender.as_ref()?, ground.recipient.as_ref()?);
    Some(Marked {
        nonce: trial.mark.clone(),
        origin: sender.domain().to_string(),
        from: sender.to_string(),
        to: recipient.to_string(),
        // The endpoint's own mark stands alone too: some mailboxes find whole words only.
        about: format!("relay test of {} {}", context.site.name, screening.nonce),
        operator: operator(context.site),
    })
}

fn is_same(asked: &Asked, greeting: crate::mail::relay::variant::Greeting, helo: &str) -> bool {
    asked.probe.greeting == greeting && asked.probe.helo == helo
}

fn set(asked: &mut Asked, fate: Fate, said: Option<Vec<Said>>) {
    if let Some(trial) = &mut asked.trial {
        trial.fate = fate;
        trial.said = said.unwrap_or_default();
    }
}

fn last_word(handed: &HandedOver) -> Said {
    let reply = |reply: &Reply| Said::reply("DATA, the message, and the final dot", reply);
    match handed {
        HandedOver::Taken(r) | HandedOver::Refused(r) => reply(r),
        HandedOver::NotSent(failure) => Said::nothing("DATA, and no final dot", failure),
        HandedOver::Unknown(failure) => {
            Said::nothing("DATA, the message, and the final dot", failure)
        }
    }
}
