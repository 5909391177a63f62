//! The life of each listing of a site over all its runs: when it was first seen, last seen, gone, and when nobody could tell.
//!
//! One run tells how its own listings went on ([`super::ListingView`]); this puts the looks of many runs in the order of time.
//! A list that could not be asked, or that a run did not ask, never makes a listing go away.

use serde::Serialize;

use super::listings::{Scan, Sight, judged, sight};
use super::moment::{Calendar, When};
use super::observe::observations;
use super::words::Word;
use super::{ListingView, listings};
use crate::record::{Event, RunState};

/// A listing over the runs of its site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListingLife {
    /// Address or domain.
    pub target: String,
    /// The list, as its catalogue entry names it.
    pub list: String,
    /// Its zone, without a key.
    pub zone: Option<String>,
    /// How much it hurts, in the catalogue's word.
    pub severity: Option<String>,
    /// How it stood at the last look that could tell or not: `listed`, `gone`, `unknown`.
    pub state: Word,
    /// When it was first seen.
    pub first_seen: When,
    /// When it was last seen.
    pub last_seen: When,
    /// When the list was first asked after that and did not hold it any more.
    pub gone: Option<When>,
    /// When the list was last asked about it, whatever came of it.
    pub last_asked: When,
    /// Looks that could not tell.
    pub unknown: usize,
    /// Equal looks in a row, oldest first.
    pub spells: Vec<Spell>,
    /// Runs that looked, oldest first.
    pub runs: Vec<String>,
}

/// Looks in a row that saw the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spell {
    /// `listed`, `gone`, `unknown`.
    pub state: Word,
    /// The first of them.
    pub from: When,
    /// The last of them.
    pub to: When,
    /// How many.
    pub looks: usize,
}

/// One run's scans.
struct Looks<'a> {
    run: &'a str,
    scans: Vec<Scan<'a>>,
}

/// The lives of all listings that `runs` of one site saw: those that stand first, then by when they were first seen.
/// Times are told in the zone of the newest run.
pub fn listing_lives(runs: &[(RunState, Vec<Event>)]) -> Vec<ListingLife> {
    let runs: Vec<(&RunState, &[Event])> = runs
        .iter()
        .map(|(state, events)| (state, events.as_slice()))
        .collect();
    lives(&runs)
}

/// The same for runs that lie elsewhere.
pub(super) fn lives(runs: &[(&RunState, &[Event])]) -> Vec<ListingLife> {
    let begun = |events: &[Event]| events.first().map(|event| event.at);
    let newest = runs.iter().max_by_key(|(_, events)| begun(events));
    let zone = newest.and_then(|(state, _)| state.created.site_snapshot.timezone());
    let calendar = Calendar::new(zone.as_deref());
    let mut known: Vec<ListingView> = Vec::new();
    let mut looks: Vec<Looks<'_>> = Vec::new();
    for (state, events) in runs {
        let scans = observations(events, state, "blacklist.scan");
        listings::note(&scans, &mut known, &calendar);
        looks.push(Looks {
            run: &state.created.run,
            scans: scans.into_iter().map(Scan::new).collect(),
        });
    }
    let mut lives: Vec<ListingLife> = known
        .iter()
        .filter_map(|view| life(view, &looks, &calendar))
        .collect();
    let rank = |life: &ListingLife| life.state.code == "gone";
    lives.sort_by(|a, b| {
        (rank(a), a.first_seen.at, &a.target, &a.list).cmp(&(
            rank(b),
            b.first_seen.at,
            &b.target,
            &b.list,
        ))
    });
    lives
}

