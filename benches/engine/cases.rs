//! The cases: what is carried out, and what it is held against.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::floor;
use crate::program::{Cost, Program, site};

/// How to measure.
pub(crate) struct Bench {
    /// The program.
    pub(crate) binary: PathBuf,
    /// Where files go; the floor is measured on the same disk.
    pub(crate) folder: PathBuf,
    /// Turns of each case.
    pub(crate) turns: usize,
}

type Case = fn(&Bench) -> Vec<String>;

/// Name, what it is, and how it is measured.
pub(crate) const CASES: &[(&str, &str, Case)] = &[
    ("cold", "one step, from nothing", cold),
    ("run", "one run of 1,000 steps that do nothing", one_run),
    ("fleet", "100 sites x 20 steps, 16 sites at once", fleet),
    (
        "spawn",
        "1,000 steps that each start a process, beside make",
        spawn,
    ),
    (
        "resume",
        "resume after SIGKILL at 500 of 1,000 steps",
        resume,
    ),
    ("long", "resume at a journal of 100,000 steps", long),
    ("wait", "500 and 5,000 runs that each wait 1 s", wait),
    ("list", "1,000 finished runs in the state folder", list),
];

const QUIET: &[&str] = &["--quiet"];

fn runbook(steps: usize, step: &str) -> String {
    let mut text = "version: 1\nname: bench\nrollout: {max_concurrent: 16}\nsteps:\n".to_owned();
    for number in 0..steps {
        writeln!(text, "  - {{id: s{number}, {step}}}").unwrap();
    }
    text
}

/// The probe-kind step that does nothing.
const NOTHING: &str = "action: wait, with: {for: 0s}";

impl Bench {
    fn program(&self, steps: usize, step: &str) -> Program {
        let program = Program::new(&self.binary, self.folder.join("workspace"));
        program.write("bench.yaml", &runbook(steps, step));
        program.write("site.yaml", &site("site"));
        program
    }

    fn turns<T>(&self, mut turn: impl FnMut() -> T) -> Vec<T> {
        (0..self.turns).map(|_| turn()).collect()
    }
}

fn run_arguments() -> Vec<&'static str> {
    [&["run", "bench.yaml", "--site", "site.yaml"], QUIET].concat()
}

fn fleet_arguments() -> Vec<&'static str> {
    [&["run", "bench.yaml", "--sites", "sites"], QUIET].concat()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn mean_cpu(costs: &[Cost]) -> f64 {
    costs.iter().map(|cost| cost.cpu.as_secs_f64()).sum::<f64>() / costs.len() as f64
}

fn flushes(program: &Program, arguments: &[&str], steps: usize) -> String {
    match program.flushes(arguments) {
        Some(count) => format!(
            "{count} flushes, {:.2} a step, {:.1} records a flush",
            count as f64 / steps as f64,
            2.0 * steps as f64 / count as f64
        ),
        None => "flushes not counted: strace is not installed".to_owned(),
    }
}

fn cold(bench: &Bench) -> Vec<String> {
    let program = bench.program(1, NOTHING);
    let costs = bench.turns(|| {
        program.forget();
        program.run(&run_arguments())
    });
    program.forget();
    let memory = program.memory(&run_arguments());
    vec![format!(
        "{:.1} ms (goal 10), {memory:.1} MiB (goal 16)",
        median(costs.iter().map(|cost| ms(cost.wall)).collect())
    )]
}

fn one_run(bench: &Bench) -> Vec<String> {
    const STEPS: usize = 1000;
    let program = bench.program(STEPS, NOTHING);
    let mut costs = Vec::new();
    let mut inside = Vec::new();
    let turns = bench.turns(|| {
        let floor = floor::append(&bench.folder, STEPS);
        let zeroed = floor::preallocated(&bench.folder, STEPS);
        program.forget();
        let cost = program.run(&run_arguments());
        costs.push(cost);
        inside.push(program.inside() / floor.as_secs_f64());
        (
            ms(floor),
            ms(zeroed),
            ms(cost.wall),
            cost.wall.as_secs_f64() / floor.as_secs_f64(),
        )
    });
    let middle = |pick: fn(&(f64, f64, f64, f64)) -> f64| median(turns.iter().map(pick).collect());
    program.forget();
    vec![
        format!(
            "floor {:.0} ms (into zeroed space {:.0} ms)",
            middle(|t| t.0),
            middle(|t| t.1)
        ),
        format!(
            "{:.0} ms = {:.0} steps/s: {:.2} x the floor from start to end of the process, {:.2} x inside the run (goal 1.2)",
            middle(|t| t.2),
            STEPS as f64 / middle(|t| t.2) * 1e3,
            middle(|t| t.3),
            median(inside)
        ),
        format!("{:.3} s CPU (goal 0.12)", mean_cpu(&costs)),
        flushes(&program, &run_arguments(), STEPS),
    ]
}

