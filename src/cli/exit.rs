//! Exit codes. They are an interface: scripts and cron rely on them.

use crate::engine::Stop;
use crate::record::RunConclusion;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and everything is as it should be.
    Healthy,
    /// 1: a step failed, or the work could not be done.
    Failed,
    /// 2: the runbook, the site file or the arguments are not valid; nothing was changed.
    Invalid,
    /// 3: waits for a person or a date; `resume` goes on.
    Waiting,
    /// 4: done, but findings are open, or something could not be told.
    FindingsOpen,
    /// 5: a person must say what became of an interrupted external step.
    NeedsResolve,
    /// 70: a fault of this program.
    Bug,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Healthy => 0,
            Exit::Failed => 1,
            Exit::Invalid => 2,
            Exit::Waiting => 3,
            Exit::FindingsOpen => 4,
            Exit::NeedsResolve => 5,
            Exit::Bug => 70,
        }
    }
}

impl Exit {
    /// Of two ends, the one that a script has to hear of: a failure before a wait, a wait before open findings.
    #[must_use]
    pub fn or_worse(self, other: Exit) -> Exit {
        match (self, other) {
            (Exit::Healthy, other) => other,
            (one, Exit::Healthy) => one,
            (one, other) if other.code() < one.code() => other,
            (one, _) => one,
        }
    }
}

impl From<&Stop> for Exit {
    fn from(stop: &Stop) -> Self {
        match stop {
            Stop::Finished(conclusion) => Exit::from(*conclusion),
            Stop::Waiting { .. } | Stop::Interrupted => Exit::Waiting,
            Stop::NeedsResolve => Exit::NeedsResolve,
        }
    }
}

impl From<RunConclusion> for Exit {
    fn from(conclusion: RunConclusion) -> Self {
        match conclusion {
            RunConclusion::Healthy => Exit::Healthy,
            RunConclusion::FindingsOpen => Exit::FindingsOpen,
            RunConclusion::Failed | RunConclusion::Cancelled => Exit::Failed,
        }
    }
}

/// The table for `--help`.
pub const TABLE: &str = "\
Exit codes:
  0   done, and everything is as it should be
  1   a step failed, or the work could not be done
  2   the runbook, the site file or the arguments are not valid; nothing was changed
  3   waits for a person or a date: `mailmedic resume` goes on
  4   done, but findings are open, or something could not be told
  5   a person must say what became of an interrupted step: `mailmedic resolve`
  70  a fault of mailmedic";
