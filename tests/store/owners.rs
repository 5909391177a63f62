//! Whose turn it is to write: owners that come after one another, and what one that died leaves to the next.

use mailmedic::record::{Effect, EventKind, NewEvent, StepStatus, faults};
use mailmedic::store::StoreError;

use super::{created, new, skipped, with_each_place};

/// What an owner writes first.
fn owner(pid: u32) -> NewEvent {
    new(EventKind::ExecutorStarted {
        pid,
        host: "here".to_owned(),
        tool: "0".to_owned(),
        torn: 0,
    })
}

fn started(step: &str) -> NewEvent {
    new(EventKind::StepStarted {
        step: step.to_owned(),
        attempt: 1,
        effect: Effect::External,
        input: String::new(),
        idempotency_key: String::new(),
    })
}

/// An owner whose lock was lost cannot write what it thought up before it heard of the next one: not the first time, not the
/// second, and not a part of it.
#[test]
fn an_owner_that_was_replaced_cannot_write() {
    with_each_place(|kind, place| {
        let (one, two) = (place(), place());
        let mut first = one.create(created("r1", "acme", "book")).expect(kind);
        first.append(1, &[owner(1), started("a")]).expect(kind);

        let hold = two.hold("r1").expect(kind);
        let mut second = two.open("r1").expect(kind);
        let state = second.replay().expect(kind);
        assert_eq!((state.seq, state.executors), (3, 1), "{kind}");
        second.append(3, &[owner(2)]).expect(kind);

        for _ in 0..2 {
            let late = first.append(3, &[skipped("a"), skipped("b")]);
            assert!(
                matches!(late, Err(StoreError::Grown(4))),
                "{kind}: {late:?}"
            );
        }
        assert_eq!(one.read("r1").expect(kind).events.len(), 4, "{kind}");
        // It hears who is the owner now.
        let heard = first.catch_up().expect(kind);
        assert!(
            matches!(heard[..], [ref event] if matches!(event.event, EventKind::ExecutorStarted { pid: 2, .. })),
            "{kind}: {heard:?}"
        );
        second.append(4, &[skipped("b")]).expect(kind);
        assert_eq!(one.state("r1").expect(kind).executors, 2, "{kind}");
        drop(hold);
        assert!(one.hold("r1").is_ok(), "{kind}: nobody holds it any more");
    });
}

/// Only one of many that take a run up at the same time gets it.
#[test]
fn one_of_many_becomes_the_owner() {
    with_each_place(|kind, place| {
        let store = place();
        store.create(created("r1", "acme", "book")).expect(kind);
        let barrier = std::sync::Barrier::new(6);
        let stores: Vec<_> = (0..6).map(|_| place()).collect();
        let owners: usize = std::thread::scope(|scope| {
            let tries: Vec<_> = stores
                .iter()
                .map(|store| {
                    scope.spawn(|| {
                        barrier.wait();
                        let hold = store.hold("r1");
                        barrier.wait();
                        usize::from(hold.is_ok())
                    })
                })
                .collect();
            tries.into_iter().map(|one| one.join().expect(kind)).sum()
        });
        assert_eq!(owners, 1, "{kind}");
    });
}

/// A process that dies between two events: what was acknowledged is there for the next, and its lock is free.
#[test]
fn what_was_acknowledged_before_a_crash_is_there_after_it() {
    with_each_place(|kind, place| {
        let lines = {
            let store = place();
            let _hold = store.hold("r1").expect(kind);
            let mut journal = store.create(created("r1", "acme", "book")).expect(kind);
            journal.append(1, &[owner(1), started("a")]).expect(kind);
            let artifact = store.put_artifact("a", "text/plain", b"kept").expect(kind);
            assert_eq!(artifact.bytes, 4, "{kind}");
            store.read("r1").expect(kind).lines
        };
        let store = place();
        let _hold = store.hold("r1").expect(kind);
        let mut journal = store.open("r1").expect(kind);
        let state = journal.replay().expect(kind);
        assert_eq!(journal.torn(), 0, "{kind}");
        let step = state.step("a").expect(kind);
        assert_eq!(step.status, StepStatus::Running, "{kind}: nobody knows yet");
        assert_eq!(store.read("r1").expect(kind).lines, lines, "{kind}");
        journal
            .append(state.seq, &[owner(2), skipped("b")])
            .expect(kind);
        let recorded = store.read("r1").expect(kind);
        let faults = faults(recorded.lines.iter().map(Vec::as_slice));
        assert!(faults.is_empty(), "{kind}: {faults:?}");
        let again = store.create(created("r1", "other", "book"));
        assert!(matches!(again, Err(StoreError::Exists(_))), "{kind}");
        let second = store.create(created("r2", "acme", "book"));
        assert!(
            matches!(second, Err(StoreError::StillOpen { .. })),
            "{kind}"
        );
    });
}

/// A run that is longer than what is read at a time, replayed in every way.
#[test]
fn a_long_run_is_the_same_however_it_is_read() {
    with_each_place(|kind, place| {
        let store = place();
        let mut journal = store.create(created("r1", "acme", "book")).expect(kind);
        let mut seq = 1;
        for batch in 0..6 {
            let events: Vec<NewEvent> = (0..400)
                .map(|number| {
                    new(EventKind::ReportWritten {
                        path: format!("{batch}/{number}/{}", "x".repeat(1_000)),
                        digest: String::new(),
                        template: String::new(),
                        format: "md".to_owned(),
                    })
                })
                .collect();
            seq += journal.append(seq, &events).expect(kind).len() as u64;
        }
        let recorded = store.read("r1").expect(kind);
        assert_eq!(recorded.events.len() as u64, seq, "{kind}");
        let folded = recorded.state("r1").expect(kind);
        assert_eq!(folded.seq, seq, "{kind}");
        assert_eq!(store.state("r1").expect(kind), folded, "{kind}");
        let other = place();
        let mut reopened = other.open("r1").expect(kind);
        assert_eq!(reopened.replay().expect(kind), folded, "{kind}");
        assert!(reopened.catch_up().expect(kind).is_empty(), "{kind}");
        let listed = other.summaries().expect(kind).0;
        assert_eq!(listed.len(), 1, "{kind}");
    });
}
