//! The engine against a store in memory: what it makes of what a dead process left behind.
#![allow(clippy::unwrap_used)]

#[path = "engine/steps.rs"]
mod steps;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mailmedic::engine::{
    Answer, DecisionError, Engine, EngineError, PlanRequest, Silent, Stop, TakenUp, cancel, decide,
    plan,
};
use mailmedic::probes::{HttpSettings, ProbeSettings, Probes, SystemClock};
use mailmedic::record::{
    Artifact, Decision, Effect, EventKind, Mode, NewEvent, PinnedSite, RunConclusion, RunState,
    StepOutcome, StepStatus,
};
use mailmedic::runbook::{Checked, Vocabulary, check};
use mailmedic::site::Site;
use mailmedic::store::Memory;
use mailmedic::templates::Templates;
use serde_json::Map;

/// A process takes the run up.
fn owner() -> EventKind {
    EventKind::ExecutorStarted {
        pid: 1,
        host: "here".to_owned(),
        tool: "0".to_owned(),
        torn: 0,
    }
}

fn started(step: &str, effect: Effect) -> EventKind {
    EventKind::StepStarted {
        step: step.to_owned(),
        attempt: 1,
        effect,
        input: String::new(),
        idempotency_key: String::new(),
    }
}

fn finished_well(step: &str) -> EventKind {
    EventKind::StepFinished {
        step: step.to_owned(),
        attempt: 1,
        outcome: StepOutcome::Good,
        tolerated: false,
        outputs: Default::default(),
        findings: Vec::new(),
        subjects: Vec::new(),
        artifacts: Vec::new(),
        error: None,
        not_sent: false,
        ms: 1,
    }
}

/// One run of a runbook, in memory.
struct Bench {
    engine: Engine,
    checked: Checked,
    site: Site,
    run: String,
}

impl Bench {
    fn new(steps: &str) -> Self {
        let templates = Templates::new(None);
        let text = format!("version: 1\nname: book\nsteps:\n{steps}");
        let checked = check(&text, "book.yaml", &Vocabulary::of(&templates)).unwrap();
        let site = Site {
            id: "acme".to_owned(),
            allow_hosts: vec!["127.0.0.1".to_owned()],
            ..Site::default()
        };
        let settings = ProbeSettings {
            http: HttpSettings {
                use_proxy: false,
                ..HttpSettings::default()
            },
            ..ProbeSettings::default()
        };
        let engine = Engine {
            store: Arc::new(Memory::default()),
            probes: Probes::new(settings, Arc::new(SystemClock)).unwrap(),
            templates,
            observer: Arc::new(Silent),
            patience: Duration::from_secs(60),
        };
        let first = plan(PlanRequest {
            run: "r1".to_owned(),
            runbook: &checked,
            site: &site,
            snapshot: PinnedSite::of(&site).unwrap(),
            inputs: Map::new(),
            mode: Mode::Run,
            by: "tester".to_owned(),
            at: Timestamp::now(),
            parent: None,
            inherited: Vec::new(),
        });
        let run = engine.store.create(first).unwrap().run().to_owned();
        Bench {
            engine,
            checked,
            site,
            run,
        }
    }

    /// What a process writes that takes the run up and dies in the middle of `step`.
    fn dies_in(&self, step: &str) {
        let state = self.state();
        let mut events = vec![owner()];
        if state.step(step).unwrap().status == StepStatus::Running {
            events.push(EventKind::StepInterrupted {
                step: step.to_owned(),
                attempt: 1,
                ask: false,
                reason: None,
            });
        }
        events.push(started(step, Effect::External));
        self.append(events);
    }

    fn append(&self, events: Vec<EventKind>) {
        let mut journal = self.engine.store.open(&self.run).unwrap();
        let seq = journal.catch_up().unwrap().len() as u64;
        let events: Vec<NewEvent> = events
            .into_iter()
            .map(|event| NewEvent {
                at: Timestamp::now(),
                actor: "engine".to_owned(),
                event,
            })
            .collect();
        journal.append(seq, &events).unwrap();
    }

    fn state(&self) -> RunState {
        let recorded = self.engine.store.read(&self.run).unwrap();
        recorded.state(&self.run).unwrap()
    }

    async fn go_on(&self) -> Stop {
        let (_sender, mut stop) = tokio::sync::watch::channel(false);
        let run = TakenUp::again(&*self.engine.store, &self.run).unwrap();
        let mut worker = self
            .engine
            .worker(run, &self.checked, self.site.clone())
            .unwrap();
        tokio::time::timeout(Duration::from_secs(60), worker.work(&mut stop))
            .await
            .expect("the engine comes to an end")
            .unwrap()
    }

    fn decide(&self, answer: &Answer) -> Result<bool, DecisionError> {
        decide(&*self.engine.store, &self.run, answer).map(|taken| taken.new)
    }
}

