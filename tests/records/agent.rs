//! `agent`: goes on with all runs over dates and answers, by itself, whatever happens to it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::Folder;

/// A date, a person, and a step that leaves a line each time it is done.
const BOOK: &str = "version: 1
name: book
steps:
  - {id: pause, action: wait, with: {for: 1s}}
  - {id: may_it, action: approval, needs: [pause], with: {prompt: May it?}}
  - id: act
    action: command.run
    needs: [may_it]
    with: {command: [sh, -c, 'echo $MAILMEDIC_RUN >> HERE/acted; echo {}']}
";

/// A step that has begun, and takes its time until it is let go.
const SLOW: &str = "version: 1
name: slow
steps:
  - id: act
    action: command.run
    with: {command: [sh, -c, 'echo >> HERE/begun; until [ -e HERE/go ]; do sleep 0.02; done; echo >> HERE/acted; echo {}']}
";

const PATIENCE: Duration = Duration::from_secs(60);

/// An agent, and the lines that it says.
struct Agent {
    child: Child,
    lines: Receiver<String>,
}

impl Agent {
    fn start(folder: &Folder, line: &str) -> Self {
        let mut child = folder
            .command()
            .args(line.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        Agent { child, lines }
    }

    /// Waits for a line with `text`.
    fn until(&self, text: &str) -> String {
        let mut heard = String::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => heard += &(line + "\n"),
                Err(_) => panic!("'{text}' is not said: {heard}"),
            }
        }
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for its end. Gives the exit code, if it had one, and what was said since.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said: String = self.lines.iter().map(|line| line + "\n").collect();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Folder {
    fn book(&self, name: &str, text: &str) {
        self.put(
            name,
            &text.replace("HERE", &self.path().display().to_string()),
        );
    }

    fn count(&self, name: &str) -> usize {
        self.text(name).lines().count()
    }

    fn until_there(&self, name: &str) {
        for _ in 0..6_000 {
            if self.path().join(name).exists() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("{name} does not come");
    }

    fn site(&self, id: &str) {
        self.put(
            &format!("{id}.yaml"),
            &format!("id: {id}\nname: X\ndomains: [{id}.example]\n"),
        );
    }
}

/// Starts a run and lets its process go at once, with the date still before it.
fn begun(folder: &Folder, site: &str) {
    let mut run = folder.command();
    run.args(["run", "book.yaml", "--site", &format!("{site}.yaml")])
        .stdout(Stdio::piped());
    let mut run = run.spawn().unwrap();
    let mut out = BufReader::new(run.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("pause: waiting") {
        line.clear();
        assert!(out.read_line(&mut line).unwrap() > 0, "it waits");
    }
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn it_goes_on_over_dates_and_answers_until_all_is_done() {
    let folder = Folder::new();
    folder.book("book.yaml", BOOK);
    folder.site("beta");
    for site in ["acme", "beta"] {
        begun(&folder, site);
    }
    let agent = Agent::start(&folder, "agent --until-done");
    agent.until("looks after all runs");
    for _ in 0..2 {
        agent.until("its date had come; waits for a person: `mailmedic status ");
    }
    // A run that came later, by another process.
    folder.site("gamma");
    begun(&folder, "gamma");
    agent.until("its date had come; waits for a person");
    for site in ["acme", "beta", "gamma"] {
        folder.says(0, &format!("approve {site} may_it"));
        let line = agent.until("it could go on; has ended: healthy");
        assert!(line.contains(&format!(" {site}-")), "{line}");
    }
    let (code, said) = agent.end();
    assert_eq!(
        (code, said.as_str()),
        (Some(0), ""),
        "one line each time it acts"
    );
    assert_eq!(folder.count("acted"), 3);
    for run in folder.runs() {
        folder.says(0, &format!("verify {run}"));
    }
}

#[test]
fn told_to_stop_it_lets_a_step_end_and_the_next_one_goes_on() {
    for signal in ["-TERM", "-INT"] {
        let folder = Folder::new();
        folder.book("slow.yaml", SLOW);
        folder.book("book.yaml", BOOK);
        begun(&folder, "acme");
        let agent = Agent::start(&folder, "agent");
        agent.until("waits for a person");
        // Nothing to do: it ends at once.
        agent.signal(signal);
        let (code, said) = agent.end();
        assert!(
            code == Some(0) && said.contains("stopped; nothing is lost"),
            "{signal}: {code:?} {said}"
        );

        // In the middle of a step that others notice: the step ends first.
        let mut run = folder.command();
        run.args(["run", "slow.yaml", "--site", "acme.yaml"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = run.spawn().unwrap();
        folder.until_there("begun");
        run.kill().unwrap();
        run.wait().unwrap();
        folder.put("go", "");
        let agent = Agent::start(&folder, "agent");
        let asks = agent.until("a person must say what became of a step");
        let slow = asks
            .split(' ')
            .nth(2)
            .unwrap()
            .trim_end_matches(':')
            .to_owned();
        std::fs::remove_file(folder.path().join("go")).unwrap();
        std::fs::remove_file(folder.path().join("begun")).unwrap();
        folder.says(0, &format!("resolve {slow} act --rerun"));
        folder.until_there("begun");
        agent.signal(signal);
        folder.put("go", "");
        let (code, said) = agent.end();
        assert_eq!(code, Some(0), "{signal}: {said}");
        let shown = folder.json(&format!("show {slow} act"));
        assert_eq!(shown["step"]["outcome"], "good", "{signal}: {said} {shown}");
        folder.says(0, &format!("verify {slow}"));
        // The run itself was ended by the stopped agent, or is by the next one.
        folder.says(0, "resume --all");
        let status = folder.json(&format!("status {slow}"));
        assert_eq!(
            status["run"]["status"], "healthy",
            "{signal}: {said} {status}"
        );
    }
}

/// Two agents in one folder, and one of them killed: each step is done once.
#[test]
fn two_agents_do_nothing_twice_and_a_kill_loses_nothing() {
    let folder = Folder::new();
    folder.book("book.yaml", BOOK);
    let sites = ["acme", "beta", "gamma", "delta"];
    for site in &sites {
        folder.site(site);
        begun(&folder, site);
    }
    let (mut one, two) = (
        Agent::start(&folder, "agent"),
        Agent::start(&folder, "agent --until-done"),
    );
    for site in &sites[..2] {
        folder.until_asked(site);
        folder.says(0, &format!("approve {site} may_it"));
    }
    one.child.kill().unwrap();
    one.child.wait().unwrap();
    for site in &sites[2..] {
        folder.until_asked(site);
        folder.says(0, &format!("approve {site} may_it"));
    }
    for run in folder.runs() {
        folder.until_settled(&run);
    }
    let (code, said) = two.end();
    assert_eq!(code, Some(0), "{said}");
    let mut acted: Vec<String> = folder.text("acted").lines().map(str::to_owned).collect();
    acted.sort();
    let before = acted.len();
    acted.dedup();
    assert_eq!((before, acted.len()), (4, 4), "each once");
}

impl Folder {
    fn until_asked(&self, site: &str) {
        self.until_status(site, |run| {
            run["asks"].as_array().is_some_and(|asks| !asks.is_empty())
        });
    }

    /// Until a run has ended; a step that a kill has interrupted is looked up and resolved, as a person does.
    fn until_settled(&self, run: &str) {
        self.until_status(run, |status| {
            if status["status"] == "needs_resolve" {
                let acted = self.text("acted").contains(run);
                let what = if acted { "--done" } else { "--rerun" };
                self.says(0, &format!("resolve {run} act {what}"));
            }
            status["status"] == "healthy"
        });
    }

    fn until_status(&self, named: &str, holds: impl Fn(&serde_json::Value) -> bool) {
        for _ in 0..600 {
            let status = self.json(&format!("status {named}"));
            if holds(&status["run"]) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{named} does not come there");
    }
}

/// Looking again reads only what has grown; a fleet run goes on as a whole.
#[test]
fn a_fleet_run_goes_on_as_a_whole() {
    let folder = Folder::new();
    folder.book(
        "book.yaml",
        &BOOK.replace(
            "name: book\n",
            "name: book\nrollout: {max_concurrent: 2, canary: 1}\n",
        ),
    );
    std::fs::create_dir(folder.path().join("sites")).unwrap();
    for site in ["acme", "beta", "gamma"] {
        folder.site(site);
        std::fs::rename(
            folder.path().join(format!("{site}.yaml")),
            folder.path().join(format!("sites/{site}.yaml")),
        )
        .unwrap();
    }
    folder.says(3, "run book.yaml --sites sites");
    assert_eq!(folder.runs().len(), 1, "the canary");
    let agent = Agent::start(&folder, "resume --all --watch --json");
    for site in ["acme", "beta", "gamma"] {
        folder.until_asked(site);
        folder.says(0, &format!("approve {site} may_it"));
    }
    let line = agent.until("all its sites have ended");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&line["schema"], &line["ended"]),
        (&"mailmedic.agent/1".into(), &true.into()),
        "{line}"
    );
    let (code, said) = agent.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(folder.count("acted"), 3);
}

/// The unit for systemd starts a command that there is.
#[test]
fn the_unit_starts_the_agent() {
    let unit = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/contrib/mailmedic-agent.service"
    ))
    .unwrap();
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let (program, arguments) = start.split_once(' ').unwrap();
    assert!(program.ends_with("/mailmedic"), "{start}");
    let folder = Folder::new();
    let said = folder.says(0, &format!("{arguments} --help"));
    assert!(said.contains("contrib/mailmedic-agent.service"), "{said}");
}
