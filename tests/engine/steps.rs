//! What comes of the steps of a runbook: the order and the reasons, items of `foreach`, and further tries.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use mailmedic::engine::Stop;
use mailmedic::record::{
    Effect, EventKind, RunConclusion, StepOutcome, StepState, StepStatus, WaitKind,
};
use serde_json::Map;

use super::{Bench, finished_well, owner, started};

/// A name, the runbook from its first step on, each step as it must be left, and how the run ends.
struct Case {
    name: &'static str,
    steps: &'static str,
    left: &'static [(&'static str, &'static str)],
    conclusion: RunConclusion,
}

const CASES: &[Case] = &[
    Case {
        name: "what needs a step that was left out is left out",
        steps: "  - {id: a, action: wait, when: 'site.id == \"other\"', with: {for: 1ms}}
  - {id: b, action: wait, with: {for: 1ms}}
  - {id: c, action: wait, needs: [b], with: {for: 1ms}}
  - {id: free, action: wait, needs: [], with: {for: 1ms}}
",
        left: &[
            ("a", "its condition does not hold: site.id == \"other\""),
            ("b", "'a' was skipped"),
            ("c", "'b' was skipped"),
            ("free", "good"),
        ],
        conclusion: RunConclusion::Healthy,
    },
    Case {
        name: "a condition that reads the status decides itself",
        steps: "  - {id: a, action: command.run, with: {command: ['false']}}
  - {id: b, action: wait, when: 'steps.a.status == \"failed\"', with: {for: 1ms}}
  - {id: c, action: wait, needs: [a], with: {for: 1ms}}
",
        left: &[("a", "failed"), ("b", "good"), ("c", "'a' failed")],
        conclusion: RunConclusion::Failed,
    },
    Case {
        name: "a failure brings on_failure and finally",
        steps: "  - {id: a, action: command.run, with: {command: ['false']}}
on_failure:
  - {id: tell, action: wait, with: {for: 1ms}}
finally:
  - {id: clear, action: wait, with: {for: 1ms}}
",
        left: &[("a", "failed"), ("tell", "good"), ("clear", "good")],
        conclusion: RunConclusion::Failed,
    },
    Case {
        name: "without a failure on_failure is left out",
        steps: "  - {id: a, action: wait, with: {for: 1ms}}
on_failure:
  - {id: tell, action: wait, with: {for: 1ms}}
finally:
  - {id: clear, action: wait, with: {for: 1ms}}
",
        left: &[("a", "good"), ("tell", "nothing failed"), ("clear", "good")],
        conclusion: RunConclusion::Healthy,
    },
    Case {
        name: "a failure that is put up with is no failure of the run",
        steps:
            "  - {id: a, action: command.run, continue_on_error: true, with: {command: ['false']}}
  - {id: b, action: wait, with: {for: 1ms}}
on_failure:
  - {id: tell, action: wait, with: {for: 1ms}}
",
        left: &[
            ("a", "failed, tolerated"),
            ("b", "good"),
            ("tell", "nothing failed"),
        ],
        conclusion: RunConclusion::Healthy,
    },
    Case {
        name: "what was not carried out is not verified",
        steps: "  - {id: a, action: events.analyze, when: 'false'}
  - {id: b, action: events.analyze, needs: []}
verify: [a, b]
",
        left: &[
            ("a", "its condition does not hold: false"),
            ("b", "not_applicable"),
            ("verify:a", "'a' was not carried out"),
            ("verify:b", "not_applicable"),
        ],
        conclusion: RunConclusion::Healthy,
    },
    Case {
        name: "no items, no work",
        steps: "  - {id: each, action: wait, foreach: {items: [], as: it}, with: {for: 1ms}}
  - {id: after, action: wait, with: {for: 1ms}}
",
        left: &[
            ("each", "there are no items"),
            ("after", "'each' was skipped"),
        ],
        conclusion: RunConclusion::Healthy,
    },
    Case {
        name: "items keep names of their own",
        steps: "  - id: each
    action: wait
    foreach: {items: [zen, zen, 7, {id: psbl, x: 1}, {x: 2}, 'a[b]'], as: it}
    with: {for: 1ms}
",
        left: &[
            ("each", "good"),
            ("each[zen]", "good"),
            ("each[zen-2]", "good"),
            ("each[7]", "good"),
            ("each[psbl]", "good"),
            ("each[5]", "good"),
            ("each[a-b-]", "good"),
        ],
        conclusion: RunConclusion::Healthy,
    },
    Case {
        name: "one item fails, the others are done, and the whole has failed",
        steps: "  - id: each
    action: command.run
    foreach: {items: ['true', 'false', 'test'], as: it}
    with: {command: ['{{it}}']}
  - {id: after, action: wait, with: {for: 1ms}}
",
        left: &[
            ("each", "failed: at least one item failed"),
            ("each[true]", "good"),
            ("each[false]", "failed"),
            ("each[test]", "failed"),
            ("after", "'each' failed"),
        ],
        conclusion: RunConclusion::Failed,
    },
    Case {
        name: "a condition on the item is judged for each",
        steps: "  - id: each
    action: wait
    when: 'it != \"b\"'
    foreach: {items: [a, b], as: it}
    with: {for: 1ms}
",
        left: &[
            ("each", "good"),
            ("each[a]", "good"),
            ("each[b]", "its condition does not hold: it != \"b\""),
        ],
        conclusion: RunConclusion::Healthy,
    },
];

