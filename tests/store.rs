//! One set of tests for every store: what a `Store` promises, whoever implements it.

#[path = "store/answers.rs"]
mod answers;
#[path = "store/owners.rs"]
mod owners;
#[path = "store/shared.rs"]
mod shared;

use std::sync::{Arc, Barrier};

use jiff::Timestamp;
use mailmedic::record::{
    Decision, Effect, EventKind, Mode, NewEvent, PinnedSite, PlannedStep, RunConclusion,
    RunCreated, RunLock, Section, faults,
};
use mailmedic::store::{Embedded, Memory, Store, StoreError};
use serde_json::{Map, json};

fn moment() -> Timestamp {
    "2026-11-24T08:00:00Z".parse().expect("a time")
}

fn new(event: EventKind) -> NewEvent {
    NewEvent {
        at: moment(),
        actor: "test".to_owned(),
        event,
    }
}

fn created(run: &str, site: &str, runbook: &str) -> NewEvent {
    let step = |key: &str| PlannedStep {
        key: key.to_owned(),
        title: key.to_owned(),
        description: None,
        action: "manual".to_owned(),
        check: None,
        effect: Effect::Probe,
        section: Section::Steps,
        needs: Vec::new(),
    };
    new(EventKind::RunCreated(Arc::new(RunCreated {
        run: run.to_owned(),
        runbook: runbook.to_owned(),
        runbook_text: "version: 1".into(),
        runbook_digest: "00".to_owned(),
        runbook_origin: None,
        lock: RunLock::Runbook,
        inputs: Map::new(),
        site: site.to_owned(),
        site_snapshot: PinnedSite::of(&json!({"id": site})).expect("a site"),
        tool: "0".to_owned(),
        mode: Mode::Run,
        laboratory: true,
        parent: None,
        inherited: Vec::new(),
        fleet: None,
        report_template: "handover".to_owned(),
        steps: vec![step("a"), step("b")],
    })))
}

fn skipped(step: &str) -> NewEvent {
    new(EventKind::StepSkipped {
        step: step.to_owned(),
        reason: "test".to_owned(),
    })
}

/// A place where runs are kept, as one process after the other opens it.
type Place<'a> = &'a dyn Fn() -> Arc<dyn Store>;

