//! A fleet run for people and programs: where each of its sites stands. Made from the record alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::view::line;
use super::view::moment::{Calendar, When};
use super::view::words::{self, Word, many};
use crate::record::{Fleet, FleetLimits, FleetSite, Mode, RunSummary};

/// Version of the view.
pub const FLEET_SCHEMA: &str = "mailmedic.fleet/1";

/// Everything that a document about a fleet run may say.
#[derive(Debug, Clone, Serialize)]
pub struct FleetView {
    /// [`FLEET_SCHEMA`].
    pub schema: &'static str,
    /// The fleet run's id.
    pub fleet: String,
    /// Name of the runbook.
    pub runbook: String,
    /// Who started it.
    pub by: String,
    /// When.
    pub started: When,
    /// The moment that it describes.
    pub as_of: When,
    /// True when nothing more happens.
    pub finished: bool,
    /// True when only probes were carried out.
    pub check_run: bool,
    /// How many sites at once, and when to stop starting more.
    pub limits: FleetLimits,
    /// Why no more sites are started, if so.
    pub stopped: Option<String>,
    /// How many sites stand where, in one sentence: `5 sites: 3 finished, nothing open; 2 waiting`.
    pub headline: String,
    /// The same, counted, the ones that need somebody first.
    pub counts: Vec<FleetCount>,
    /// Each site, in the order of starting.
    pub sites: Vec<FleetRow>,
    /// True when one of the sites is a laboratory.
    pub laboratory: bool,
    /// The program, as in the view of a run.
    pub run: FleetTool,
}

/// The program that carried the fleet run out.
#[derive(Debug, Clone, Serialize)]
pub struct FleetTool {
    /// Its version.
    pub tool: String,
}

/// So many sites stand there.
#[derive(Debug, Clone, Serialize)]
pub struct FleetCount {
    /// Where.
    pub state: Word,
    /// How many.
    pub count: usize,
}

/// One site of a fleet.
#[derive(Debug, Clone, Serialize)]
pub struct FleetRow {
    /// The site's id.
    pub site: String,
    /// Its run's id; empty when it was not started.
    pub run: String,
    /// Where it stands.
    pub state: Word,
    /// Open findings that somebody should act on.
    pub open_findings: usize,
    /// The worst of them.
    pub worst: Option<Word>,
    /// Steps that wait for a person.
    pub asks: String,
    /// When a waiting step is looked at again.
    pub next: Option<When>,
    /// Why it was not started, or cannot go on.
    pub reason: String,
}

/// What is known about one site, beside its run.
#[derive(Debug, Clone, Default)]
pub struct FleetSiteFacts {
    /// Its run, when it was started.
    pub summary: Option<RunSummary>,
    /// Why it was not started, or cannot go on.
    pub trouble: Option<String>,
}

impl FleetView {
    /// The view of `fleet` at the moment `now`; `facts` are told in the order of its sites.
    pub fn of(
        fleet: &Fleet,
        facts: impl IntoIterator<Item = FleetSiteFacts>,
        now: Timestamp,
    ) -> Self {
        let calendar = Calendar::new(None);
        let plan = &fleet.plan;
        let stopped = fleet.stopped.as_ref().map(|(_, reason)| line(reason));
        let facts: Vec<FleetSiteFacts> = facts.into_iter().collect();
        let ended = |facts: &FleetSiteFacts| {
            let run = facts.summary.as_ref();
            run.is_some_and(RunSummary::is_finished)
        };
        let held = !facts.iter().take(plan.limits.canary).all(ended);
        let sites: Vec<FleetRow> = plan
            .sites
            .iter()
            .zip(facts)
            .enumerate()
            .map(|(place, (site, facts))| {
                let held = held && place >= plan.limits.canary;
                row(line(&site.site), facts, stopped.as_deref(), held, &calendar)
            })
            .collect();
        let counts = counts(&sites);
        let told: Vec<String> = counts
            .iter()
            .map(|count| format!("{} {}", count.count, count.state.text))
            .collect();
        FleetView {
            schema: FLEET_SCHEMA,
            fleet: line(&plan.fleet),
            runbook: line(&plan.runbook),
            by: line(&plan.by),
            started: calendar.when(plan.at),
            as_of: calendar.when(fleet.finished.as_ref().map_or(now, |(at, _)| *at)),
            finished: fleet.finished.is_some(),
            check_run: plan.mode == Mode::Check,
            limits: plan.limits,
            stopped,
            headline: format!(
                "{}: {}",
                many(sites.len(), "site", "sites"),
                told.join("; ")
            ),
            counts,
            sites,
            laboratory: plan.sites.iter().any(is_laboratory),
            run: FleetTool {
                tool: plan.tool.clone(),
            },
        }
    }

