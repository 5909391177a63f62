//! The program as a technician uses it: what README.md shows, bad input, and the exit codes.
#![allow(clippy::unwrap_used)]

mod program;

use std::process::Output;

use mailmedic::practice::dns::ListMode;
use mailmedic::practice::{World, office};
use serde_json::Value;

use program::mailmedic;

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// The five minutes of README.md: a workspace, a site, a run that stops at a task, the answer, and the report.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_real_site() {
    let world = World::start(office::scenario()).await.unwrap();
    for zone in [
        office::SILENT_LIST,
        office::REFUSING_LIST,
        office::WILDCARD_LIST,
    ] {
        world.zones().set_mode(zone, ListMode::Healthy);
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let made = mailmedic(folder, &["init"]);
    assert_eq!(code(&made), 0, "{}", err(&made));
    for name in [
        "mailmedic.yaml",
        "sites/example.yaml",
        "runbooks/blacklist-recovery.yaml",
    ] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    let files = world.unpack(&folder.join("practice")).unwrap();
    std::fs::copy(&files.site, folder.join("sites/acme.yaml")).unwrap();

    let checked = mailmedic(
        folder,
        &[
            "check",
            "sites/example.yaml",
            "sites/acme.yaml",
            "runbooks/blacklist-recovery.yaml",
        ],
    );
    assert_eq!(code(&checked), 0, "{}", err(&checked));
    let plan = mailmedic(
        folder,
        &["plan", "blacklist-recovery", "--site", "sites/acme.yaml"],
    );
    assert_eq!(code(&plan), 0, "{}", err(&plan));
    assert!(out(&plan).contains("clean_up"), "{}", out(&plan));

    let run = mailmedic(
        folder,
        &[
            "run",
            "blacklist-recovery",
            "--site",
            "sites/acme.yaml",
            "--by",
            "tech",
        ],
    );
    assert_eq!(code(&run), 3, "{}{}", out(&run), err(&run));
    assert!(
        out(&run).contains("fetch_logs --by NAME --note TEXT --set folder=TEXT"),
        "it says how to go on: {}",
        out(&run)
    );
    let logs = format!("folder={}", files.event_log.display());
    let brought = ["done", "acme", "fetch_logs", "--by", "tech", "--set", &logs];
    assert_eq!(code(&mailmedic(folder, &brought)), 0);
    let resumed = mailmedic(folder, &["resume", "acme"]);
    assert_eq!(code(&resumed), 3, "{}", err(&resumed));
    assert!(
        out(&resumed).contains("clean_up --by NAME"),
        "what was brought is read, and it goes on: {}",
        out(&resumed)
    );
    let second = mailmedic(
        folder,
        &[
            "run",
            "blacklist-recovery",
            "--site",
            "sites/acme.yaml",
            "--by",
            "tech",
        ],
    );
    assert_eq!(code(&second), 2, "one open run a site and runbook");
    assert!(
        err(&second).contains("mailmedic resume"),
        "{}",
        err(&second)
    );

    let bare = mailmedic(folder, &["done", "acme", "clean_up", "--by", "tech"]);
    assert_eq!(code(&bare), 2, "evidence is required");
    let done = [
        "done", "acme", "clean_up", "--by", "tech", "--note", "cleaned",
    ];
    assert_eq!(code(&mailmedic(folder, &done)), 0);
    assert_eq!(
        code(&mailmedic(folder, &done)),
        0,
        "the same answer twice is fine"
    );
    let other = mailmedic(
        folder,
        &["skip", "acme", "clean_up", "--by", "tech", "--reason", "no"],
    );
    assert_eq!(
        code(&other),
        2,
        "a different second answer is a conflict: {}",
        err(&other)
    );

    let resumed = mailmedic(folder, &["resume", "acme"]);
    assert_eq!(code(&resumed), 3, "{}", err(&resumed));
    let status = mailmedic(folder, &["status", "acme", "--json"]);
    let status: Value = serde_json::from_str(&out(&status)).unwrap();
    assert_eq!(status["run"]["status"], "waiting");
    let shown = mailmedic(folder, &["show", "acme", "relay"]);
    assert!(out(&shown).contains("relay.test"), "{}", out(&shown));
    let unknown = mailmedic(folder, &["show", "acme", "relai"]);
    assert!(
        err(&unknown).contains("relay"),
        "a suggestion: {}",
        err(&unknown)
    );
    for line in ["runs", "status", "verify acme", "export acme"] {
        let output = mailmedic(folder, &line.split(' ').collect::<Vec<_>>());
        assert_eq!(code(&output), 0, "{line}: {}", err(&output));
    }
    let lives = mailmedic(folder, &["listings", "acme"]);
    assert!(out(&lives).contains("✗ listed"), "{}", out(&lives));
    let lives = mailmedic(folder, &["listings", "acme", "--json"]);
    let lives: Value = serde_json::from_str(&out(&lives)).unwrap();
    assert_eq!(lives["schema"], "mailmedic.listings/1");
    assert_eq!(lives["listings"][0]["state"]["code"], "listed");
    let unknown = mailmedic(folder, &["listings", "acmee"]);
    assert_eq!(code(&unknown), 2);
    assert!(err(&unknown).contains("acme"), "{}", err(&unknown));
    let report = mailmedic(
        folder,
        &["report", "acme", "--format", "html", "-o", "acme.html"],
    );
    assert_eq!(code(&report), 0, "{}", err(&report));
    let html = std::fs::read_to_string(folder.join("acme.html")).unwrap();
    assert!(html.contains("Acme Office") && html.contains("Laboratory"));

    let journal = std::fs::read_dir(folder.join("state/runs"))
        .unwrap()
        .flatten();
    for file in journal.filter(|entry| entry.path().extension().is_some_and(|end| end == "journal"))
    {
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(
            !text.contains("correct-horse-battery"),
            "a password in the journal"
        );
    }
    assert_eq!(
        code(&mailmedic(
            folder,
            &["cancel", "acme", "--by", "tech", "--note", "enough"]
        )),
        0
    );
    assert_eq!(
        code(&mailmedic(folder, &["resume", "acme"])),
        1,
        "called off"
    );
}

