//! The command line: names, options, help. No work is done here.

mod records;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use records::{AdoptArgs, PruneArgs, RerunArgs};

use super::exit;

/// Find why a site's mail is refused, stop the cause, get delisted, prove it, and write down what was done.
#[derive(Debug, Parser)]
#[command(name = "mailmedic", version, propagate_version = true, after_help = exit::TABLE, max_term_width = 120)]
pub struct Cli {
    /// What all commands share.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of all commands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print one JSON object, or JSON lines while a run goes on
    #[arg(long, global = true, env = "MAILMEDIC_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
    /// Folder where runs are kept [default: the workspace's, else $XDG_STATE_HOME/mailmedic]
    #[arg(long, global = true, value_name = "DIR", env = "MAILMEDIC_STATE")]
    pub state: Option<PathBuf>,
    /// Settings file [default: mailmedic.yaml here or above, else $XDG_CONFIG_HOME/mailmedic/mailmedic.yaml]
    #[arg(long, global = true, value_name = "FILE", env = "MAILMEDIC_CONFIG")]
    pub config: Option<PathBuf>,
    /// Resolver to ask, ADDRESS or ADDRESS:PORT; may be repeated [default: the site's, else the machine's]
    #[arg(long, global = true, value_name = "ADDR", env = "MAILMEDIC_RESOLVER", value_delimiter = ',', value_parser = resolver)]
    pub resolver: Vec<SocketAddr>,
    /// Folder of templates that go before the shipped ones
    #[arg(long, global = true, value_name = "DIR", env = "MAILMEDIC_TEMPLATES")]
    pub templates: Option<PathBuf>,
    /// Say only what is wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, env = "MAILMEDIC_COLOR")]
    pub color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    crate::settings::resolver(text).ok_or_else(|| {
        "write ADDRESS or ADDRESS:PORT, such as 192.0.2.53 or [2001:db8::53]:53".to_owned()
    })
}