fn answer(step: &str, decision: Decision, note: Option<&str>) -> Answer {
    Answer {
        step: step.to_owned(),
        decision,
        by: "me".to_owned(),
        at: Timestamp::now(),
        note: note.map(str::to_owned),
        evidence: Vec::new(),
        values: Map::new(),
        id: None,
    }
}

/// A web server that answers a GET with `look_up` and any other method with 200, and keeps the first line of each request.
fn serve(look_up: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = heard.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut chunk) {
                    Ok(0) | Err(_) => break,
                    Ok(read) => request.extend_from_slice(&chunk[..read]),
                }
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let line = text.lines().next().unwrap_or_default().to_owned();
            let status = if line.starts_with("GET") {
                look_up
            } else {
                "200 OK"
            };
            lines.lock().unwrap().push(line);
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, heard)
}

const TWO: &str = "  - {id: a, action: wait, with: {for: 1ms}}\n  - {id: b, action: wait, needs: [], with: {for: 1ms}}\n";

#[tokio::test]
async fn the_third_process_in_a_row_that_dies_without_progress_parks_the_step() {
    let bench = Bench::new(TWO);
    for _ in 0..2 {
        bench.dies_in("a");
    }
    bench.dies_in("a");
    assert_eq!(bench.state().fruitless, 2);
    assert_eq!(bench.go_on().await, Stop::NeedsResolve);
    let state = bench.state();
    let parked = state.step("a").unwrap();
    assert_eq!(parked.status, StepStatus::Interrupted { ask: true });
    let why = parked.error.as_deref().unwrap();
    assert!(why.starts_with("3 processes in a row"), "{why}");
    // A person has looked: the count begins anew, and the run goes on to its end.
    let rerun = Decision::Resolve(mailmedic::record::Resolution::Rerun);
    assert!(bench.decide(&answer("a", rerun, None)).unwrap());
    assert_eq!(bench.state().fruitless, 0);
    assert_eq!(bench.go_on().await, Stop::Finished(RunConclusion::Healthy));
}

#[tokio::test]
async fn progress_anywhere_in_the_run_keeps_a_step_from_being_parked() {
    let bench = Bench::new(TWO);
    for _ in 0..3 {
        bench.dies_in("a");
    }
    bench.append(vec![started("b", Effect::Probe), finished_well("b")]);
    assert_eq!(bench.go_on().await, Stop::Finished(RunConclusion::Healthy));
    assert!(bench.state().step("a").unwrap().interruptions >= 3);
}

/// What the look-up says, how the run goes on, and whether the request is made again.
#[tokio::test]
async fn an_interrupted_request_is_looked_up_before_anything_else() {
    for (status, stop, again) in [
        ("200 OK", Stop::Finished(RunConclusion::Healthy), false),
        (
            "404 Not Found",
            Stop::Finished(RunConclusion::Healthy),
            true,
        ),
        ("500 Broken", Stop::NeedsResolve, false),
    ] {
        let (url, heard) = serve(status);
        let bench = Bench::new(&format!(
            "  - {{id: send, action: http.request, with: {{method: POST, url: \"{url}/send\", lookup: \"{url}/sent/[key]\"}}}}\n"
        ));
        bench.dies_in("send");
        assert_eq!(bench.go_on().await, stop, "{status}");
        let heard = heard.lock().unwrap().clone();
        assert!(heard[0].starts_with("GET /sent/"), "{status}: {heard:?}");
        assert!(!heard[0].contains("[key]"), "{status}: {heard:?}");
        let posts = heard.iter().filter(|line| line.starts_with("POST")).count();
        assert_eq!(posts, usize::from(again), "{status}: {heard:?}");
        let state = bench.state();
        let step = state.step("send").unwrap();
        match again {
            true => assert!(step.outputs.get("looked_up").is_none(), "{status}"),
            false if stop == Stop::NeedsResolve => {
                assert!(step.error.as_ref().unwrap().contains("500"), "{step:?}");
            }
            false => assert_eq!(step.outputs["looked_up"], true, "{status}"),
        }
    }
}

