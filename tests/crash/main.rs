//! The crash contract: whatever moment a process is killed at, `resume` reaches the same end, with every event that was
//! acknowledged, and nothing that others notice done twice.
//!
//! The compiled program runs against the practice world and a counting HTTP server of this test. It is killed (SIGKILL) at
//! every event boundary, by watching its journal grow, and at arbitrary moments inside actions.
#![allow(clippy::unwrap_used)]

mod contract;
mod counter;
mod lane;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use counter::Counter;
use lane::{Kill, Lane};
use mailmedic::practice::dns::ListMode;
use mailmedic::practice::{World, office};

/// Lanes side by side: most of a run is waiting.
const LANES: usize = 6;

/// A runbook with every class of action and every shape of step, quick enough to be killed two hundred times.
const CLASSES: &str = include_str!("classes.yaml");
/// What its `events.analyze` reads.
const MAIL_LOG: &str = "Nov 24 08:00:01 mx postfix/smtp[1]: 4XyZ: to=<a@remote.example>, relay=none, delay=1, \
                        delays=0/0/0/0, dsn=4.4.1, status=deferred (connect to remote.example[192.0.2.1]:25: Connection timed out)\n";
/// Kills that the first test counts, whatever the machine.
const KILLS: usize = 200;

/// Runs `work` for each of `plans`, some side by side, and adds up the kills.
fn in_lanes<P: Send + Sync>(plans: Vec<P>, work: impl Fn(usize, &P) -> usize + Sync) -> usize {
    let next = AtomicUsize::new(0);
    let kills = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::SeqCst);
                    let Some(plan) = plans.get(place) else { return };
                    kills.fetch_add(work(place, plan), Ordering::SeqCst);
                }
            });
        }
    });
    kills.into_inner()
}

/// Every class of action: killed once at each event boundary, and again and again at arbitrary moments.
#[test]
fn every_class_of_action_survives_a_kill_at_every_event_and_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let lane = |name: String| {
        let counter = Counter::start();
        let site = "id: acme\nname: Acme\nlaboratory: true\ndomains: [acme.example]\nallow_hosts: [127.0.0.1]\n";
        let lane = Lane::new(
            folder.path().join(name),
            site,
            CLASSES,
            &[("server", &counter.url())],
        );
        lane.put("mail.log", MAIL_LOG);
        (lane, counter)
    };
    let (undisturbed, counter) = lane("undisturbed".to_owned());
    let wanted = undisturbed.drive(&[], &counter);
    let events = wanted.events;
    assert!(
        events > 40,
        "the runbook is meant to be long: {events} events"
    );

    for class in ["probe", "local", "external", "approval", "manual", "wait"] {
        assert!(
            wanted.classes.contains(class),
            "no step of the class {class}"
        );
    }

    let mut plans: Vec<Vec<Kill>> = (1..=events).map(|at| vec![Kill::AtEvent(at)]).collect();
    for seed in 0..24u64 {
        let moments = (0..8u64)
            .map(|n| Kill::After(Duration::from_millis(15 + (seed * 37 + n * n * 23) % 170)));
        plans.push(moments.collect());
    }
    let kills = in_lanes(plans, |place, plan| {
        let (lane, counter) = lane(format!("lane-{place}"));
        let end = lane.drive(plan, &counter);
        assert_eq!(end.steps, wanted.steps, "{plan:?}");
        assert_eq!(end.conclusion, wanted.conclusion, "{plan:?}");
        counter.assert_each_once(&format!("{plan:?}"));
        end.kills
    });
    assert!(kills >= KILLS, "{kills} kills, and {KILLS} are promised");
}

/// The practice job itself, with its real probes.
#[test]
fn the_practice_job_survives_a_kill_at_every_event() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let book = mailmedic::runbook::shipped_text("blacklist-recovery").unwrap();
    // Days become seconds; nothing else is changed.
    let book = book
        .replace("every: 1h", "every: 1s")
        .replace("every: 6h", "every: 1s");
    let start = |name: String| -> (Lane, Arc<World>) {
        let world = runtime.block_on(World::start(office::scenario())).unwrap();
        for zone in [
            office::SILENT_LIST,
            office::REFUSING_LIST,
            office::WILDCARD_LIST,
        ] {
            world.zones().set_mode(zone, ListMode::Healthy);
        }
        let place: PathBuf = folder.path().join(name);
        let files = world.unpack(&place).unwrap();
        let site = std::fs::read_to_string(&files.site).unwrap();
        let log = files.event_log.display().to_string();
        (
            Lane::new(place, &site, &book, &[("event_logs", &log)]),
            Arc::new(world),
        )
    };
    let drive = |name: String, plan: &[Kill]| {
        let (lane, world) = start(name);
        let changed = world.clone();
        let end = lane.drive_with(plan, &Counter::start(), &move |step| {
            let names: &[&str] = match step {
                "clean_up" => &["recipient-check", "no-clear-text-login", "helo-name"],
                "ptr_asked" => &["reverse-dns"],
                "switch_outbound" => &["smarthost-route"],
                _ => &[],
            };
            for change in office::changes() {
                let delisted = step == "file_requests" && change.name.starts_with("delisted-");
                if delisted || names.contains(&change.name.as_str()) {
                    change.apply(&changed);
                }
            }
        });
        assert_eq!(
            world.server(office::SERVER).unwrap().commands("DATA"),
            0,
            "a screen never sends a message"
        );
        end
    };
    let wanted = drive("undisturbed".to_owned(), &[]);
    let events = wanted.events;
    assert!(events > 40, "{events} events");
    // Each run is killed several times, at other events than its neighbours, so that all boundaries are met.
    const STRIDE: u64 = 11;
    let mut plans: Vec<Vec<Kill>> = (1..=STRIDE)
        .map(|first| {
            (0..)
                .map(|n| first + n * STRIDE)
                .take_while(|at| *at <= events)
                .map(Kill::AtEvent)
                .collect()
        })
        .collect();
    for seed in 0..4u64 {
        plans.push(
            (0..6u64)
                .map(|n| Kill::After(Duration::from_millis(120 + (seed * 331 + n * 457) % 1500)))
                .collect(),
        );
    }
    let kills = in_lanes(plans, |place, plan| {
        let end = drive(format!("lane-{place}"), plan);
        assert_eq!(end.steps, wanted.steps, "{plan:?}");
        assert_eq!(end.conclusion, wanted.conclusion, "{plan:?}");
        end.kills
    });
    assert!(kills >= 60, "{kills} kills are too few to say anything");
}
