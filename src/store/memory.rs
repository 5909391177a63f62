//! A store that keeps nothing: for rehearsals and tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Hold, Journal, Recorded, Store, StoreError, Summaries};
use crate::record::{
    Artifact, Event, EventKind, Fleet, FleetEvent, FleetPlan, GENESIS, NewEvent, RunState,
    RunSummary, hash,
};

/// A store in memory. Clones share the same runs.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<String, Recorded>,
    held: std::collections::BTreeSet<String>,
    fleets: BTreeMap<String, Vec<FleetEvent>>,
    artifacts: BTreeMap<String, Vec<u8>>,
}

impl Memory {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct MemoryJournal {
    run: String,
    seen: u64,
    store: Memory,
}

struct MemoryHold {
    run: String,
    store: Memory,
}

impl Hold for MemoryHold {}

impl Drop for MemoryHold {
    fn drop(&mut self) {
        self.store.kept().held.remove(&self.run);
    }
}

impl Store for Memory {
    fn create(&self, first: NewEvent) -> Result<Box<dyn Journal>, StoreError> {
        let EventKind::RunCreated(created) = &first.event else {
            return Err(StoreError::NotABeginning);
        };
        let run = created.run.clone();
        let mut kept = self.kept();
        if kept.runs.contains_key(&run) {
            return Err(StoreError::Exists(run));
        }
        for (other, recorded) in &kept.runs {
            let state = recorded.state(other)?;
            if state.conclusion.is_none()
                && state.created.site == created.site
                && created
                    .lock
                    .keeps_out(state.created.lock, state.created.runbook == created.runbook)
            {
                return Err(StoreError::StillOpen {
                    run: other.clone(),
                    site: created.site.clone(),
                    runbook: state.created.runbook.clone(),
                });
            }
        }
        let mut recorded = Recorded {
            events: Vec::new(),
            lines: Vec::new(),
            torn: 0,
        };
        push(&mut recorded, &first)?;
        kept.runs.insert(run.clone(), recorded);
        Ok(Box::new(MemoryJournal {
            run,
            seen: 1,
            store: self.clone(),
        }))
    }

    fn open(&self, run: &str) -> Result<Box<dyn Journal>, StoreError> {
        if !self.kept().runs.contains_key(run) {
            return Err(StoreError::NoSuchRun(run.to_owned()));
        }
        Ok(Box::new(MemoryJournal {
            run: run.to_owned(),
            seen: 0,
            store: self.clone(),
        }))
    }

    fn read(&self, run: &str) -> Result<Recorded, StoreError> {
        self.kept()
            .runs
            .get(run)
            .cloned()
            .ok_or_else(|| StoreError::NoSuchRun(run.to_owned()))
    }

    fn hold(&self, run: &str) -> Result<Box<dyn Hold>, StoreError> {
        if self.kept().held.insert(run.to_owned()) {
            Ok(Box::new(MemoryHold {
                run: run.to_owned(),
                store: self.clone(),
            }))
        } else {
            Err(StoreError::Held {
                run: run.to_owned(),
                holder: "another part of this program".to_owned(),
            })
        }
    }

    fn summaries(&self) -> Result<Summaries, StoreError> {
        let kept = self.kept();
        let mut summaries = Vec::new();
        let mut unreadable = Vec::new();
        for (run, recorded) in &kept.runs {
            match RunState::replay(&recorded.events) {
                Ok(state) => summaries.push(RunSummary::of(&state)),
                Err(source) => unreadable.push((
                    run.clone(),
                    StoreError::Illegal {
                        run: run.clone(),
                        source,
                    },
                )),
            }
        }
        summaries.sort_by(|a, b| b.created.cmp(&a.created).then(a.run.cmp(&b.run)));
        Ok((summaries, unreadable))
    }

    fn create_fleet(&self, plan: FleetPlan) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if kept.fleets.contains_key(&plan.fleet) {
            return Err(StoreError::Exists(plan.fleet));
        }
        let fleet = plan.fleet.clone();
        let first = FleetEvent::Created(Box::new(plan));
        kept.fleets.insert(fleet, vec![first]);
        Ok(())
    }

    fn note_fleet(&self, fleet: &str, event: FleetEvent) -> Result<(), StoreError> {
        match self.kept().fleets.get_mut(fleet) {
            Some(events) => events.push(event),
            None => return Err(StoreError::NoSuchFleet(fleet.to_owned())),
        }
        Ok(())
    }

    fn fleet(&self, fleet: &str) -> Result<Fleet, StoreError> {
        let events = self.kept().fleets.get(fleet).cloned();
        events
            .and_then(Fleet::replay)
            .ok_or_else(|| StoreError::NoSuchFleet(fleet.to_owned()))
    }

    fn fleet_length(&self, fleet: &str) -> Result<u64, StoreError> {
        let kept = self.kept();
        let events = kept.fleets.get(fleet);
        events
            .map(|events| events.len() as u64)
            .ok_or_else(|| StoreError::NoSuchFleet(fleet.to_owned()))
    }

    fn fleets(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.kept().fleets.keys().cloned().collect())
    }

    fn put_artifact(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, StoreError> {
        let digest = hash(bytes);
        self.kept().artifacts.insert(digest.clone(), bytes.to_vec());
        Ok(Artifact {
            name: name.to_owned(),
            digest,
            bytes: bytes.len() as u64,
            media: media.to_owned(),
        })
    }

    fn artifact(&self, digest: &str) -> Result<Vec<u8>, StoreError> {
        self.kept()
            .artifacts
            .get(digest)
            .cloned()
            .ok_or_else(|| StoreError::Artifact {
                digest: digest.to_owned(),
            })
    }
}

impl Journal for MemoryJournal {
    fn run(&self) -> &str {
        &self.run
    }

    fn append(&mut self, expected: u64, events: &[NewEvent]) -> Result<Vec<Event>, StoreError> {
        let mut kept = self.store.kept();
        let recorded = kept
            .runs
            .get_mut(&self.run)
            .ok_or_else(|| StoreError::NoSuchRun(self.run.clone()))?;
        let newest = recorded.events.len() as u64;
        if newest != expected || newest != self.seen {
            return Err(StoreError::Grown(newest));
        }
        let mut written = Vec::with_capacity(events.len());
        for event in events {
            written.push(push(recorded, event)?);
        }
        self.seen = recorded.events.len() as u64;
        Ok(written)
    }

    fn catch_up(&mut self) -> Result<Vec<Event>, StoreError> {
        let kept = self.store.kept();
        let recorded = kept
            .runs
            .get(&self.run)
            .ok_or_else(|| StoreError::NoSuchRun(self.run.clone()))?;
        let new = recorded
            .events
            .get(usize::try_from(self.seen).unwrap_or(usize::MAX)..)
            .unwrap_or_default();
        self.seen = recorded.events.len() as u64;
        Ok(new.to_vec())
    }
}

fn push(recorded: &mut Recorded, event: &NewEvent) -> Result<Event, StoreError> {
    let seq = recorded.events.len() as u64 + 1;
    let prev = recorded
        .lines
        .last()
        .map_or_else(|| GENESIS.to_owned(), |line| hash(line));
    let mut line = Vec::new();
    event
        .write_line(&mut line, seq, &prev)
        .map_err(|source| StoreError::Event {
            path: "memory".into(),
            source,
        })?;
    let event = event.clone().placed(seq, prev);
    recorded.lines.push(line);
    recorded.events.push(event.clone());
    Ok(event)
}
