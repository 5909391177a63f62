//! Signals and causes as data: the embedded file, read and checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

const DATA: &str = include_str!("../data/causes.yaml");

static DEFINITIONS: LazyLock<Definitions> = LazyLock::new(embedded);

/// The definitions that ship with the program.
pub fn definitions() -> &'static Definitions {
    &DEFINITIONS
}

/// The cause with this id (`open-relay`), also as finding code (`cause-open-relay`).
pub fn cause_definition(id: &str) -> Option<&'static CauseDefinition> {
    let id = id.strip_prefix("cause-").unwrap_or(id);
    definitions().causes.iter().find(|cause| cause.id == id)
}

/// All signals and causes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definitions {
    schema: u32,
    /// Below these counts nothing is judged.
    pub minimum: Minimum,
    /// Names of the account without a password.
    pub guests: Vec<String>,
    /// Accounts that do not log in from outside; a trailing `*` matches any ending.
    pub odd_accounts: Vec<String>,
    /// The signals.
    pub signals: Vec<SignalDefinition>,
    /// The causes, in the order of their weight.
    pub causes: Vec<CauseDefinition>,
}

/// The least amount of data for a judgement.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Minimum {
    /// Failures after noise was taken out.
    pub failures: usize,
    /// Time between the first and the last.
    pub span_minutes: i64,
}

/// One signal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalDefinition {
    /// Short stable name, `T14`.
    pub id: String,
    /// What it says when it is shown.
    pub title: String,
    /// Kind of observation; support must come from another one.
    pub source: String,
    /// What is counted.
    pub measures: String,
    /// The numbers to pass, by name.
    #[serde(default)]
    pub limits: BTreeMap<String, f64>,
    /// Needs no minimum of data.
    #[serde(default)]
    pub conclusive: bool,
    /// Why these numbers.
    pub why: String,
}

impl SignalDefinition {
    /// A limit by its name. A missing one can never be passed.
    pub(super) fn limit(&self, name: &str) -> f64 {
        self.limits.get(name).copied().unwrap_or(f64::INFINITY)
    }
}

/// The limits of a signal: those of the data file, and where a site has set others, those.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits<'s> {
    pub(super) definition: &'static SignalDefinition,
    /// By signal and name, `T1.floor`.
    pub(super) of_site: &'s BTreeMap<String, f64>,
}

impl Limits<'_> {
    /// A limit by its name. A missing one can never be passed.
    pub(super) fn limit(&self, name: &str) -> f64 {
        let key = format!("{}.{name}", self.definition.id);
        let set = self.of_site.get(&key).copied();
        set.unwrap_or_else(|| self.definition.limit(name))
    }

    /// A limit that is a count.
    pub(super) fn count(&self, name: &str) -> usize {
        let limit = self.limit(name);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "limits are small positive numbers"
        )]
        if limit.is_finite() {
            limit.max(0.0) as usize
        } else {
            usize::MAX
        }
    }
}

/// How much a cause hurts, as findings say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Many receivers act on it.
    Major,
    /// Mail is refused, or the site harms others.
    Critical,
}

/// One cause.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CauseDefinition {
    /// Stable name; the finding code is `cause-` and this.
    pub id: String,
    /// The cause in a few words.
    pub title: String,
    /// How a delisting request says it, once it is over; absent where it is no cause of listings.
    #[serde(default)]
    pub letter: Option<String>,
    /// How much it hurts.
    pub severity: Weight,
    /// Whether a delisting request is wasted while it stands.
    pub fix_first: bool,
    /// One of these alone proves it.
    #[serde(default)]
    pub conclusive: Vec<String>,
    /// Groups; one complete group is needed.
    pub needs: Vec<Vec<String>>,
    /// What speaks for it besides.
    #[serde(default)]
    pub supports: Vec<String>,
    /// What speaks against it.
    #[serde(default)]
    pub against: Vec<String>,
    /// What says that the proof in a log is over by now.
    #[serde(default)]
    pub outdated_by: Vec<String>,
    /// What would settle it.
    pub settles: Vec<String>,
    /// What to do.
    pub remedy: String,
}

impl Definitions {
    /// The signal with this id.
    pub fn signal(&self, id: &str) -> Option<&SignalDefinition> {
        self.signals.iter().find(|signal| signal.id == id)
    }

    /// Whether there is such a limit, written as signal and name: `T1.floor`.
    ///
    /// # Errors
    /// Says which ones there are.
    pub fn check_limit(&self, key: &str) -> Result<(), String> {
        let (id, name) = key.split_once('.').unwrap_or((key, ""));
        let Some(signal) = self.signal(id).filter(|signal| !signal.limits.is_empty()) else {
            let limited = self
                .signals
                .iter()
                .filter(|signal| !signal.limits.is_empty());
            let known: Vec<&str> = limited.map(|signal| signal.id.as_str()).collect();
            return Err(format!(
                "no signal '{id}' has limits: those that have are {}",
                known.join(", ")
            ));
        };
        if signal.limits.contains_key(name) {
            return Ok(());
        }
        let known: Vec<String> = signal
            .limits
            .keys()
            .map(|name| format!("{id}.{name}"))
            .collect();
        Err(format!(
            "there is no limit '{key}': {id} has {}",
            known.join(", ")
        ))
    }

    /// Faults of the data: names that do not exist or occur twice.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.schema != 1 {
            faults.push(format!("schema {} is not 1", self.schema));
        }
        let mut seen = BTreeSet::new();
        let names = self
            .signals
            .iter()
            .map(|s| &s.id)
            .chain(self.causes.iter().map(|c| &c.id));
        for name in names {
            if !seen.insert(name) {
                faults.push(format!("{name} is defined twice"));
            }
        }
        for cause in &self.causes {
            let used = cause
                .needs
                .iter()
                .flatten()
                .chain(&cause.conclusive)
                .chain(&cause.supports)
                .chain(&cause.against)
                .chain(&cause.outdated_by);
            for id in used {
                if self.signal(id).is_none() {
                    faults.push(format!(
                        "{} names the signal {id}, which does not exist",
                        cause.id
                    ));
                }
            }
        }
        faults
    }
}

/// The embedded file is a part of the program; a fault in it shows in the first test.
#[expect(
    clippy::expect_used,
    reason = "the embedded definitions are checked by the tests"
)]
fn embedded() -> Definitions {
    let read: Definitions = serde_saphyr::from_str(DATA).expect("the embedded causes are valid");
    debug_assert!(read.faults().is_empty(), "{:?}", read.faults());
    read
}