fn fleet(bench: &Bench) -> Vec<String> {
    const STEPS: usize = 2000;
    let program = bench.program(20, NOTHING);
    program.write_sites(100);
    let mut costs = Vec::new();
    let mut flushes = Vec::new();
    let turns = bench.turns(|| {
        let floor = STEPS as f64 / floor::grouped(&bench.folder, STEPS, 16).as_secs_f64();
        program.forget();
        costs.push(program.run(&fleet_arguments()));
        let speed = STEPS as f64 / program.inside();
        flushes.push(program.shared_flushes() as f64);
        (floor, speed, speed / floor)
    });
    let middle = |pick: fn(&(f64, f64, f64)) -> f64| median(turns.iter().map(pick).collect());
    let memory = {
        program.forget();
        program.memory(&fleet_arguments())
    };
    let flushes = median(flushes);
    vec![
        format!("floor {:.0} records/s by 16 writers", middle(|t| t.0)),
        format!(
            "{:.0} steps/s inside the fleet: {:.2} x the floor (goal 0.42)",
            middle(|t| t.1),
            middle(|t| t.2)
        ),
        format!(
            "{:.0} ms and {:.3} s CPU in all, {memory:.1} MiB",
            median(costs.iter().map(|cost| ms(cost.wall)).collect()),
            mean_cpu(&costs)
        ),
        format!(
            "{flushes:.0} flushes, {:.2} a step, {:.1} records a flush (goal 4)",
            flushes / STEPS as f64,
            2.0 * STEPS as f64 / flushes
        ),
    ]
}

fn spawn(bench: &Bench) -> Vec<String> {
    const STEPS: usize = 1000;
    let program = bench.program(
        STEPS,
        "action: command.run, with: {command: [touch, stamp]}",
    );
    let mut makefile = format!("all: s{}\n", STEPS - 1);
    for number in 0..STEPS {
        let before = if number == 0 {
            String::new()
        } else {
            format!("s{}", number - 1)
        };
        writeln!(makefile, "s{number}: {before}\n\t@touch stamp").unwrap();
    }
    program.write("chain.mk", &makefile);
    let turns = bench.turns(|| {
        let make = program.measure(Path::new("make"), &["-s", "-f", "chain.mk"]);
        program.forget();
        let ours = program.run(&run_arguments());
        (
            ms(make.wall),
            ms(ours.wall),
            ours.wall.as_secs_f64() / make.wall.as_secs_f64(),
        )
    });
    let middle = |pick: fn(&(f64, f64, f64)) -> f64| median(turns.iter().map(pick).collect());
    program.forget();
    vec![
        format!("make {:.0} ms, without any flush", middle(|t| t.0)),
        format!(
            "{:.0} ms: {:.2} x make (goal 1.3)",
            middle(|t| t.1),
            middle(|t| t.2)
        ),
        flushes(&program, &run_arguments(), STEPS),
    ]
}

/// From the start of `resume` until the journal holds more than it did, in milliseconds, and the whole of it.
fn until_first_step(program: &Program) -> (f64, f64) {
    let bytes = |program: &Program| program.events();
    let before = bytes(program);
    let begun = Instant::now();
    let mut child = program.start(&["resume", "site", "--quiet"]);
    // Taking the run up is one event more; a step is the next.
    while bytes(program) <= before + 1 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "resume does not go on"
        );
        std::thread::sleep(Duration::from_micros(200));
    }
    let first = ms(begun.elapsed());
    child.wait().unwrap();
    (first, ms(begun.elapsed()))
}

