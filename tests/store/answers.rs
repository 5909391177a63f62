//! Answers that people give while somebody works on a run, or nobody does.

use mailmedic::engine::{Answer, DecisionError, cancel, decide};
use mailmedic::record::{Decision, Effect, EventKind, RunConclusion, StepStatus, WaitKind};
use mailmedic::store::{Store, StoreError};
use serde_json::Map;

use super::{created, moment, new, skipped, with_each_place};

/// A run whose step `a` waits for a yes or no.
fn asking(store: &dyn Store) {
    let mut journal = store
        .create(created("r1", "acme", "book"))
        .expect("created");
    let started = new(EventKind::StepStarted {
        step: "a".to_owned(),
        attempt: 1,
        effect: Effect::Probe,
        input: String::new(),
        idempotency_key: String::new(),
    });
    let waits = new(EventKind::Waiting {
        step: "a".to_owned(),
        attempt: 1,
        kind: WaitKind::Approval {
            prompt: "May it?".to_owned(),
            approvers: Vec::new(),
            self_approval: true,
        },
        reason: "for a person".to_owned(),
        wake: None,
        deadline: None,
        memo: serde_json::Value::Null,
    });
    journal.append(1, &[started, waits]).expect("appended");
}

fn says(by: &str, decision: Decision) -> Answer {
    Answer {
        step: "a".to_owned(),
        decision,
        by: by.to_owned(),
        at: moment(),
        note: Some("well".to_owned()),
        evidence: Vec::new(),
        values: Map::new(),
        id: None,
    }
}

#[test]
fn an_answer_is_heard_by_the_owner_before_it_writes_again() {
    with_each_place(|kind, place| {
        let store = place();
        asking(&*store);
        let _hold = store.hold("r1").expect(kind);
        let mut owner = store.open("r1").expect(kind);
        assert_eq!(owner.catch_up().expect(kind).len(), 3, "{kind}");

        let elsewhere = place();
        let taken = decide(&*elsewhere, "r1", &says("me", Decision::Approve)).expect(kind);
        assert!(taken.new && taken.torn == 0, "{kind}");
        let again = decide(&*elsewhere, "r1", &says("me", Decision::Approve)).expect(kind);
        assert!(!again.new, "{kind}: it is there already");

        let early = owner.append(3, &[skipped("b")]);
        assert!(
            matches!(early, Err(StoreError::Grown(4))),
            "{kind}: {early:?}"
        );
        let heard = owner.catch_up().expect(kind);
        assert!(
            matches!(&heard[..], [event] if matches!(&event.event, EventKind::Decided { by, .. } if by == "me")),
            "{kind}: {heard:?}"
        );
        owner.append(4, &[skipped("b")]).expect(kind);
        let state = elsewhere.state("r1").expect(kind);
        assert!(state.step("a").expect(kind).is_settled(), "{kind}");
    });
}

/// Many answer at once, not all the same: one answer stands, and everybody is told the truth.
#[test]
fn of_answers_at_the_same_time_one_stands() {
    with_each_place(|kind, place| {
        asking(&*place());
        let people = 8;
        let barrier = std::sync::Barrier::new(people);
        let stores: Vec<_> = (0..people).map(|_| place()).collect();
        let told: Vec<_> = std::thread::scope(|scope| {
            let answers: Vec<_> = stores
                .iter()
                .enumerate()
                .map(|(place, store)| {
                    let decision = match place % 2 {
                        0 => Decision::Approve,
                        _ => Decision::Reject,
                    };
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        decide(&**store, "r1", &says(&place.to_string(), decision))
                    })
                })
                .collect();
            answers
                .into_iter()
                .map(|one| one.join().expect(kind))
                .collect()
        });
        let taken = told
            .iter()
            .filter(|told| matches!(told, Ok(taken) if taken.new));
        assert_eq!(taken.count(), 1, "{kind}: {told:?}");
        let refused = |told: &&Result<_, _>| matches!(told, Err(DecisionError::Conflict { .. }));
        assert_eq!(
            told.iter().filter(refused).count(),
            people - 1,
            "{kind}: {told:?}"
        );
        let recorded = place().read("r1").expect(kind);
        let decided = recorded
            .events
            .iter()
            .filter(|event| matches!(event.event, EventKind::Decided { .. }));
        assert_eq!(decided.count(), 1, "{kind}");
    });
}

#[test]
fn a_run_that_is_called_off_is_ended_by_its_owner_or_at_once() {
    with_each_place(|kind, place| {
        let store = place();
        asking(&*store);
        let hold = store.hold("r1").expect(kind);
        let elsewhere = place();
        assert!(
            cancel(&*elsewhere, "r1", "me", None, moment())
                .expect(kind)
                .new,
            "{kind}"
        );
        let state = store.state("r1").expect(kind);
        assert!(
            state.cancelled.is_some() && state.conclusion.is_none(),
            "{kind}"
        );
        assert!(
            matches!(state.step("a").expect(kind).status, StepStatus::Waiting(_)),
            "{kind}: its owner ends it"
        );
        drop(hold);
        assert!(
            !cancel(&*elsewhere, "r1", "me", None, moment())
                .expect(kind)
                .new,
            "{kind}"
        );
        let ended = store.state("r1").expect(kind).conclusion;
        let conclusion = ended.map(|(conclusion, _)| conclusion);
        assert_eq!(conclusion, Some(RunConclusion::Cancelled), "{kind}");
        let late = decide(&*elsewhere, "r1", &says("me", Decision::Approve));
        assert!(
            matches!(late, Err(DecisionError::Ended { .. })),
            "{kind}: {late:?}"
        );
    });
}