/// How a step was left, in the words of the cases.
fn left(step: &StepState) -> String {
    match &step.status {
        StepStatus::Skipped { reason } => reason.clone(),
        StepStatus::Finished { outcome, tolerated } => {
            let mut text = outcome.as_str().to_owned();
            if *tolerated {
                text += ", tolerated";
            }
            match &step.error {
                Some(error) if step.plan.key == "each" => format!("{text}: {error}"),
                _ => text,
            }
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn steps_are_left_as_the_rules_say() {
    for case in CASES {
        let bench = Bench::new(case.steps);
        let stop = bench.go_on().await;
        let state = bench.state();
        let found: BTreeMap<&str, String> = state
            .steps
            .iter()
            .map(|step| (step.plan.key.as_str(), left(step)))
            .collect();
        let wanted: BTreeMap<&str, String> = case
            .left
            .iter()
            .map(|(key, left)| (*key, (*left).to_owned()))
            .collect();
        assert_eq!(found, wanted, "{}", case.name);
        assert_eq!(stop, Stop::Finished(case.conclusion), "{}", case.name);
    }
}

/// Starts of a step in the record.
fn starts(bench: &Bench, key: &str) -> usize {
    let recorded = bench.engine.store.read(&bench.run).unwrap();
    let begins =
        |kind: &EventKind| matches!(kind, EventKind::StepStarted { step, .. } if step == key);
    recorded
        .events
        .iter()
        .filter(|event| begins(&event.event))
        .count()
}

#[tokio::test]
async fn no_more_items_at_once_than_the_runbook_says() {
    let bench = Bench::new(
        "  - id: each
    action: command.run
    foreach: {items: [1, 2, 3, 4, 5], as: it, max_concurrent: 2}
    with: {command: [sleep, '0.02']}
",
    );
    assert_eq!(bench.go_on().await, Stop::Finished(RunConclusion::Healthy));
    let (mut running, mut most) = (0_i32, 0);
    for event in bench.engine.store.read(&bench.run).unwrap().events {
        match &event.event {
            EventKind::StepStarted { step, .. } if step.contains('[') => running += 1,
            EventKind::StepFinished { step, .. } if step.contains('[') => running -= 1,
            _ => {}
        }
        most = most.max(running);
    }
    assert_eq!((running, most), (0, 2));
}

/// A process that dies in the middle of the items: those that were done are not done again.
#[tokio::test]
async fn items_that_were_done_before_a_crash_are_kept() {
    let bench = Bench::new(
        "  - id: each
    action: wait
    foreach: {items: [one, two, three], as: it}
    with: {for: 1ms}
",
    );
    let items = ["one", "two", "three"].map(|item| (item.to_owned(), item.into()));
    bench.append(vec![
        owner(),
        EventKind::Unfolded {
            step: "each".to_owned(),
            items: Map::from_iter(items),
        },
        started("each[one]", Effect::Probe),
        started("each[two]", Effect::Probe),
        finished_well("each[one]"),
    ]);
    assert_eq!(bench.go_on().await, Stop::Finished(RunConclusion::Healthy));
    assert_eq!(starts(&bench, "each[one]"), 1, "it was done");
    assert!(starts(&bench, "each[two]") > 1, "nobody knew");
    assert!(starts(&bench, "each[three]") >= 1);
    assert_eq!(bench.state().step("each[two]").unwrap().interruptions, 1);
}

/// A web server that hangs up on the first `bad` callers.
fn hangs_up(bad: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (caller, stream) in listener.incoming().flatten().enumerate() {
            let mut stream = stream;
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            if caller >= bad && read > 0 {
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
                );
            }
        }
    });
    url
}

