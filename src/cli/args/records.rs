//! Options of commands about the records of runs: `resume --adopt`, `prune`, `rerun`.

use std::path::PathBuf;

use clap::Args;

use super::{Who, duration};

/// Options of `resume --adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Go on with the runbook as its file is now, not as it was when the run began
    #[arg(long, conflicts_with = "all")]
    pub adopt: bool,
    /// With --adopt: the changed runbook is this file [default: the one that it was read from]
    #[arg(long, value_name = "FILE", requires = "adopt")]
    pub runbook: Option<String>,
    /// With --adopt: inputs that shall be others than before, NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "adopt")]
    pub set: Vec<String>,
    /// Who
    #[command(flatten)]
    pub who: Who,
}

/// Options of `prune`.
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Only runs that ended longer ago
    #[arg(long, value_name = "DURATION", default_value = "365d", value_parser = duration)]
    pub older_than: std::time::Duration,
    /// So many of each site and runbook stay, the newest
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub keep: usize,
    /// Only this site
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,
    /// Really remove them
    #[arg(long)]
    pub yes: bool,
}

/// Options of `rerun`.
#[derive(Debug, Args)]
pub struct RerunArgs {
    /// Run id, the beginning of one, or a site: its newest run
    pub run: String,
    /// Key of the first step to do again; everything when absent
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// Runbook to go on with: a changed file, or the name of a shipped one [default: as the run had it]
    #[arg(long, value_name = "FILE")]
    pub runbook: Option<String>,
    /// Site file to go on with [default: as the run had it]
    #[arg(long, value_name = "FILE")]
    pub site: Option<PathBuf>,
    /// Inputs that shall be others than in the run, NAME=VALUE
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub set: Vec<String>,
    /// Also do again what others have noticed already, such as a mail that was sent
    #[arg(long)]
    pub yes: bool,
    /// Stay until the run has ended or a person is needed, however long it takes
    #[arg(long)]
    pub watch: bool,
    /// Who
    #[command(flatten)]
    pub who: Who,
}