fn duration(text: &str) -> Result<std::time::Duration, String> {
    crate::yaml::duration(text)
        .ok_or_else(|| "write a number and a unit, such as 90d, 12w or 36h".to_owned())
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a workspace: a commented site file, copies of the shipped runbooks, a settings file
    #[command(
        after_help = "Example:\n  mailmedic init clients && cd clients\n  $EDITOR sites/example.yaml"
    )]
    Init {
        /// Where
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// The whole job on a practice mail world on this machine: no network, no root, under a minute
    Demo {
        /// Keep the workspace of the demonstration in this folder
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    /// Carry a runbook out for a site
    #[command(
        after_help = "Examples:\n  mailmedic run blacklist-recovery --site sites/acme.yaml\n  mailmedic run health-check --site sites/acme.yaml --quiet   # for cron: the exit code tells\n  mailmedic run my-runbook.yaml --site sites/acme.yaml --set max_wait=5d --check\n  mailmedic run health-check --sites sites --tag pilot --except 'test-*' --max-concurrent 20"
    )]
    Run(RunArgs),
    /// Go on with a run, or with all that are due
    #[command(
        after_help = "Examples:\n  mailmedic resume acme-261124-k7qd\n  mailmedic resume acme            # the one open run of site acme\n  mailmedic resume --all           # for a timer\n  mailmedic resume acme --adopt    # the runbook's file was mended meanwhile\n\n--adopt takes a changed runbook only if every step that has begun is still in it, with the same\naction and effect."
    )]
    Resume {
        /// Run id, the beginning of one, a site with one open run, or a fleet run
        #[arg(required_unless_present = "all")]
        run: Option<String>,
        /// All open runs that can go on
        #[arg(long, conflicts_with = "run")]
        all: bool,
        /// Stay until the run has ended or a person is needed, however long it takes; with --all, until no run is open
        #[arg(long)]
        watch: bool,
        /// A changed runbook
        #[command(flatten)]
        adopt: AdoptArgs,
    },
    /// Stay, and go on with each run when its date or an answer has come: for a service
    #[command(
        after_help = "Examples:\n  mailmedic agent                  # until it is told to stop (SIGTERM, Ctrl-C)\n  mailmedic agent --until-done     # until no run is open; the same as resume --all --watch\n\nIt says one line each time it acts. Stopped or killed at any moment, nothing is lost, and the\nnext one goes on. contrib/mailmedic-agent.service is a unit for systemd."
    )]
    Agent {
        /// End when no run is open any more; the exit code tells the worst end
        #[arg(long)]
        until_done: bool,
    },
    /// Do an ended run again from a step on: a new run, linked to the old one, that takes over what stands before
    #[command(
        after_help = "Examples:\n  mailmedic rerun acme --from relay\n  mailmedic rerun acme-261124-k7qd --from 'draft[zen]'        # one item of a foreach step\n  mailmedic rerun acme --from rdns --site sites/acme.yaml    # with the site file as it is now\n  mailmedic rerun acme                                       # everything again\n\nDone again are the step, all that need it, all that did not end well, and the runbook's\n`on_failure`, `verify` and `finally`. Answers that people gave to earlier steps are taken over."
    )]
    Rerun(RerunArgs),
    /// Call a run off, or a fleet run with all its open runs
    #[command(
        after_help = "Examples:\n  mailmedic cancel acme --note \"the client moves away\"\n  mailmedic cancel fleet-261125-uhdh --note \"the runbook is wrong\"   # no more sites are started\n\nWhat is under way ends before the run does; it is never cut off in the middle."
    )]
    Cancel {
        /// Run id, the beginning of one, a site with one open run, or a fleet run
        run: String,
        /// Who
        #[command(flatten)]
        who: Who,
    },
    /// Say yes to an approval
    #[command(
        after_help = "Example:\n  mailmedic approve acme may_we_file --by \"A. Boss\" --note \"agreed by telephone\" --resume"
    )]
    Approve(DecideArgs),
    /// Say no to an approval
    #[command(
        after_help = "Example:\n  mailmedic reject acme may_we_file --by \"A. Boss\" --note \"the client moves away\""
    )]
    Reject(DecideArgs),
    /// Say that a manual task was done, or that a step was done by hand
    #[command(
        after_help = "Examples:\n  mailmedic done acme clean_up --by \"J. Tech\" --note \"3 PCs cleaned, all passwords changed\" --evidence scan.txt\n  mailmedic done acme tell --by-hand --note \"told them by telephone\" --evidence note.txt"
    )]
    Done {
        /// Which step
        #[command(flatten)]
        decide: DecideArgs,
        /// The step is no task for a person, but a person has done what it would have done
        #[arg(long)]
        by_hand: bool,
    },
    /// Leave a step out, and say why
    #[command(
        after_help = "Example:\n  mailmedic skip acme relay --reason \"the server is switched off\""
    )]
    Skip(DecideArgs),
    /// Say what became of an interrupted step
    #[command(
        after_help = "Examples:\n  mailmedic resolve acme send --done --note \"it is in the provider's log\"\n  mailmedic resolve acme send --rerun"
    )]
    Resolve {
        /// Which step
        #[command(flatten)]
        decide: DecideArgs,
        /// What became of it
        #[command(flatten)]
        outcome: ResolveOutcome,
    },
    /// List runs, newest first
    Runs {
        /// Only this site
        #[arg(long)]
        site: Option<String>,
        /// Only runs that have not ended
        #[arg(long)]
        open: bool,
    },
    /// Where runs stand and what they wait for
    Status {
        /// Run id, the beginning of one, or a site; all open runs when absent
        run: Option<String>,
    },
    /// Everything about a run, or about one step of it
    Show {
        /// Run id, the beginning of one, or a site
        run: String,
        /// Key of a step
        step: Option<String>,
    },
    /// What became of each listing of a site, over all its runs: first seen, last seen, gone
    #[command(
        after_help = "Examples:\n  mailmedic listings acme\n  mailmedic listings acme --json"
    )]
    Listings {
        /// Id of the site
        site: String,
    },
    /// Write a report about a run, whatever its state
    #[command(
        after_help = "Examples:\n  mailmedic report acme --format html -o acme.html\n  mailmedic report acme --template summary --format md"
    )]
    Report(ReportArgs),
    /// Check that a run's record was not altered: names each event that was altered, left out or moved
    #[command(
        after_help = "Examples:\n  mailmedic verify acme\n  mailmedic verify acme --seen 3f5c...   # the hash that an earlier `verify` has told\n\nWrite the hash of the last event down elsewhere: only by it can be told for sure\nwhether events were cut off the end later. Without it, the list of runs that was made last is asked."
    )]
    Verify {
        /// Run id, the beginning of one, or a site
        run: String,
        /// Hash of the then last event, as written down earlier
        #[arg(long, value_name = "HASH")]
        seen: Option<String>,
    },
    /// Write a run's events as JSON lines
    #[command(after_help = "Example:\n  mailmedic export acme -o acme.jsonl --files acme-files")]
    Export {
        /// Run id, the beginning of one, or a site
        run: String,
        /// File; standard output when absent
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Write the run's files into this folder, too
        #[arg(long, value_name = "DIR")]
        files: Option<PathBuf>,
    },
    /// Take a run in that was exported elsewhere; its chain of hashes is checked first
    #[command(after_help = "Example:\n  mailmedic import acme.jsonl --files acme-files")]
    Import {
        /// What `export` wrote
        file: PathBuf,
        /// Folder that `export --files` wrote
        #[arg(long, value_name = "DIR")]
        files: Option<PathBuf>,
        /// Also a run that has not ended: from now on it goes on here alone
        #[arg(long)]
        open: bool,
    },
    /// Throw ended runs away that are old: shows which; nothing goes without --yes, and never an open run
    #[command(
        after_help = "Examples:\n  mailmedic prune                                  # what would go\n  mailmedic prune --older-than 90d --keep 10 --yes\n\nA run goes when it ended longer ago than --older-than and is not among the --keep newest of\nits site and runbook. The runs of a fleet go together. Files go that no other run speaks of."
    )]
    Prune(PruneArgs),
    /// Check runbooks and site files: every fault at once, with its place
    Check {
        /// Files, or names of shipped runbooks
        #[arg(required = true, value_name = "FILE")]
        files: Vec<String>,
    },
    /// Show what a runbook would do for a site, without doing anything
    Plan {
        /// File, or name of a shipped runbook
        runbook: String,
        /// Site file
        #[arg(long, value_name = "FILE")]
        site: PathBuf,
        /// Inputs, NAME=VALUE
        #[arg(long = "set", value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
    /// JSON Schema of runbooks or site files, for editors
    Schema {
        /// Which
        #[arg(value_enum)]
        what: SchemaOf,
    },
    /// The actions that a runbook can use
    Actions {
        /// One of them
        name: Option<String>,
    },
    /// The blocklists that are known
    Lists {
        /// One of them, by id or zone
        name: Option<String>,
    },
    /// What a finding code or a mail server's reply means, and what to do
    #[command(
        after_help = "Examples:\n  mailmedic explain rdns-generic\n  mailmedic explain \"550 5.7.606 Access denied, banned sending IP [192.0.2.10]\"\n  mailmedic explain --json -- \"--- 550 no ---\"   # a text that begins with a dash"
    )]
    Explain {
        /// A finding code, or a reply as it stands in a log
        #[arg(required = true)]
        what: Vec<String>,
    },
    /// Carry out one action that only looks, ad hoc
    #[command(
        after_help = "Examples:\n  mailmedic probe blacklist.scan --with addresses=192.0.2.1\n  mailmedic probe events.analyze --with files=@logs.txt --json"
    )]
    Probe {
        /// Name of the action
        action: String,
        /// Site file
        #[arg(long, value_name = "FILE")]
        site: Option<PathBuf>,
        /// Arguments, NAME=VALUE; @FILE reads a list, one value a line
        #[arg(long = "with", value_name = "NAME=VALUE")]
        with: Vec<String>,
    },
    /// Is this machine fit to judge? Resolvers, port 25 outbound, clock, state folder
    #[command(
        after_help = "Examples:\n  mailmedic doctor\n  mailmedic doctor --site sites/acme.yaml\n  mailmedic doctor --resolver 127.0.0.1 --resolver 192.0.2.53   # compares them"
    )]
    Doctor {
        /// Site file: its resolvers are looked at, and its servers tried on port 25
        #[arg(long, value_name = "FILE")]
        site: Option<PathBuf>,
    },
    /// Shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// File, or name of a shipped runbook
    pub runbook: String,
    /// Site file; may be repeated
    #[arg(long, value_name = "FILE", required_unless_present = "sites")]
    pub site: Vec<PathBuf>,
    /// Folder of site files
    #[arg(long, value_name = "DIR", conflicts_with = "site")]
    pub sites: Option<PathBuf>,
    /// Only sites whose id is like this (`*` and `?` stand for anything); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub only: Vec<String>,
    /// No site whose id is like this; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub except: Vec<String>,
    /// Only sites with this tag, or with all of TAG+TAG; may be repeated
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Sites at the same time [default: the runbook's `rollout`]
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub max_concurrent: Option<usize>,
    /// Inputs, NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Really look, but leave everything else out
    #[arg(long)]
    pub check: bool,
    /// Stay until the run has ended or a person is needed, however long it takes
    #[arg(long)]
    pub watch: bool,
    /// Who starts it
    #[command(flatten)]
    pub who: Who,
}

