//! Space put aside, records of fleets, and the log that the runs of one process share.

use mailmedic::record::{EventKind, FleetEvent, FleetLimits, FleetPlan, Mode, RunSummary};
use mailmedic::store::{Embedded, Store, StoreError};
use serde_json::Map;

use super::{created, moment, new, skipped, with_each_store};

#[test]
fn what_is_submitted_is_there_in_order_and_durable_when_it_says_so() {
    with_each_store(|kind, store| {
        let (mut journal, begun) = store.begin(created("r1", "acme", "book")).expect(kind);
        let mut first = vec![skipped("a")];
        let one = journal.submit(1, &mut first).expect(kind);
        let two = journal.submit(2, &mut vec![skipped("b")]).expect(kind);
        assert!(first.is_empty(), "{kind}: taken out");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            begun.wait().await.expect(kind);
            one.durable.wait().await.expect(kind);
            two.durable.wait().await.expect(kind);
        });
        let mut refused = vec![skipped("b")];
        assert!(
            matches!(journal.submit(2, &mut refused), Err(StoreError::Grown(3))),
            "{kind}"
        );
        assert_eq!(refused.len(), 1, "{kind}: what is refused stays");
        assert_eq!(store.read("r1").expect(kind).events.len(), 3, "{kind}");
        assert_eq!(store.state("r1").expect(kind).seq, 3, "{kind}");
        let again = store.open("r1").expect(kind).replay().expect(kind);
        assert_eq!(again, store.state("r1").expect(kind), "{kind}");
    });
}

#[test]
fn what_a_fleet_has_left_counts_for_the_journal_that_it_was_made_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::new(folder.path());
    let mut journal = store.create(created("r1", "acme", "book")).expect("a run");
    store.create(created("r2", "acme", "other")).expect("a run");
    let length = journal.length().expect("nothing is put aside yet");
    let told = |run: &str| {
        let state = store.state(run).expect("readable");
        RunSummary {
            check: false,
            runbook: "as the fleet told".to_owned(),
            ..RunSummary::of(&state)
        }
    };
    let listed = || {
        let mut listed = store.summaries().expect("listed").0;
        listed.sort_by(|a, b| a.run.cmp(&b.run));
        let books = listed.into_iter().map(|run| run.runbook);
        books.collect::<Vec<_>>()
    };
    // The second is of another length than its journal.
    store.leave("fleet", &[(length, told("r1")), (1, told("r2"))]);
    assert_eq!(listed(), ["as the fleet told", "other"]);
    let left = std::fs::read_dir(folder.path().join("known")).expect("a folder");
    assert_eq!(left.count(), 0, "the index has it now");
    assert_eq!(listed(), ["as the fleet told", "other"]);
    journal.append(1, &[skipped("a")]).expect("appended");
    assert_eq!(listed(), ["book", "other"], "the journal goes first");
    std::fs::write(folder.path().join("known/fleet"), "0000 no line").expect("written");
    assert_eq!(listed(), ["book", "other"]);
}

fn planned(fleet: &str) -> FleetPlan {
    FleetPlan {
        fleet: fleet.to_owned(),
        at: moment(),
        by: "test".to_owned(),
        runbook: "book".to_owned(),
        runbook_text: "version: 1".into(),
        runbook_digest: "00".to_owned(),
        inputs: Map::new(),
        tool: "0".to_owned(),
        mode: Mode::Run,
        limits: FleetLimits {
            max_concurrent: 1,
            max_failures: 0,
            canary: 0,
        },
        sites: Vec::new(),
    }
}

#[test]
fn a_fleet_run_is_read_back_as_it_was_noted() {
    with_each_store(|kind, store| {
        assert!(store.fleets().expect(kind).is_empty(), "{kind}");
        store.create_fleet(planned("f1")).expect(kind);
        assert!(
            matches!(
                store.create_fleet(planned("f1")),
                Err(StoreError::Exists(_))
            ),
            "{kind}"
        );
        assert!(store.fleet("f1").expect(kind).stopped.is_none(), "{kind}");
        let stopped = |reason: &str| FleetEvent::Stopped {
            at: moment(),
            reason: reason.to_owned(),
        };
        let length = store.fleet_length("f1").expect(kind);
        store.note_fleet("f1", stopped("too many")).expect(kind);
        let longer = store.fleet_length("f1").expect(kind);
        assert!(longer > length, "{kind}: whoever looks again sees it");
        store.note_fleet("f1", stopped("later")).expect(kind);
        let fleet = store.fleet("f1").expect(kind);
        assert_eq!(fleet.plan, planned("f1"), "{kind}");
        let first = (moment(), "too many".to_owned());
        assert_eq!(fleet.stopped, Some(first), "{kind}: the first stands");
        assert_eq!(store.fleets().expect(kind), ["f1"], "{kind}");
        assert!(
            matches!(store.fleet_length("f2"), Err(StoreError::NoSuchFleet(_))),
            "{kind}"
        );
        assert!(
            matches!(store.fleet("f2"), Err(StoreError::NoSuchFleet(_))),
            "{kind}"
        );
        let hold = store.hold("f1").expect(kind);
        assert!(store.hold("f1").is_err(), "{kind}: one process");
        drop(hold);
    });
}