#[tokio::test]
async fn an_interrupted_command_is_looked_up_by_its_own_program() {
    for (exit, stop, again) in [
        (0, Stop::Finished(RunConclusion::Healthy), false),
        (1, Stop::Finished(RunConclusion::Healthy), true),
        (2, Stop::NeedsResolve, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let ran = folder.path().join("ran");
        let bench = Bench::new(&format!(
            "  - {{id: act, action: command.run, with: {{command: [touch, \"{}\"], lookup: [sh, -c, \"test -n \\\"$MAILMEDIC_IDEMPOTENCY_KEY\\\" || exit 9; exit {exit}\"]}}}}\n",
            ran.display()
        ));
        bench.dies_in("act");
        assert_eq!(bench.go_on().await, stop, "{exit}");
        assert_eq!(ran.exists(), again, "{exit}");
    }
}

#[tokio::test]
async fn an_external_step_that_nobody_can_look_up_asks_a_person() {
    let bench = Bench::new("  - {id: act, action: command.run, with: {command: [\"true\"]}}\n");
    bench.dies_in("act");
    assert_eq!(bench.go_on().await, Stop::NeedsResolve);
    let state = bench.state();
    let why = state.step("act").unwrap().error.clone().unwrap();
    assert!(why.contains("lookup"), "{why}");
}

#[tokio::test]
async fn a_person_may_do_by_hand_what_a_step_would_do_and_must_prove_it() {
    let bench = Bench::new("  - {id: act, action: command.run, with: {command: [\"false\"]}}\n");
    let bare = bench.decide(&answer("act", Decision::ByHand, None));
    assert!(
        matches!(bare, Err(DecisionError::Incomplete { .. })),
        "{bare:?}"
    );
    let plain = bench.decide(&answer("act", Decision::Done, Some("done")));
    assert!(
        matches!(&plain, Err(DecisionError::NotAsked { hint, .. }) if hint.contains("--by-hand")),
        "{plain:?}"
    );
    let mut proved = answer("act", Decision::ByHand, None);
    proved.evidence = vec![Artifact {
        name: "photo.png".to_owned(),
        digest: "0".repeat(64),
        bytes: 1,
        media: "image/png".to_owned(),
    }];
    assert!(bench.decide(&proved).unwrap());
    assert_eq!(bench.go_on().await, Stop::Finished(RunConclusion::Healthy));
    let state = bench.state();
    let step = state.step("act").unwrap();
    assert_eq!(step.artifacts.len(), 1);
    assert_eq!(step.attempts, 0, "it was never carried out");
}

#[tokio::test]
async fn a_command_that_is_sent_twice_is_taken_once() {
    let bench = Bench::new(TWO);
    let mut skip = answer("a", Decision::Skip, Some("not needed"));
    skip.id = Some("job-7".to_owned());
    assert!(bench.decide(&skip).unwrap());
    let events = bench.state().seq;
    assert!(!bench.decide(&skip).unwrap());
    assert_eq!(bench.state().seq, events, "nothing was written");
    let other = Answer {
        step: "b".to_owned(),
        ..skip
    };
    assert!(matches!(
        bench.decide(&other),
        Err(DecisionError::Reused { .. })
    ));
    // Without a name too, but only while it says nothing more: what is not kept must not look as if it were.
    let mut again = answer("a", Decision::Skip, Some("not needed"));
    assert!(!bench.decide(&again).unwrap());
    again.note = None;
    assert!(!bench.decide(&again).unwrap());
    again.note = Some("not needed, says Zoe".to_owned());
    again.evidence = vec![
        bench
            .engine
            .store
            .put_artifact("letter.txt", "text/plain", b"from Zoe")
            .unwrap(),
    ];
    let more = bench.decide(&again).unwrap_err();
    assert!(
        matches!(&more, DecisionError::More { more, .. } if more == "this note and this evidence"),
        "{more}"
    );
    assert_eq!(bench.state().seq, events, "nothing was written");
    let silent = bench.decide(&answer("b", Decision::Skip, Some("  ")));
    assert!(matches!(silent, Err(DecisionError::Incomplete { .. })));
    let call_off =
        || cancel(&*bench.engine.store, "r1", "me", None, Timestamp::now()).map(|taken| taken.new);
    assert!(call_off().unwrap());
    assert!(!call_off().unwrap(), "it was called off already");
}

/// The lock of a run can be lost while its owner lives; the owner that came later counts.
#[tokio::test]
async fn an_owner_that_was_replaced_stops_and_writes_nothing() {
    let bench = Bench::new(
        "  - {id: ask, action: manual, with: {instructions: Do it.}}\n  - {id: after, action: wait, with: {for: 1ms}}\n",
    );
    let (_sender, mut stop) = tokio::sync::watch::channel(false);
    let run = TakenUp::again(&*bench.engine.store, &bench.run).unwrap();
    let mut first = bench
        .engine
        .worker(run, &bench.checked, bench.site.clone())
        .unwrap();
    let waits = first.work(&mut stop).await.unwrap();
    assert_eq!(waits, Stop::Waiting { due: None });
    bench.append(vec![EventKind::ExecutorStarted {
        pid: 7,
        host: "elsewhere".to_owned(),
        tool: "0".to_owned(),
        torn: 0,
    }]);
    bench.decide(&answer("ask", Decision::Done, None)).unwrap();
    let events = bench.state().seq;
    let replaced = first.work(&mut stop).await.unwrap_err();
    assert!(
        matches!(&replaced, EngineError::TakenOver { pid: 7, host, .. } if host == "elsewhere"),
        "{replaced}"
    );
    assert_eq!(bench.state().seq, events);
    drop(first);
    assert_eq!(
        bench.go_on().await,
        Stop::Finished(RunConclusion::Healthy),
        "the later owner goes on"
    );
}