/// Puts the looks of all runs at one listing together.
fn life(view: &ListingView, looks: &[Looks<'_>], calendar: &Calendar) -> Option<ListingLife> {
    let scans = || looks.iter().flat_map(|run| &run.scans);
    let paired = scans().any(|scan| judged(&scan.seen, view));
    let mut seen: Vec<(&Scan<'_>, Sight, &str)> = Vec::new();
    for run in looks {
        // A look of a `wait` does not say which lists it asked: only what else its run saw tells.
        let asks = run
            .scans
            .iter()
            .any(|scan| scan.lists(view) || judged(&scan.seen, view));
        for scan in &run.scans {
            let sight = match sight(view, scan, paired) {
                Sight::NotAsked => continue,
                Sight::Clean | Sight::Counted if scan.seen.subjects.is_empty() && !asks => {
                    continue;
                }
                other => other,
            };
            if scan.seen.at >= view.first_seen.at {
                seen.push((scan, sight, run.run));
            }
        }
    }
    seen.sort_by_key(|(scan, ..)| scan.seen.at);
    let mut spells: Vec<Spell> = Vec::new();
    let mut runs: Vec<String> = Vec::new();
    for (scan, sight, run) in &seen {
        let at = calendar.when(scan.seen.at);
        let state = word(*sight);
        match spells.last_mut() {
            Some(spell) if spell.state == state => {
                spell.to = at;
                spell.looks += 1;
            }
            _ => spells.push(Spell {
                state,
                from: at.clone(),
                to: at,
                looks: 1,
            }),
        }
        if !runs.iter().any(|known| known == run) {
            runs.push((*run).to_owned());
        }
    }
    let is = |spell: &&Spell, key: &str| spell.state.code == key;
    let last_listed = spells.iter().rposition(|spell| is(&spell, "listed"))?;
    let gone = spells[last_listed..].iter().find(|spell| is(spell, "gone"));
    let last = spells.last()?;
    // Once gone, "could not tell" does not bring it back.
    let state = gone.map_or(last.state.clone(), |spell| spell.state.clone());
    Some(ListingLife {
        target: view.target.clone(),
        list: view.list.clone(),
        zone: view.zone.clone(),
        severity: view.severity.clone(),
        state,
        first_seen: spells[0].from.clone(),
        last_seen: spells[last_listed].to.clone(),
        gone: gone.map(|spell| spell.from.clone()),
        last_asked: last.to.clone(),
        unknown: spells
            .iter()
            .filter(|spell| is(spell, "unknown"))
            .map(|spell| spell.looks)
            .sum(),
        spells,
        runs,
    })
}

fn word(sight: Sight) -> Word {
    match sight {
        Sight::Listed => Word::new("listed", "listed", "✗"),
        Sight::Clean => Word::new("gone", "gone", "✓"),
        Sight::Unknown | Sight::Counted | Sight::NotAsked => {
            Word::new("unknown", "could not tell", "?")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::StepOutcome;
    use crate::report::fixture::{Recorder, created};

    const PSBL: &str = "203.0.113.7 on psbl.example";

    /// A run of one scan, so many hours after the first.
    fn run(name: &str, hours: i64, outputs: Value, subjects: &[&str]) -> (RunState, Vec<Event>) {
        let mut plan = created();
        plan.run = name.to_owned();
        let mut run = Recorder::new(plan);
        run.later(hours * 3600)
            .finish("scan", StepOutcome::Finding, outputs, Vec::new(), subjects);
        (RunState::replay(&run.events).unwrap(), run.events)
    }

    fn listed() -> Value {
        json!({"targets": [{"target": "203.0.113.7", "listed": [{"list": "psbl", "zone": "psbl.example", "severity": "major"}]}]})
    }

    fn not_listed() -> Value {
        json!({"targets": [{"target": "203.0.113.7", "listed": [], "unknown": [], "broken": []}]})
    }

    fn unknown() -> Value {
        json!({"targets": [{"target": "203.0.113.7", "listed": [], "unknown": [{"list": "psbl", "reason": "it timed out"}]}]})
    }

    fn brief() -> Value {
        json!({"targets": [{"target": "203.0.113.7", "verdict": "unknown", "listed": 0, "unknown": 1, "broken": 0}], "listed": []})
    }

    #[test]
    fn within_a_run_too_a_count_is_no_end() {
        let mut run = Recorder::new(created());
        run.finish("scan", StepOutcome::Finding, listed(), Vec::new(), &[])
            .later(3600)
            .finish(
                "verify:scan",
                StepOutcome::Unknown,
                brief(),
                Vec::new(),
                &[],
            );
        let state = RunState::replay(&run.events).unwrap();
        let calendar = Calendar::new(None);
        let views = listings::listings(&run.events, &state, &calendar, &[]);
        assert_eq!(views[0].state.code, "not_confirmed", "{views:#?}");
        assert_eq!(views[0].delisted, None);
    }

    #[test]
    fn only_an_answer_of_the_list_itself_ends_a_listing() {
        let other = &["203.0.113.7 on other.example"][..];
        let pair = &[PSBL][..];
        type Look<'a> = (Value, &'a [&'a str]);
        let cases: &[(&str, Vec<Look<'_>>, &str, &str, usize)] = &[
            ("seen once", vec![(listed(), pair)], "listed", "✗1", 0),
            (
                "gone",
                vec![(listed(), pair), (not_listed(), pair)],
                "gone",
                "✗1 ✓1",
                0,
            ),
            (
                "a time-out is no end",
                vec![(listed(), pair), (unknown(), other)],
                "unknown",
                "✗1 ?1",
                1,
            ),
            (
                "not asked is no end",
                vec![(listed(), pair), (not_listed(), other)],
                "unknown",
                "✗1 ?1",
                1,
            ),
            (
                "a count is no end",
                vec![(listed(), pair), (brief(), &[])],
                "listed",
                "✗1",
                0,
            ),
            (
                "unknown in between",
                vec![
                    (listed(), pair),
                    (unknown(), other),
                    (listed(), pair),
                    (not_listed(), pair),
                ],
                "gone",
                "✗1 ?1 ✗1 ✓1",
                1,
            ),
            (
                "gone, and nobody could tell later",
                vec![(listed(), pair), (not_listed(), pair), (unknown(), other)],
                "gone",
                "✗1 ✓1 ?1",
                1,
            ),
            (
                "back again",
                vec![
                    (listed(), pair),
                    (not_listed(), pair),
                    (listed(), pair),
                    (listed(), pair),
                ],
                "listed",
                "✗1 ✓1 ✗2",
                0,
            ),
        ];
        for (name, looks, state, drawn, count) in cases {
            let mut runs: Vec<(RunState, Vec<Event>)> = looks
                .iter()
                .enumerate()
                .map(|(n, (outputs, subjects))| {
                    run(&format!("r{n}"), n as i64, outputs.clone(), subjects)
                })
                .collect();
            // in which order runs are read does not matter
            runs.reverse();
            let lives = listing_lives(&runs);
            assert_eq!(lives.len(), 1, "{name}");
            let life = &lives[0];
            let spells: Vec<String> = life
                .spells
                .iter()
                .map(|spell| format!("{}{}", spell.state.mark, spell.looks))
                .collect();
            assert_eq!(life.state.code, *state, "{name}");
            assert_eq!(spells.join(" "), *drawn, "{name}");
            assert_eq!(life.unknown, *count, "{name}");
            assert_eq!(life.gone.is_some(), *state == "gone", "{name}");
            assert!(life.last_seen.at >= life.first_seen.at, "{name}");
        }
        assert!(listing_lives(&[run("r", 0, not_listed(), pair)]).is_empty());
    }
}