/// Exit code 4 and 0 of the runbook for cron; a check run waits for nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_check_tells_by_its_exit_code() {
    let world = World::start(office::scenario()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = world.unpack(folder.path()).unwrap();
    let site = files.site.to_str().unwrap();
    let sick = mailmedic(
        folder.path(),
        &[
            "run",
            "health-check",
            "--site",
            site,
            "--by",
            "cron",
            "--quiet",
        ],
    );
    assert_eq!(code(&sick), 4, "{}{}", out(&sick), err(&sick));
    for change in office::changes() {
        change.apply(&world);
    }
    for zone in [
        office::SILENT_LIST,
        office::REFUSING_LIST,
        office::WILDCARD_LIST,
    ] {
        world.zones().set_mode(zone, ListMode::Healthy);
    }
    let well = mailmedic(
        folder.path(),
        &[
            "run",
            "health-check",
            "--site",
            site,
            "--by",
            "cron",
            "--quiet",
        ],
    );
    assert_eq!(code(&well), 0, "{}{}", out(&well), err(&well));
    let check = mailmedic(
        folder.path(),
        &[
            "run",
            "blacklist-recovery",
            "--site",
            site,
            "--by",
            "me",
            "--check",
        ],
    );
    assert!(
        matches!(code(&check), 0 | 4),
        "{}: {}{}",
        code(&check),
        out(&check),
        err(&check)
    );
    assert_eq!(world.server(office::SERVER).unwrap().commands("DATA"), 0);
}