/// Who decides, and what they say.
#[derive(Debug, Clone, Args)]
pub struct Who {
    /// Your name, as it will stand in the record [default: the settings file's, else the login name]
    #[arg(long, value_name = "NAME", env = "MAILMEDIC_BY")]
    pub by: Option<String>,
    /// What you want to say about it
    #[arg(long, value_name = "TEXT", visible_alias = "reason")]
    pub note: Option<String>,
}

/// A decision about a step.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// Run id, the beginning of one, or a site with one open run
    pub run: String,
    /// Key of the step
    pub step: String,
    /// Who
    #[command(flatten)]
    pub who: Who,
    /// Files that prove it; they are copied into the record
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// Answers to the task's questions, NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Name of this command, for programs: sent twice under the same name, it is taken once
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// Go on with the run at once
    #[arg(long)]
    pub resume: bool,
}

/// What became of an interrupted step.
#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub struct ResolveOutcome {
    /// It did happen
    #[arg(long)]
    pub done: bool,
    /// It did not happen, and the step counts as failed
    #[arg(long)]
    pub not_done: bool,
    /// Do it again
    #[arg(long)]
    pub rerun: bool,
    /// Leave it out
    #[arg(long)]
    pub skip: bool,
}

/// Options of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run id, the beginning of one, or a site
    pub run: String,
    /// Template [default: the runbook's]
    #[arg(long)]
    pub template: Option<String>,
    /// Format
    #[arg(long, value_enum, default_value_t = Format::Md)]
    pub format: Format,
    /// File; standard output when absent
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Formats of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Markdown.
    Md,
    /// One HTML file.
    Html,
    /// PDF, by an installed browser.
    Pdf,
    /// The view as JSON.
    Json,
}

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Runbooks.
    Runbook,
    /// Site files.
    Site,
}