/// Each test gets a fresh place of each kind. A new kind of store is one more line here, and nothing else.
fn with_each_place(test: impl Fn(&str, Place<'_>)) {
    let memory = Memory::default();
    test("memory", &|| Arc::new(memory.clone()));
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    test("embedded", &|| Arc::new(Embedded::new(&state)));
    let fleet = folder.path().join("fleet");
    test("grouped", &|| {
        Arc::new(Embedded::new(&fleet).grouped().expect("a log"))
    });
}

/// Each test gets a fresh store of each kind.
fn with_each_store(test: impl Fn(&str, Arc<dyn Store>)) {
    with_each_place(|kind, place| test(kind, place()));
}

#[test]
fn what_is_appended_is_read_back_in_order_and_the_chain_holds() {
    with_each_store(|kind, store| {
        let mut journal = store.create(created("r1", "acme", "book")).expect(kind);
        let written = journal
            .append(1, &[skipped("a"), skipped("b")])
            .expect(kind);
        assert_eq!(
            written.iter().map(|event| event.seq).collect::<Vec<_>>(),
            [2, 3],
            "{kind}"
        );
        let recorded = store.read("r1").expect(kind);
        assert_eq!(recorded.events.len(), 3, "{kind}");
        assert_eq!(recorded.events[1..], written[..], "{kind}");
        let faults = faults(recorded.lines.iter().map(Vec::as_slice));
        assert!(faults.is_empty(), "{kind}: {faults:?}");
        let state = recorded.state("r1").expect(kind);
        assert!(state.steps.iter().all(|step| step.is_settled()), "{kind}");
    });
}

#[test]
fn an_append_after_the_wrong_event_writes_nothing() {
    with_each_store(|kind, store| {
        let mut one = store.create(created("r1", "acme", "book")).expect(kind);
        let mut two = store.open("r1").expect(kind);
        assert_eq!(two.catch_up().expect(kind).len(), 1, "{kind}");
        two.append(1, &[skipped("a")]).expect(kind);
        let refused = one.append(1, &[skipped("b")]);
        assert!(
            matches!(refused, Err(StoreError::Grown(2))),
            "{kind}: {refused:?}"
        );
        assert_eq!(store.read("r1").expect(kind).events.len(), 2, "{kind}");
        let heard = one.catch_up().expect(kind);
        assert!(
            matches!(&heard[0].event, EventKind::StepSkipped { step, .. } if step == "a"),
            "{kind}"
        );
        one.append(2, &[skipped("b")]).expect(kind);
        assert_eq!(store.read("r1").expect(kind).events.len(), 3, "{kind}");
    });
}

#[test]
fn one_holder_a_run_and_one_open_run_a_pair() {
    with_each_store(|kind, store| {
        let mut journal = store.create(created("r1", "acme", "book")).expect(kind);
        let hold = store.hold("r1").expect(kind);
        assert!(
            matches!(store.hold("r1"), Err(StoreError::Held { .. })),
            "{kind}"
        );
        drop(hold);
        store.hold("r1").expect(kind);

        let second = store.create(created("r2", "acme", "book"));
        assert!(
            matches!(second, Err(StoreError::StillOpen { run, .. }) if run == "r1"),
            "{kind}"
        );
        store.create(created("r3", "acme", "other")).expect(kind);
        store.create(created("r4", "beta", "book")).expect(kind);
        journal
            .append(
                1,
                &[new(EventKind::RunFinished {
                    conclusion: RunConclusion::Healthy,
                })],
            )
            .expect(kind);
        store.create(created("r2", "acme", "book")).expect(kind);
        assert!(
            matches!(
                store.create(created("r3", "zeta", "x")),
                Err(StoreError::Exists(_))
            ),
            "{kind}"
        );
    });
}

/// What the locks of two runs of one site say to each other: (open run, its runbook, new run, its runbook, refused).
const LOCKS: &[(RunLock, &str, RunLock, &str, bool)] = &[
    (RunLock::Runbook, "book", RunLock::Runbook, "book", true),
    (RunLock::Runbook, "book", RunLock::Runbook, "other", false),
    (RunLock::Runbook, "book", RunLock::Site, "other", true),
    (RunLock::Site, "book", RunLock::Runbook, "other", true),
    (RunLock::Site, "book", RunLock::Site, "book", true),
    (RunLock::Nothing, "book", RunLock::Runbook, "book", false),
    (RunLock::Runbook, "book", RunLock::Nothing, "book", false),
    (RunLock::Site, "book", RunLock::Nothing, "book", false),
    (RunLock::Nothing, "book", RunLock::Site, "book", false),
    (RunLock::Nothing, "book", RunLock::Nothing, "book", false),
];

#[test]
fn a_lock_keeps_out_what_it_says() {
    for (open, first, other, second, refused) in LOCKS {
        with_each_store(|kind, store| {
            let case = format!("{kind}: {open:?} {first}, then {other:?} {second}");
            store.create(locked("r1", first, *open)).expect(&case);
            match store.create(locked("r2", second, *other)) {
                Err(StoreError::StillOpen { run, runbook, .. }) => {
                    assert!(*refused && run == "r1" && runbook == *first, "{case}");
                }
                Err(other) => panic!("{case}: {other}"),
                Ok(_) => assert!(!refused, "{case}"),
            }
            store
                .create(created("r3", "beta", second))
                .expect("another site");
            store
                .open("r1")
                .and_then(|mut journal| {
                    journal.catch_up()?;
                    journal.append(
                        1,
                        &[new(EventKind::RunFinished {
                            conclusion: RunConclusion::Healthy,
                        })],
                    )
                })
                .expect(&case);
            if *refused {
                store.create(locked("r2", second, *other)).expect(&case);
            }
        });
    }
}

fn locked(run: &str, runbook: &str, lock: RunLock) -> NewEvent {
    let mut event = created(run, "acme", runbook);
    if let EventKind::RunCreated(created) = &mut event.event {
        Arc::make_mut(created).lock = lock;
    }
    event
}

#[test]
fn a_run_that_is_not_there_is_named() {
    with_each_store(|kind, store| {
        assert!(
            matches!(store.read("none"), Err(StoreError::NoSuchRun(run)) if run == "none"),
            "{kind}"
        );
        assert!(
            matches!(store.open("none").err(), Some(StoreError::NoSuchRun(_))),
            "{kind}"
        );
    });
}

#[test]
fn artifacts_come_back_by_digest() {
    with_each_store(|kind, store| {
        let artifact = store
            .put_artifact("a.txt", "text/plain", b"hello")
            .expect(kind);
        let again = store
            .put_artifact("b.txt", "text/plain", b"hello")
            .expect(kind);
        assert_eq!(artifact.digest, again.digest, "{kind}");
        assert_eq!(
            store.artifact(&artifact.digest).expect(kind),
            b"hello",
            "{kind}"
        );
        assert!(store.artifact("../../etc/passwd").is_err(), "{kind}");
    });
}

#[test]
fn summaries_follow_the_journals() {
    with_each_store(|kind, store| {
        let mut journal = store.create(created("r1", "acme", "book")).expect(kind);
        store.create(created("r2", "beta", "book")).expect(kind);
        for _ in 0..2 {
            let (runs, unreadable) = store.summaries().expect(kind);
            assert_eq!(runs.len(), 2, "{kind}");
            assert!(unreadable.is_empty(), "{kind}");
            assert!(runs.iter().all(|run| !run.is_finished()), "{kind}");
        }
        journal
            .append(
                1,
                &[new(EventKind::RunFinished {
                    conclusion: RunConclusion::FindingsOpen,
                })],
            )
            .expect(kind);
        let (runs, _) = store.summaries().expect(kind);
        let first = runs.iter().find(|run| run.run == "r1").expect(kind);
        assert_eq!(first.status.as_str(), "findings_open", "{kind}");
    });
}

#[test]
fn many_writers_of_one_run_lose_nothing() {
    with_each_store(|kind, store| {
        let steps = 40;
        store.create(created("r1", "acme", "book")).expect(kind);
        let barrier = Arc::new(Barrier::new(4));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (store, barrier) = (store.clone(), barrier.clone());
                std::thread::spawn(move || {
                    let mut journal = store.open("r1").expect("opens");
                    barrier.wait();
                    let mut seq = 0;
                    for number in 0..steps / 4 {
                        loop {
                            seq += journal.catch_up().expect("reads").len() as u64;
                            let event = new(EventKind::ReportWritten {
                                path: format!("{writer}/{number}"),
                                digest: String::new(),
                                template: String::new(),
                                format: "md".to_owned(),
                            });
                            match journal.append(seq, &[event]) {
                                Ok(_) => {
                                    seq += 1;
                                    break;
                                }
                                Err(StoreError::Grown(_)) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect(kind);
        }
        let recorded = store.read("r1").expect(kind);
        assert_eq!(recorded.events.len(), 1 + steps, "{kind}");
        let faults = faults(recorded.lines.iter().map(Vec::as_slice));
        assert!(faults.is_empty(), "{kind}: {faults:?}");
    });
}

fn embedded_with_three_events() -> (tempfile::TempDir, Embedded, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::new(folder.path());
    let mut journal = store
        .create(created("r1", "acme", "book"))
        .expect("created");
    journal.append(1, &[skipped("a")]).expect("appended");
    journal.append(2, &[skipped("b")]).expect("appended");
    let path = folder.path().join("runs/r1.journal");
    (folder, store, path)
}

#[test]
fn a_torn_tail_is_cut_off_and_the_run_goes_on() {
    let (_folder, store, path) = embedded_with_three_events();
    let whole = std::fs::read(&path).expect("read");
    let second = store.read("r1").expect("read").lines[1].len();
    for cut in 1..second {
        std::fs::write(&path, &whole[..whole.len() - cut]).expect("written");
        let recorded = store.read("r1").expect("a torn tail is no error");
        assert_eq!(recorded.events.len(), 2, "cut by {cut}");
        assert!(recorded.torn > 0 || cut == second, "cut by {cut}");
        let mut journal = store.open("r1").expect("opens");
        assert_eq!(journal.catch_up().expect("reads").len(), 2);
        journal.append(2, &[skipped("b")]).expect("goes on");
        assert_eq!(
            store.read("r1").expect("read").events.len(),
            3,
            "cut by {cut}"
        );
    }
}

#[test]
fn a_zeroed_tail_is_a_torn_tail() {
    let (_folder, store, path) = embedded_with_three_events();
    let mut bytes = std::fs::read(&path).expect("read");
    bytes.extend_from_slice(&[0; 5000]);
    std::fs::write(&path, &bytes).expect("written");
    let mut journal = store.open("r1").expect("opens");
    assert_eq!(journal.catch_up().expect("reads").len(), 3);
    assert_eq!(
        std::fs::read(&path).expect("read").len(),
        bytes.len() - 5000
    );
}

#[test]
fn damage_before_the_tail_is_an_error_that_says_where() {
    let (_folder, store, path) = embedded_with_three_events();
    let whole = std::fs::read(&path).expect("read");
    for position in (0..whole.len() * 2 / 3).step_by(7) {
        let mut bytes = whole.clone();
        bytes[position] ^= 4;
        std::fs::write(&path, &bytes).expect("written");
        let error = store
            .read("r1")
            .err()
            .unwrap_or_else(|| panic!("byte {position} altered, not seen"));
        assert!(
            matches!(error, StoreError::Damaged { .. }),
            "byte {position}: {error}"
        );
        assert_eq!(
            std::fs::read(&path).expect("read"),
            bytes,
            "reading changes nothing"
        );
    }
}

#[test]
fn an_index_that_is_damaged_or_gone_is_made_anew() {
    let (folder, store, _path) = embedded_with_three_events();
    assert_eq!(store.summaries().expect("lists").0.len(), 1);
    let index = folder.path().join("index");
    for entry in std::fs::read_dir(&index).expect("index") {
        let path = entry.expect("entry").path();
        if path.is_file() {
            let mut bytes = std::fs::read(&path).expect("read");
            for byte in bytes.iter_mut().step_by(3) {
                *byte ^= 0x5a;
            }
            std::fs::write(&path, bytes).expect("written");
        }
    }
    assert_eq!(store.summaries().expect("lists in spite of it").0.len(), 1);
    std::fs::remove_dir_all(&index).expect("removed");
    assert_eq!(store.summaries().expect("lists without it").0.len(), 1);
}

#[test]
fn a_read_only_folder_gives_a_sentence_and_no_panic() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("state");
    std::fs::write(&file, "in the way").expect("written");
    let store = Embedded::new(&file);
    let error = store
        .create(created("r1", "acme", "book"))
        .err()
        .expect("refused");
    assert!(error.to_string().contains("state"), "{error}");
}

#[test]
fn decisions_are_events_like_others() {
    with_each_store(|kind, store| {
        let mut journal = store.create(created("r1", "acme", "book")).expect(kind);
        let skip = new(EventKind::Decided {
            step: "a".to_owned(),
            decision: Decision::Skip,
            by: "me".to_owned(),
            note: Some("not needed".to_owned()),
            evidence: Vec::new(),
            values: Map::new(),
            id: None,
        });
        journal.append(1, &[skip]).expect(kind);
        let state = store.read("r1").expect(kind).state("r1").expect(kind);
        assert_eq!(
            state.step("a").expect(kind).status_word(),
            "skipped",
            "{kind}"
        );
    });
}
