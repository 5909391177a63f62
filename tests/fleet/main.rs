//! A fleet as a service provider uses it: limits, canaries, choice of sites, kills, answers while it waits, and the summary.
#![allow(clippy::unwrap_used)]

mod desk;

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use desk::{Desk, code, text, wait_for};

/// Fails for sites whose id begins with `bad`.
const JUDGE: &str = "steps:\n  - {id: go, action: command.run, with: {command: [sh, -c, \"case {{site.id}} in bad*) exit 1;; esac\"]}}\n";

#[test]
fn more_failures_than_are_put_up_with_stop_the_starting() {
    let sites = [
        ("a1", ""),
        ("bad2", ""),
        ("bad3", ""),
        ("bad4", ""),
        ("c5", ""),
    ];
    let rollout = "rollout: {max_concurrent: 1, max_failures: 2}\n";
    let desk = Desk::new(&sites, &format!("{rollout}{JUDGE}"));
    let output = desk.run(&[]);
    assert_eq!(code(&output), 1, "{}", text(&output.stderr));
    let wanted = [
        ("a1", "healthy"),
        ("bad2", "failed"),
        ("bad3", "failed"),
        ("bad4", "failed"),
        ("c5", "not_started"),
    ];
    let wanted: BTreeMap<String, String> = wanted
        .map(|(site, state)| (site.to_owned(), state.to_owned()))
        .into();
    assert_eq!(desk.standings(), wanted);
    let said = text(&output.stdout);
    assert!(
        said.contains("3 of 5 sites failed, and the runbook puts up with 2"),
        "{said}"
    );
    // What was decided stays decided.
    let again = desk.call(&["resume", &desk.fleet()]);
    assert_eq!(code(&again), 1, "{}", text(&again.stderr));
    assert_eq!(desk.standings(), wanted);

    let reports = desk.path().join("state/reports").join(desk.fleet());
    let read = |name: &str| std::fs::read_to_string(reports.join(name)).unwrap();
    let csv = read("fleet.csv");
    assert_eq!(csv.lines().count(), 6, "{csv}");
    assert!(
        csv.contains(
            "\r\nc5,,not_started,0,,,,\"3 of 5 sites failed, and the runbook puts up with 2\",no\r\n"
        ),
        "{csv}"
    );
    for name in ["fleet.md", "fleet.html"] {
        let document = read(name);
        for site in ["a1", "bad4", "c5"] {
            assert!(document.contains(site), "{name}: {document}");
        }
        assert!(
            document.contains(
                "5 sites: 3 stopped, a step did not work; 1 not started; 1 finished, nothing open"
            ),
            "{name}: {document}"
        );
    }
}

#[test]
fn canaries_by_tag_go_first_and_must_end_well() {
    let sites = [("a1", ""), ("bad2", "pilot"), ("c3", "")];
    let rollout = "rollout: {canary: 1, order: [pilot]}\n";
    let desk = Desk::new(&sites, &format!("{rollout}{JUDGE}"));
    assert_eq!(code(&desk.run(&[])), 1);
    let standings = desk.standings();
    assert_eq!(standings["bad2"], "failed");
    assert_eq!(standings["a1"], "not_started");
    assert_eq!(standings["c3"], "not_started");
    assert_eq!(desk.journals().len(), 1, "no other site was touched");
}

#[test]
fn sites_are_chosen_by_pattern_and_tag() {
    let sites = [
        ("north-1", "north, small"),
        ("north-2", "north"),
        ("south-1", "small"),
        ("test-1", "north, small"),
    ];
    for (more, wanted) in [
        (vec!["--only", "north-*"], vec!["north-1", "north-2"]),
        (
            vec!["--tag", "north", "--except", "test-*"],
            vec!["north-1", "north-2"],
        ),
        (vec!["--tag", "north+small"], vec!["north-1", "test-1"]),
        (vec!["--tag", "small", "--only", "?outh-1"], vec!["south-1"]),
    ] {
        let desk = Desk::new(&sites, JUDGE);
        let output = desk.run(&more);
        assert_eq!(code(&output), 0, "{more:?}: {}", text(&output.stderr));
        let chosen: Vec<String> = desk.standings().into_keys().collect();
        assert_eq!(chosen, wanted, "{more:?}");
    }
    let desk = Desk::new(&sites, JUDGE);
    let output = desk.run(&["--tag", "west"]);
    assert_eq!(code(&output), 2);
    assert!(
        text(&output.stderr).contains("--tag"),
        "it says where to look"
    );
}

