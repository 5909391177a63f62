//! Two processes in one state folder: each on its own run, and both on the same.

use std::process::{Child, Stdio};

use super::Folder;

/// The step of each run ends only when the other's has begun: both must work at the same time.
const MEET: &str = "version: 1
name: meet
inputs:
  mine: {type: string}
  other: {type: string}
steps:
  - id: meet
    action: command.run
    timeout: 60s
    with: {command: [sh, -c, ': > {{inputs.mine}}; until [ -e {{inputs.other}} ]; do sleep 0.01; done; echo {}']}
";

fn start(folder: &Folder, line: &str) -> Child {
    let mut command = folder.command();
    command
        .args(line.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn until(folder: &Folder, name: &str) {
    let path = folder.path().join(name);
    for _ in 0..6_000 {
        if path.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{name} does not come");
}

#[test]
fn two_processes_work_on_different_runs_at_the_same_time() {
    let folder = Folder::new();
    folder.put("meet.yaml", MEET);
    folder.put(
        "beta.yaml",
        "id: beta\nname: Beta\ndomains: [beta.example]\n",
    );
    let here = folder.path().display().to_string();
    let go = |site: &str, mine: &str, other: &str| {
        start(
            &folder,
            &format!(
                "run meet.yaml --site {site}.yaml --set mine={here}/{mine} --set other={here}/{other}"
            ),
        )
    };
    let (one, two) = (go("acme", "one", "two"), go("beta", "two", "one"));
    for child in [one, two] {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    assert_eq!(folder.runs().len(), 2);
    for run in folder.runs() {
        folder.says(0, &format!("verify {run}"));
    }
}

#[test]
fn the_second_on_the_same_run_hears_who_works_on_it_and_what_to_do() {
    let folder = Folder::new();
    folder.put("meet.yaml", MEET);
    let here = folder.path().display().to_string();
    let line =
        format!("run meet.yaml --site acme.yaml --set mine={here}/one --set other={here}/two");
    let first = start(&folder, &line);
    until(&folder, "one");
    let run = folder.runs().remove(0);
    let before = std::fs::read(folder.journal(&run)).unwrap();
    let holder = format!("process {} on ", first.id());
    for line in ["resume acme", "resume acme --adopt"] {
        let said = folder.says(2, line);
        assert!(said.contains(&holder), "{line}: {said}");
        assert!(
            said.contains("wait until it ends, or stop it and resume"),
            "{line}: {said}"
        );
    }
    let said = folder.says(
        2,
        "run meet.yaml --site acme.yaml --set mine=x --set other=y",
    );
    assert!(said.contains("is still open"), "{said}");
    let status = folder.says(0, "status acme");
    assert!(
        status.contains(&holder) && status.contains("goes on by itself"),
        "{status}"
    );
    assert!(folder.says(0, "status").contains("under way"));
    // Reading does not wait, and nothing of this has written.
    for line in ["status acme", "show acme", "runs", "verify acme"] {
        folder.says(0, line);
    }
    assert_eq!(std::fs::read(folder.journal(&run)).unwrap(), before);
    // Called off, it ends with what is under way, and says so until then.
    let off = folder.says(0, "cancel acme --note enough");
    assert!(
        off.contains(&holder) && off.contains("ends it when"),
        "{off}"
    );
    let status = folder.says(0, "status acme");
    assert!(status.contains("what is under way still ends"), "{status}");
    folder.put("two", "");
    let output = first.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let status = folder.says(0, "status acme");
    assert!(status.contains("was called off by tech"), "{status}");
}

#[test]
fn a_run_of_which_nobody_takes_care_says_so_and_how_it_goes_on() {
    let folder = Folder::new();
    let book = "version: 1\nname: book\nsteps:\n  - {id: ask, action: manual, with: {instructions: Do it.}}\n  \
                - {id: two, action: command.run, with: {command: [echo, '{}']}}\n";
    folder.put("book.yaml", book);
    folder.says(3, "run book.yaml --site acme.yaml");
    let run = folder.runs().remove(0);
    let waits = folder.says(0, "status");
    assert!(
        waits.contains("WAITS FOR") && waits.contains("  ask"),
        "{waits}"
    );
    let answered = folder.says(0, "done acme ask");
    let go_on = format!("go on with: mailmedic resume {run}");
    assert!(answered.contains(&go_on), "{answered}");
    for line in ["runs", "status"] {
        let said = folder.says(0, line);
        assert!(said.contains("stands still: resume"), "{line}: {said}");
    }
    for line in ["status acme", "show acme"] {
        let said = folder.says(0, line);
        assert!(
            said.contains("The work stands still") && said.contains(&go_on),
            "{line}: {said}"
        );
    }
    // Lists say why they are empty.
    let none = folder.says(0, "runs --site beta");
    assert!(none.contains("no run of site 'beta'"), "{none}");
    folder.says(0, "resume acme");
    for line in ["status", "runs --open"] {
        let none = folder.says(0, line);
        assert!(none.contains("no run is open"), "{line}: {none}");
    }
    let other = Folder::new();
    assert!(other.says(0, "status").contains("no runs yet"));
    let late = folder.says(0, "done acme ask");
    assert!(
        late.contains("it was already") && late.contains("has ended since"),
        "{late}"
    );
}

#[test]
fn an_answer_beside_a_live_run_says_that_it_goes_on_by_itself() {
    let folder = Folder::new();
    folder.put(
        "ask.yaml",
        &MEET
            .replace("meet\ninputs", "ask\ninputs")
            .replace(
                "steps:\n",
                "steps:\n  - {id: ask, needs: [], action: manual, with: {instructions: Do it.}}\n",
            )
            .replace("id: meet\n", "id: meet\n    needs: []\n"),
    );
    let here = folder.path().display().to_string();
    let first = start(
        &folder,
        &format!("run ask.yaml --site acme.yaml --set mine={here}/one --set other={here}/two"),
    );
    until(&folder, "one");
    let said = folder.says(0, "done acme ask");
    assert!(
        said.contains(&format!("process {} on ", first.id())) && said.contains("goes on by itself"),
        "{said}"
    );
    folder.put("two", "");
    let output = first.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