/// Space put aside is neither an event nor a fault, whoever finds it, and others append in front of it.
#[test]
fn space_put_aside_is_no_event() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::new(folder.path());
    let path = folder.path().join("runs/r1.journal");
    let mut journal = store
        .create(created("r1", "acme", "book"))
        .expect("created");
    let report = |number: u64| {
        new(EventKind::ReportWritten {
            path: number.to_string(),
            digest: String::new(),
            template: String::new(),
            format: "md".to_owned(),
        })
    };
    for number in 1..=20 {
        journal.append(number, &[report(number)]).expect("appended");
    }
    let with_space = std::fs::read(&path).expect("read");
    assert_eq!(with_space.last(), Some(&0), "there is space");
    let recorded = store.read("r1").expect("read");
    assert_eq!((recorded.events.len(), recorded.torn), (21, 0));

    let mut other = store.open("r1").expect("opens");
    assert_eq!(other.catch_up().expect("reads").len(), 21);
    other.append(21, &[report(21)]).expect("appended");
    assert!(
        matches!(
            journal.append(21, &[report(99)]),
            Err(StoreError::Grown(22))
        ),
        "the other one's event is seen"
    );
    assert_eq!(journal.catch_up().expect("reads").len(), 1);
    for number in 22..=40 {
        journal.append(number, &[report(number)]).expect("appended");
    }
    drop(other);
    assert_eq!(store.read("r1").expect("read").events.len(), 41);
    drop(journal);
    let closed = std::fs::read(&path).expect("read");
    assert_eq!(closed.last(), Some(&b'\n'), "closed journals are text");
    assert_eq!(store.read("r1").expect("read").events.len(), 41);
}

/// The log as a machine finds it after it was started again: with the name of another boot.
fn as_of_another_boot(folder: &std::path::Path) {
    let entry = std::fs::read_dir(folder.join("shared"))
        .expect("shared")
        .next()
        .expect("a log")
        .expect("entry");
    let bytes = std::fs::read(entry.path()).expect("read");
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a line")
        + 1;
    let json = br#"{"schema":"mailmedic.log/1","boot":"another"}"#;
    let mut altered = format!("{:08x} {:08x} ", json.len(), crc32c::crc32c(json)).into_bytes();
    altered.extend_from_slice(json);
    altered.push(b'\n');
    altered.extend_from_slice(&bytes[end..]);
    std::fs::write(entry.path(), altered).expect("written");
}

/// A power cut: what was acknowledged to the runs of a fleet is in the shared log, whatever became of their journals.
#[test]
fn after_a_power_cut_journals_are_made_whole_from_the_shared_log() {
    type Harm = fn(&std::path::Path);
    let cut: Harm = |path| {
        let bytes = std::fs::read(path).expect("read");
        std::fs::write(path, &bytes[..bytes.len() / 3]).expect("written");
    };
    let gone: Harm = |path| std::fs::remove_file(path).expect("removed");
    let empty: Harm = |path| std::fs::write(path, b"").expect("written");
    let hole: Harm = |path| {
        let mut bytes = std::fs::read(path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 100].fill(0);
        std::fs::write(path, bytes).expect("written");
    };
    for (name, harm) in [
        ("cut", cut),
        ("gone", gone),
        ("empty", empty),
        ("hole", hole),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Embedded::new(folder.path());
        let grouped = store.grouped().expect("a log");
        let mut wanted = Vec::new();
        for run in ["r1", "r2"] {
            let mut journal = grouped.create(created(run, run, "book")).expect(name);
            journal.append(1, &[skipped("a")]).expect(name);
            journal.append(2, &[skipped("b")]).expect(name);
            wanted.push(store.read(run).expect(name).lines);
        }
        drop(grouped);
        harm(&folder.path().join("runs/r1.journal"));
        as_of_another_boot(folder.path());

        let later = Embedded::new(folder.path());
        for (run, lines) in ["r1", "r2"].into_iter().zip(&wanted) {
            assert_eq!(later.read(run).expect(name).lines, *lines, "{name}");
        }
        let logs = std::fs::read_dir(folder.path().join("shared")).expect("shared");
        assert_eq!(logs.count(), 0, "{name}: the log is done with");
    }
}

/// A decision is synced in the journal itself; what the log holds goes before and after it.
#[test]
fn a_decision_between_the_events_of_a_fleet_stays_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::new(folder.path());
    let grouped = store.grouped().expect("a log");
    let mut journal = grouped
        .create(created("r1", "acme", "book"))
        .expect("created");
    let mut other = store.open("r1").expect("opens");
    other.catch_up().expect("reads");
    other.append(1, &[skipped("a")]).expect("appended");
    assert!(journal.append(1, &[skipped("b")]).is_err(), "it has grown");
    journal.catch_up().expect("reads");
    let synced = std::fs::metadata(folder.path().join("runs/r1.journal"))
        .expect("there")
        .len();
    journal.append(2, &[skipped("b")]).expect("appended");
    let wanted = store.read("r1").expect("read").lines;
    drop(journal);
    drop(grouped);
    let path = folder.path().join("runs/r1.journal");
    let bytes = std::fs::read(&path).expect("read");
    std::fs::write(&path, &bytes[..usize::try_from(synced).expect("small")]).expect("written");
    as_of_another_boot(folder.path());
    let later = Embedded::new(folder.path());
    assert_eq!(later.read("r1").expect("read").lines, wanted);
}

/// While its process lives, nobody else touches a log; on the same boot, a young one is left alone.
#[test]
fn a_log_in_use_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::new(folder.path());
    let grouped = store.grouped().expect("a log");
    grouped
        .create(created("r1", "acme", "book"))
        .expect("created");
    let logs = || {
        std::fs::read_dir(folder.path().join("shared"))
            .expect("shared")
            .count()
    };
    Embedded::new(folder.path()).read("r1").expect("read");
    assert_eq!(logs(), 1);
    drop(grouped);
    Embedded::new(folder.path()).read("r1").expect("read");
    assert_eq!(logs(), 1, "its journals may not be on disk yet");
}