#[test]
fn a_site_that_is_busy_keeps_nobody_else_from_starting() {
    let sites = [("a1", ""), ("b2", "")];
    let desk = Desk::new(
        &sites,
        "steps:\n  - {id: task, action: manual, with: {instructions: do it}}\n",
    );
    let first = desk.call(&["run", "book.yaml", "--site", "sites/a1.yaml"]);
    assert_eq!(code(&first), 3, "{}", text(&first.stderr));
    let output = desk.run(&[]);
    let said = text(&output.stdout);
    assert!(said.contains("is still open"), "{said}");
    assert_eq!(desk.journals().len(), 2);
    assert_eq!(desk.standings()["b2"], "waiting");
}

/// Killed again and again: `resume` goes on with every site, those that were never started too, and reaches the same end.
#[test]
fn a_fleet_survives_kills() {
    let names: Vec<String> = (0..12).map(|number| format!("site{number}")).collect();
    let sites: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let mut runbook = "rollout: {max_concurrent: 4, canary: 2}\nsteps:\n".to_owned();
    for number in 0..6 {
        // The fourth lets time pass: most sites are killed while they wait.
        let pause = if number == 3 { 1 } else { 0 };
        let action = format!("action: wait, with: {{for: {pause}s}}");
        runbook.push_str(&format!("  - {{id: s{number}, {action}}}\n"));
    }
    let desk = Desk::new(&sites, &runbook);
    let mut child = desk
        .command(&["run", "book.yaml", "--sites", "sites"])
        .spawn()
        .unwrap();
    let mut kills = 0;
    for events in [5, 14, 30, 60, 90, 110] {
        wait_for("so many events", &mut child, || desk.events() >= events);
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        child = desk.command(&["resume", &desk.fleet()]).spawn().unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // From a timer, too: the fleet run as a whole.
    let output = desk.call(&["resume", "--all"]);
    assert_eq!(
        code(&output),
        0,
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    assert_eq!(kills, 6);
    assert_eq!(desk.standings().len(), 12);
    assert!(
        desk.standings().values().all(|state| state == "healthy"),
        "{:?}",
        desk.standings()
    );
    desk.verify_all();
}

/// Sites that wait hold no place: with one place, all three reach their wait. An answer from another process is heard.
#[test]
fn sites_that_wait_hold_no_place_and_answers_are_heard() {
    let sites = [("a1", ""), ("b2", ""), ("c3", "")];
    let desk = Desk::new(
        &sites,
        "rollout: {max_concurrent: 1}\nsteps:\n  - {id: ask, action: approval, with: {prompt: go on, timeout: 40s}}\n",
    );
    let mut child = desk
        .command(&["run", "book.yaml", "--sites", "sites"])
        .spawn()
        .unwrap();
    let waiting = || {
        let output = desk.call(&["runs", "--json"]);
        let listed: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let runs = listed["runs"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        runs.iter().filter(|run| run["status"] == "waiting").count()
    };
    wait_for("all three wait", &mut child, || waiting() == 3);
    for (site, verb) in [("a1", "approve"), ("b2", "approve"), ("c3", "reject")] {
        let output = desk.call(&[verb, site, "ask", "--by", "chief"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        code(&output),
        0,
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    desk.verify_all();
}

#[test]
fn a_fleet_whose_first_site_waits_says_what_the_others_wait_for() {
    let sites = [("a1", ""), ("b2", "")];
    let ask = "steps:\n  - {id: ask, action: approval, with: {prompt: go on}}\n";
    let desk = Desk::new(&sites, &format!("rollout: {{canary: 1}}\n{ask}"));
    assert_eq!(code(&desk.run(&[])), 3);
    let fleet = desk.fleet();
    let told = desk.call(&["status", &fleet, "--json"]);
    let view: Value = serde_json::from_slice(&told.stdout).unwrap();
    let why = view["sites"][1]["reason"].as_str().unwrap();
    assert!(why.contains("when those that go first"), "{why}");
    // Whoever has forgotten its name finds it, and hears what it is.
    let all = text(&desk.call(&["status"]).stdout);
    assert!(all.contains(&format!("fleet run {fleet} is open")), "{all}");
    for verb in ["show", "report", "verify"] {
        let output = desk.call(&[verb, &fleet]);
        assert_eq!(code(&output), 2);
        let said = text(&output.stderr);
        assert!(said.contains("is a fleet run"), "{verb}: {said}");
    }
    // The rest goes on, and a fleet run that has ended is none that is open.
    for site in ["a1", "b2"] {
        assert!(desk.call(&["approve", site, "ask"]).status.success());
        desk.call(&["resume", &fleet]);
    }
    let all = text(&desk.call(&["status"]).stdout);
    assert!(all.contains("no run is open"), "{all}");
}

const ASK: &str =
    "rollout: {canary: 2}\nsteps:\n  - {id: ask, action: approval, with: {prompt: go on}}\n";

#[test]
fn a_fleet_that_is_called_off_starts_no_more_sites_and_ends_its_runs() {
    let desk = Desk::new(&[("a1", ""), ("b2", ""), ("c3", "")], ASK);
    assert_eq!(code(&desk.run(&[])), 3);
    let fleet = desk.fleet();
    let arguments = ["cancel", &fleet, "--note", "wrong runbook"];
    let output = desk.call(&arguments);
    let said = text(&output.stdout);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(
        said.contains("2 open runs were ended, 1 site is not started"),
        "{said}"
    );
    let standings = desk.standings();
    assert_eq!(standings["a1"], "cancelled");
    assert_eq!(standings["b2"], "cancelled");
    assert_eq!(standings["c3"], "not_started");
    let status = text(&desk.call(&["status", &fleet]).stdout);
    let why = "no more sites are started: called off by tester (wrong runbook)";
    assert!(status.contains(why), "{status}");
    // The documents tell it too, and nobody takes it up again.
    let summary = desk.path().join(format!("state/reports/{fleet}/fleet.md"));
    let summary = std::fs::read_to_string(summary).unwrap();
    assert!(summary.contains("called off by tester"), "{summary}");
    let due = text(&desk.call(&["resume", "--all"]).stderr);
    assert!(due.contains("nothing is due"), "{due}");
    let again = desk.call(&arguments);
    assert_eq!(code(&again), 2);
    assert!(text(&again.stderr).contains("has ended"));
    assert_eq!(desk.journals().len(), 2);
    desk.verify_all();
}

#[test]
fn a_check_run_of_a_fleet_says_so_everywhere() {
    let desk = Desk::new(&[("a1", ""), ("b2", "")], ASK);
    let output = desk.run(&["--check"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("check run"));
    let documents = desk.path().join("state/reports").join(desk.fleet());
    for (name, wanted) in [
        ("fleet.md", "CHECK RUN"),
        ("fleet.html", "Check run"),
        ("fleet.csv", "\r\nb2,"),
    ] {
        let document = std::fs::read_to_string(documents.join(name)).unwrap();
        assert!(document.contains(wanted), "{name}: {document}");
        if name == "fleet.csv" {
            assert!(document.lines().skip(1).all(|line| line.ends_with(",yes")));
        }
    }
    for line in [&["runs"][..], &["show", "a1"], &["report", "a1"]] {
        let said = text(&desk.call(line).stdout).to_lowercase();
        assert!(said.contains("check run"), "{line:?}: {said}");
    }
    let step = text(&desk.call(&["show", "a1"]).stdout);
    assert!(step.contains("left out (check run)"), "{step}");
}

#[test]
fn a_live_fleet_hears_that_it_is_called_off() {
    let desk = Desk::new(
        &[("a1", ""), ("b2", ""), ("c3", "")],
        &ASK.replace("go on", "go on, timeout: 40s"),
    );
    let mut child = desk
        .command(&["run", "book.yaml", "--sites", "sites"])
        .spawn()
        .unwrap();
    let two_wait = || {
        let output = desk.call(&["runs", "--json"]);
        text(&output.stdout)
            .matches("\"status\": \"waiting\"")
            .count()
            == 2
    };
    wait_for("two wait", &mut child, two_wait);
    let output = desk.call(&["cancel", &desk.fleet()]);
    let said = text(&output.stdout);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(
        said.contains("2 open runs were ended, 1 site is not started"),
        "{said}"
    );
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 1, "{}", text(&output.stdout));
    let standings = desk.standings();
    assert_eq!(standings["a1"], "cancelled");
    assert_eq!(standings["c3"], "not_started");
    desk.verify_all();
}

#[test]
fn a_stopped_fleet_says_how_to_go_on() {
    let sites = [("a1", ""), ("b2", "")];
    let desk = Desk::new(
        &sites,
        "steps:\n  - {id: pause, action: wait, with: {for: 30s}}\n",
    );
    let mut child = desk
        .command(&["run", "book.yaml", "--sites", "sites"])
        .spawn()
        .unwrap();
    wait_for("both wait", &mut child, || {
        desk.journals().iter().all(|path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"waiting\""))
        }) && desk.journals().len() == 2
    });
    let busy = desk.call(&["resume", &desk.fleet()]);
    assert!(
        text(&busy.stderr).contains("is working on"),
        "{}",
        text(&busy.stderr)
    );
    let id = i32::try_from(child.id()).unwrap();
    let stopped = Command::new("kill").arg(id.to_string()).status().unwrap();
    assert!(stopped.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("stopping: what is under way ends first")
            && text(&output.stderr).contains(&format!("mailmedic resume {}", desk.fleet())),
        "{}",
        text(&output.stderr)
    );
}
