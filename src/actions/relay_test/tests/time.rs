//! How long a test takes: slow servers, the limit of a call, and the pause between recipients.

use std::time::Duration;

use serde_json::json;

use super::MX;
use super::rig::{DOMAIN, Rig, USER};
use crate::actions::relay_test::asking::{Call, Pace};
use crate::actions::relay_test::ground::Ground;
use crate::actions::relay_test::screening::{self, Channel};
use crate::actions::relay_test::{Inquiry, Limits, Verdict, report, target};
use crate::mail::relay::answer::Answer;
use crate::practice::smtp::{Personality, Tarpit, Trust};

#[tokio::test]
async fn a_tarpit_is_asked_to_the_end_in_several_calls() {
    let slow = Personality {
        trust: vec![Trust::Helo(vec![DOMAIN.to_owned()])],
        tarpit: Tarpit {
            rcpt: Duration::from_millis(5),
            ..Tarpit::default()
        },
        ..Personality::postfix(MX, &[DOMAIN], &[USER])
    };
    let rig = Rig::new(slow).await;
    let verdict = rig.with(json!({}), None, async |context| {
        let limits = Limits {
            a_call: Duration::from_millis(60),
            ..Limits::LABORATORY
        };
        let target = target::targets(context).await.unwrap().found.remove(0);
        let (ground, clear) = (Ground::of(context), Channel::Clear);
        let call = || Call::begin(limits);
        let mut screening = screening::screen(context, &target, clear, &ground, &call()).await;
        let (mut calls, all) = (1, screening.asked.len());
        while screening.cut_short {
            let sent = screening
                .asked
                .iter()
                .filter(|a| a.answer != Answer::NoAnswer)
                .count();
            assert!(sent < all, "something is left to ask");
            screening::ask_again(context, &mut screening, &call()).await;
            assert_eq!(screening.asked.len(), all, "nothing is lost");
            calls += 1;
            assert!(calls < 200, "each call goes on");
        }
        assert!(calls > 2, "{calls}");
        (screening.judgement.verdict, screening.judgement.by)
    });
    assert_eq!(verdict.await, (Verdict::Suspected, vec!["A20"]));
}

#[tokio::test]
async fn all_endpoints_share_the_time_of_one_call() {
    let rig = Rig::new(Personality::postfix(MX, &[DOMAIN], &[USER])).await;
    let call = |a_call| {
        Call::begin(Limits {
            a_call,
            ..Limits::LABORATORY
        })
    };
    rig.with(json!({}), None, async |context| {
        let mut targets = target::targets(context).await.unwrap();
        targets.found.push(targets.found[0].clone());
        let ground = Ground::of(context);
        let mut inquiry = Inquiry::begin(targets, Vec::new());
        inquiry
            .screen(context, &ground, &call(Duration::ZERO))
            .await;
        assert_eq!((inquiry.ahead.len(), rig.server().connections()), (2, 0));
        let so_far = report(context, &inquiry).unwrap();
        assert_eq!(so_far.outputs["verdict"], "inconclusive", "not closed");
        let wait = inquiry.put_off(context, &so_far).unwrap().unwrap();
        assert!(
            wait.reason.contains("2 endpoints are left"),
            "{}",
            wait.reason
        );
        assert!(wait.wake.unwrap() <= context.now(), "at once");

        let minute = Duration::from_secs(60);
        inquiry.screen(context, &ground, &call(minute)).await;
        assert_eq!((inquiry.ahead.len(), inquiry.screenings.len()), (0, 2));
        let whole = report(context, &inquiry).unwrap();
        assert_eq!(whole.outputs["verdict"], "closed");
        assert!(inquiry.put_off(context, &whole).unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn recipients_keep_their_distance() {
    let mut pace = Pace::new(Duration::from_millis(20));
    let start = std::time::Instant::now();
    for _ in 0..4 {
        pace.wait().await;
    }
    assert!(start.elapsed() >= Duration::from_millis(60));
}