fn asking(url: &str, retry: &str) -> Bench {
    Bench::new(&format!(
        "  - {{id: get, action: http.request, retry: {retry}, with: {{url: \"{url}/\"}}}}\n"
    ))
}

#[tokio::test]
async fn a_try_that_failed_is_followed_by_so_many_more() {
    for (bad, retry, tries, outcome) in [
        (0, "{attempts: 3, delay: 1ms}", 1, StepOutcome::Good),
        (1, "{attempts: 3, delay: 1ms}", 2, StepOutcome::Good),
        (2, "{attempts: 3, delay: 1ms}", 3, StepOutcome::Good),
        (3, "{attempts: 3, delay: 1ms}", 3, StepOutcome::Failed),
        (1, "{attempts: 1, delay: 1ms}", 1, StepOutcome::Failed),
        (
            1,
            "{attempts: 3, delay: 1ms, when: 'result.not_sent'}",
            1,
            StepOutcome::Failed,
        ),
        (
            9,
            "{attempts: 3, delay: 1ms, when: 'result.attempt < 2'}",
            2,
            StepOutcome::Failed,
        ),
    ] {
        let case = format!("{bad} bad, {retry}");
        let bench = asking(&hangs_up(bad), retry);
        bench.go_on().await;
        let state = bench.state();
        let step = state.step("get").unwrap();
        assert_eq!(step.outcome(), Some(outcome), "{case}: {:?}", step.error);
        assert_eq!(step.attempts, tries, "{case}");
        assert_eq!(starts(&bench, "get"), tries as usize, "{case}");
        assert_eq!(
            step.error.is_some(),
            outcome == StepOutcome::Failed,
            "{case}"
        );
    }
}

/// The wait for the next try is a date in the record: the process may end, and the count of tries goes on.
#[tokio::test]
async fn the_wait_for_the_next_try_outlives_the_process() {
    let mut bench = asking(&hangs_up(1), "{attempts: 2, delay: 300ms}");
    bench.engine.patience = Duration::ZERO;
    let Stop::Waiting { due: Some(due) } = bench.go_on().await else {
        panic!("it waits for its next try")
    };
    let waits = bench.state();
    let StepStatus::Waiting(wait) = &waits.step("get").unwrap().status else {
        panic!("{:?}", waits.step("get"))
    };
    assert!(
        wait.kind == WaitKind::Retry && wait.reason.starts_with("try 1 of 2 failed"),
        "{wait:?}"
    );
    assert_eq!(waits.next_wake(), Some(due));
    bench.engine.patience = Duration::from_secs(60);
    assert_eq!(bench.go_on().await, Stop::Finished(RunConclusion::Healthy));
    assert_eq!(bench.state().step("get").unwrap().attempts, 2);
}