/// README's first command, in the debug build.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_ends_with_a_handover() {
    let folder = tempfile::tempdir().unwrap();
    let demo = mailmedic(folder.path(), &["demo", "--keep", "kept"]);
    assert_eq!(code(&demo), 0, "{}{}", out(&demo), err(&demo));
    let reports = folder.path().join("kept/reports/acme-practice");
    let text = std::fs::read_to_string(reports.join("handover.md")).unwrap();
    assert!(out(&demo).contains("handover.html"), "{}", out(&demo));
    for words in [
        "delisted",
        "Before and after",
        "Two PCs in accounting",
        "mail.acme.example",
    ] {
        assert!(text.contains(words), "'{words}' is missing in {text}");
    }
    assert!(reports.join("files/ptr-request.md").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_are_told_all_at_once_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(
        folder.join("bad.yaml"),
        "version: 1\nname: bad\nsteps:\n  - id: a\n    acton: manual\n  - id: b\n    action: rdns.verifi\n    needs: [c]\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("acme.yaml"),
        "id: acme\ndomains: [no]\noutbound: {addresses: [10.0.0.300]}\n",
    )
    .unwrap();
    let checked = mailmedic(folder, &["check", "bad.yaml", "acme.yaml"]);
    assert_eq!(code(&checked), 2);
    let said = err(&checked);
    for words in [
        "acton",
        "rdns.verify",
        "bad.yaml:5",
        "acme.yaml:",
        "10.0.0.300",
        "help:",
    ] {
        assert!(said.contains(words), "'{words}' is missing in {said}");
    }
    let run = mailmedic(
        folder,
        &["run", "bad.yaml", "--site", "acme.yaml", "--by", "me"],
    );
    assert_eq!(code(&run), 2);
    assert!(!folder.join(".local").exists(), "nothing was written");
    let faults = mailmedic(folder, &["check", "bad.yaml", "--json"]);
    let faults: Value = serde_json::from_str(&out(&faults)).unwrap();
    assert!(faults["faults"].as_array().unwrap().len() >= 3, "{faults}");
    assert_eq!(faults["faults"][1]["line"], 5, "{faults}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reference_and_help_answer() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "--help",
        "--version",
        "run --help",
        "actions",
        "actions relay.test",
        "lists",
        "lists spamhaus-zen",
        "lists sorbs",
        "schema runbook",
        "schema site",
        "explain rdns-generic",
        "explain cause-open-relay",
        "completions bash",
        "runs",
        "check blacklist-recovery health-check",
    ] {
        let output = mailmedic(folder.path(), &line.split(' ').collect::<Vec<_>>());
        assert_eq!(code(&output), 0, "{line}: {}", err(&output));
        assert!(!out(&output).is_empty(), "{line}");
    }
    let reply = mailmedic(
        folder.path(),
        &[
            "explain",
            "550 5.7.606 Access denied, banned sending IP [192.0.2.10]",
        ],
    );
    assert!(out(&reply).contains("sender.office.com"), "{}", out(&reply));
    // A flag is a flag before and after the text, quoted or not.
    let sender = "550 5.7.60 SMTP; Client does not have permissions to send as this sender";
    let unquoted: Vec<&str> = sender.split(' ').collect();
    for arguments in [
        [&["explain", sender, "--json"][..]].concat(),
        [&["explain", "--json", sender][..]].concat(),
        [&["explain"], &unquoted[..], &["--json"]].concat(),
        ["--json", "explain", "--", sender].to_vec(),
    ] {
        let output = mailmedic(folder.path(), &arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", err(&output));
        let told: Value = serde_json::from_str(&out(&output)).unwrap();
        assert!(
            told.to_string().contains(r#""class":"sender""#),
            "{arguments:?}: {told}"
        );
    }
    for (line, words) in [
        ("explain nonsense-code", "finding code"),
        ("show nothing", "no run"),
        ("lists spamhaus-zenn", "did you mean"),
        ("frobnicate", "unrecognized"),
    ] {
        let output = mailmedic(folder.path(), &line.split(' ').collect::<Vec<_>>());
        assert_eq!(code(&output), 2, "{line}");
        assert!(err(&output).contains(words), "{line}: {}", err(&output));
    }
}

/// The runbook that README.md shows is one that can be run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_runbook_of_the_readme_is_without_faults() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let book = readme
        .split("```yaml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("book.yaml"), book).unwrap();
    let checked = mailmedic(folder.path(), &["check", "book.yaml"]);
    assert_eq!(code(&checked), 0, "{}", err(&checked));
}

/// A condition on the item is judged for each item; a template that exists in one format ends a run well; and documents that a
/// killed process has left out are written when the run is named again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_conditions_and_documents_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let site = "id: acme\nname: Acme\ndomains: [acme.example]\n";
    std::fs::write(folder.join("acme.yaml"), site).unwrap();
    let book = "version: 1\nname: letters\nsteps:\n  - id: each\n    action: document.render\n    foreach: {items: [one, two, three], as: name}\n    \
                when: \"name != 'two'\"\n    with: {template: isp-ptr-request.md, to: \"{{name}}.md\"}\nreport: {template: summary}\n";
    std::fs::write(folder.join("book.yaml"), book).unwrap();
    let run = mailmedic(
        folder,
        &[
            "--state",
            "state",
            "run",
            "book.yaml",
            "--site",
            "acme.yaml",
            "--by",
            "me",
        ],
    );
    assert_eq!(code(&run), 0, "{}{}", out(&run), err(&run));
    let shown = mailmedic(folder, &["--state", "state", "show", "acme", "--json"]);
    let shown: Value = serde_json::from_str(&out(&shown)).unwrap();
    let states: Vec<(&str, &str)> = shown["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["key"].as_str().unwrap(),
                step["state"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = [
        ("each", "done"),
        ("each[one]", "done"),
        ("each[two]", "skipped"),
        ("each[three]", "done"),
    ];
    assert_eq!(states, wanted);

    let journal = std::fs::read_dir(folder.join("state/runs"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "journal"))
        .unwrap();
    let reports = folder
        .join("state/reports")
        .join(journal.file_stem().unwrap());
    let written = ["summary.md", "files/one.md", "files/three.md"];
    for name in written {
        assert!(reports.join(name).is_file(), "{name}");
    }
    // As a process leaves it that is killed right after the end of the run.
    let text = std::fs::read_to_string(&journal).unwrap();
    let end = text.find("run_finished").unwrap();
    let end = end + text[end..].find('\n').unwrap() + 1;
    std::fs::write(&journal, &text[..end]).unwrap();
    std::fs::remove_dir_all(&reports).unwrap();
    assert_eq!(
        code(&mailmedic(folder, &["--state", "state", "resume", "acme"])),
        0
    );
    for name in written {
        assert!(reports.join(name).is_file(), "{name} after resume");
    }
}