fn kill_at(program: &Program, events: usize) {
    let mut child = program.start(&run_arguments());
    while program.events() < events {
        assert!(
            child.try_wait().unwrap().is_none(),
            "ended before it could be killed"
        );
        std::thread::sleep(Duration::from_micros(200));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn resume(bench: &Bench) -> Vec<String> {
    let program = bench.program(1000, NOTHING);
    let turns = bench.turns(|| {
        program.forget();
        kill_at(&program, 1000);
        until_first_step(&program)
    });
    let journal = std::fs::read_to_string(program.journals().pop().unwrap()).unwrap();
    let again = journal.matches("\"step_started\"").count() - 1000;
    vec![format!(
        "first new step after {:.1} ms (goal 50), the end after {:.0} ms; {again} step again",
        median(turns.iter().map(|turn| turn.0).collect()),
        median(turns.iter().map(|turn| turn.1).collect())
    )]
}

fn long(bench: &Bench) -> Vec<String> {
    const ITEMS: usize = 1000;
    let program = bench.program(0, NOTHING);
    let items: Vec<String> = (0..ITEMS).map(|number| format!("i{number}")).collect();
    let mut text = format!(
        "version: 1\nname: bench\ninputs:\n  items: {{type: list, default: [{}]}}\nsteps:\n",
        items.join(", ")
    );
    for number in 0..100 {
        writeln!(text, "  - {{id: s{number}, {NOTHING}, foreach: {{items: \"{{{{inputs.items}}}}\", as: item}}}}").unwrap();
    }
    text.push_str("  - {id: stop, action: wait, with: {for: 1h}}\n  - {id: last, action: wait, with: {for: 0s}}\n");
    program.write("bench.yaml", &text);
    let begun = Instant::now();
    program.run(&run_arguments());
    let made = begun.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(program.journals().pop().unwrap())
        .unwrap()
        .len();
    let turns = bench.turns(|| ms(program.run(&["resume", "site", "--quiet"]).wall));
    let memory = program.memory(&["resume", "site", "--quiet"]);
    vec![
        format!("made in {made:.1} s, {:.0} MB", bytes as f64 / 1e6),
        format!(
            "taken up and left waiting after {:.0} ms (goal 1,000), {memory:.0} MiB (goal 200)",
            median(turns)
        ),
    ]
}

fn wait(bench: &Bench) -> Vec<String> {
    let mut lines = Vec::new();
    for (runs, goal) in [(500, "1.15 s, 0.15 s CPU, 30 MiB"), (5000, "1.5 s")] {
        let program = bench.program(1, "action: wait, with: {for: 1s}");
        program.write(
            "bench.yaml",
            &format!(
                "{}rollout: {{max_concurrent: {runs}}}\n",
                runbook(1, "action: wait, with: {for: 1s}")
                    .replace("rollout: {max_concurrent: 16}\n", "")
            ),
        );
        program.write_sites(runs);
        let costs = bench.turns(|| {
            program.forget();
            program.run(&fleet_arguments())
        });
        program.forget();
        let memory = program.memory(&fleet_arguments());
        lines.push(format!(
            "{runs} runs: {:.2} s, {:.2} s CPU, {memory:.1} MiB (goal {goal})",
            median(costs.iter().map(|cost| cost.wall.as_secs_f64()).collect()),
            mean_cpu(&costs)
        ));
    }
    lines
}

fn list(bench: &Bench) -> Vec<String> {
    let program = bench.program(20, NOTHING);
    program.write_sites(1000);
    program.run(&fleet_arguments());
    let mut lines = Vec::new();
    for arguments in [
        vec!["runs"],
        vec!["status"],
        vec!["status", "site7"],
        vec!["resume", "--all"],
        vec!["--version"],
    ] {
        let first = ms(program.run(&arguments).wall);
        let costs = bench.turns(|| ms(program.run(&arguments).wall));
        lines.push(format!(
            "{}: {:.0} ms, the first time {first:.0} ms (goal 100)",
            arguments.join(" "),
            median(costs)
        ));
    }
    lines
}