    /// The table for spreadsheets (RFC 4180), a line a site.
    pub fn csv(&self) -> String {
        let mut text =
            "site,run,state,open_findings,worst,waits_for,next,reason,check_run\r\n".to_owned();
        for row in &self.sites {
            let fields = [
                row.site.as_str(),
                &row.run,
                &row.state.code,
                &row.open_findings.to_string(),
                row.worst.as_ref().map_or("", |worst| &worst.code),
                &row.asks,
                &row.next
                    .as_ref()
                    .map(|next| next.at.to_string())
                    .unwrap_or_default(),
                &row.reason,
                if self.check_run { "yes" } else { "no" },
            ]
            .map(field);
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        }
        text
    }
}

/// Of all that a pinned site says, only whether it is a laboratory.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    laboratory: bool,
}

fn is_laboratory(site: &FleetSite) -> bool {
    site.snapshot
        .read::<Kind>()
        .is_ok_and(|kind| kind.laboratory)
}

/// A field of a spreadsheet. What a program would take for a formula is marked as text.
fn field(text: &str) -> String {
    let text = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t') => format!("'{text}"),
        _ => text.to_owned(),
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

fn row(
    site: String,
    facts: FleetSiteFacts,
    stopped: Option<&str>,
    held: bool,
    calendar: &Calendar,
) -> FleetRow {
    let trouble = facts.trouble.as_deref().map(line);
    let Some(run) = facts.summary else {
        let (state, reason) = match (&trouble, stopped) {
            (Some(_), _) => (
                Word::new("not_started", "could not be started", "!"),
                trouble,
            ),
            (None, Some(reason)) => (
                Word::new("not_started", "not started", "–"),
                Some(reason.to_owned()),
            ),
            (None, None) => {
                let why =
                    held.then(|| "starts when those that go first have ended well".to_owned());
                (Word::new("pending", "not started yet", "·"), why)
            }
        };
        return FleetRow {
            site,
            run: String::new(),
            state,
            open_findings: 0,
            worst: None,
            asks: String::new(),
            next: None,
            reason: reason.unwrap_or_default(),
        };
    };
    let state = match &trouble {
        Some(_) => Word::new("blocked", "cannot go on", "!"),
        None => words::run(run.status),
    };
    FleetRow {
        site,
        state,
        open_findings: run.open_findings,
        worst: run.worst.map(words::severity),
        asks: line(&run.asks.join(", ")),
        next: run
            .due
            .filter(|_| !run.is_finished())
            .map(|due| calendar.when(due)),
        run: line(&run.run),
        reason: trouble.unwrap_or_default(),
    }
}

/// How many stand where: what needs somebody first, what is in order last.
fn counts(sites: &[FleetRow]) -> Vec<FleetCount> {
    let rank = |word: &Word| match word.mark.as_str() {
        "!" => 0,
        "✗" => 1,
        "…" => 2,
        "✓" => 4,
        _ => 3,
    };
    let mut counted: BTreeMap<(u8, &str), FleetCount> = BTreeMap::new();
    for row in sites {
        counted
            .entry((rank(&row.state), row.state.text.as_str()))
            .or_insert_with(|| FleetCount {
                state: row.state.clone(),
                count: 0,
            })
            .count += 1;
    }
    counted.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cannot_leave_its_place_in_a_spreadsheet() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("a, b", "\"a, b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("-x,y", "\"'-x,y\""),
        ] {
            assert_eq!(field(text), wanted, "{text}");
        }
    }
}
