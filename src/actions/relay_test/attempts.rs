//! The attempts at one endpoint: planned by connection, asked, and asked again where the server said "later".

use std::collections::VecDeque;

use super::asking::{self, Asked, Call, Door, Pace, Trouble};
use super::screening::Screening;
use crate::actions::Context;
use crate::mail::relay::answer::Answer;
use crate::mail::relay::catalogue::{CONTROLS, VARIANTS};
use crate::mail::relay::names::Names;
use crate::mail::relay::probe::{self, LeftOut, Probe};
use crate::mail::relay::session::{self, Course, Limits, Session as Planned, Stop};
use crate::mail::relay::variant::Greeting;

/// Controls first, then all variants that these names allow.
pub(super) fn plan(
    names: &Names,
    only_helo: bool,
    limits: &Limits,
    screening: &mut Screening,
) -> Vec<Planned> {
    let mut probes: Vec<Probe> = Vec::new();
    for variant in CONTROLS.iter().chain(VARIANTS) {
        let (written, left_out) = probe::write_out(variant, names);
        probes.extend(written);
        screening.left_out.extend(left_out);
    }
    if only_helo {
        probes
            .iter_mut()
            .for_each(|probe| probe.greeting = Greeting::Helo);
    }
    let (sessions, beyond) = session::plan(probes, limits);
    let reason = format!(
        "beyond the limit of {} attempts at one endpoint",
        limits.total
    );
    let beyond = beyond.iter().map(|probe| LeftOut {
        variant: probe.variant,
        reason: reason.clone(),
    });
    screening.left_out.extend(beyond);
    sessions
}

/// What has no lasting answer yet is taken out, to be asked once more: the same lines, controls first. Where the last call had
/// no time for all, only what it has not sent.
pub(super) fn put_off(limits: &Limits, screening: &mut Screening) -> Vec<Planned> {
    let unsent_alone = std::mem::take(&mut screening.cut_short);
    let is_open = |asked: &Asked| match unsent_alone {
        true => asked.said.is_empty(),
        false => asked.answer != Answer::Accepted && !asked.answer.is_refusal(),
    };
    let (open, settled) = std::mem::take(&mut screening.asked)
        .into_iter()
        .partition(is_open);
    screening.asked = settled;
    let open: Vec<Asked> = open;
    let probes = open.into_iter().map(|asked| asked.probe).collect();
    // Within the limit of the first round: nothing is left over.
    session::plan(probes, limits).0
}

/// Asks session by session, and reconnects when the server hangs up.
pub(super) async fn ask_all(
    context: &Context<'_>,
    door: &Door<'_>,
    sessions: Vec<Planned>,
    call: &Call,
    screening: &mut Screening,
) {
    let total: usize = sessions.iter().map(|s| s.probes.len()).sum();
    context.progress.note(&format!(
        "relay test of {}: {total} attempts",
        screening.place()
    ));
    let settled = screening.asked.len();
    let mut pace = Pace::new(call.limits.pause);
    let mut course = Course::default();
    for planned in sessions {
        let mut queue = VecDeque::from(planned.probes);
        let mut again = None;
        while !queue.is_empty() && course.stop().is_none() && !call.is_over() {
            let mut session = door.session();
            let opened = door
                .open(&mut session, planned.greeting, Some(&planned.helo))
                .await;
            course = match opened {
                Ok(_) => course.connected(true, None),
                // This name is refused here: an answer for the probes that need it.
                Err(Trouble::Helo(reply)) => {
                    let refused = queue.drain(..);
                    screening
                        .asked
                        .extend(refused.map(|probe| Asked::refused_greeting(probe, &reply)));
                    course.connected(true, None)
                }
                Err(trouble) => {
                    session.quit().await;
                    course.connected(false, trouble.reply())
                }
            };
            while session.is_open() && course.stop().is_none() && !call.is_over() {
                let Some(probe) = queue.pop_front() else {
                    break;
                };
                let asked = asking::ask(&mut session, &probe, &mut pace).await;
                // A hang-up in the middle is often the server's error limit: the probe gets one more try.
                let cut_off = !session.is_open() && asked.answer == Answer::NoAnswer;
                if cut_off && again.as_ref() != Some(&probe) {
                    again = Some(probe.clone());
                    queue.push_front(probe);
                    break;
                }
                course = course.answered(probe.kind, asked.answer);
                screening.asked.push(asked);
                context
                    .progress
                    .count(count(screening.asked.len() - settled), count(total));
                if session.is_open() && !session.rset().await.is_ok_and(|reply| reply.is_positive())
                {
                    session.quit().await;
                }
            }
            session.quit().await;
            screening
                .transcript
                .push_str(&session.into_transcript().to_string());
        }
        screening.cut_short |= !queue.is_empty() && course.stop().is_none();
        leave(queue, course.stop(), screening);
    }
    screening.stop = course.stop();
}

/// What was not sent: an answered question when the server wants a login first, else an open one.
fn leave(queue: VecDeque<Probe>, stop: Option<Stop>, screening: &mut Screening) {
    for probe in queue {
        match stop {
            Some(stop @ Stop::AuthWanted) => screening.left_out.push(LeftOut {
                variant: probe.variant,
                reason: stop.reason().to_owned(),
            }),
            _ => screening.asked.push(Asked::unsent(probe)),
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
