//! What expressions, texts and documents can see of a run.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::actions::Facts;
use crate::record::{Decision, Finding, Given, RunState, StepState};
use crate::report::View;
use crate::store::Store;

/// The variables of a run that are wanted: `site`, `inputs`, `steps`, `findings`, `run`, and the item of a `foreach` under its
/// alias. All of them would be a copy of everything that a run has found out.
pub(super) fn variables(
    state: &RunState,
    item: Option<(&str, &Value)>,
    wanted: &BTreeSet<String>,
) -> Value {
    let created = &state.created;
    let mut values = Map::new();
    let mut put = |name: &str, value: &dyn Fn() -> Value| {
        if wanted.contains(name) {
            values.insert(name.to_owned(), value());
        }
    };
    put("site", &|| created.site_snapshot.value());
    put("inputs", &|| Value::Object(created.inputs.clone()));
    put("steps", &|| {
        let steps = state.steps.iter().filter(|step| step.parent.is_none());
        steps
            .map(|step| (step.plan.key.clone(), step_value(step)))
            .collect::<Map<_, _>>()
            .into()
    });
    put("findings", &|| {
        let open = state.open_findings().into_iter();
        open.filter_map(|(finding, _)| serde_json::to_value(finding).ok())
            .collect()
    });
    put("run", &|| {
        json!({
            "id": created.run,
            "runbook": created.runbook,
            "started": state.created_at,
            "by": state.created_by,
            "mode": created.mode,
        })
    });
    if let Some((alias, item)) = item {
        put(alias, &|| item.clone());
    }
    values.into()
}

fn step_value(step: &StepState) -> Value {
    json!({
        "status": step.status_word(),
        "outcome": step.outcome().map(|outcome| outcome.as_str()),
        "outputs": step.outputs,
        "findings": step.findings,
        "error": step.error,
    })
}

/// What the run knew when an attempt began.
pub(super) struct Snapshot {
    pub(super) state: RunState,
    /// Where the whole record can be read again, for documents.
    pub(super) store: Arc<dyn Store>,
}

impl Facts for Snapshot {
    fn open_findings(&self) -> Vec<Finding> {
        self.state
            .open_findings()
            .into_iter()
            .map(|(finding, _)| finding.clone())
            .collect()
    }

    fn ended_steps(&self) -> Vec<&StepState> {
        self.state.ended()
    }

    fn approval(&self, step: &str) -> Option<&Given> {
        nearest_approval(&self.state, step)
    }

    fn values(&self) -> Value {
        let view = self
            .store
            .read(&self.state.created.run)
            .ok()
            .and_then(|recorded| View::of(&recorded.events).ok())
            .unwrap_or_else(|| View::from_state(&self.state, &[]));
        let mut values = serde_json::to_value(view).unwrap_or_default();
        if let Some(map) = values.as_object_mut() {
            map.insert(
                "inputs".to_owned(),
                Value::Object(self.state.created.inputs.clone()),
            );
        }
        values
    }
}

/// The yes of the nearest approvals on each way of `needs`. Nobody looks past one, so that an older yes never stands for a newer no.
fn nearest_approval<'s>(state: &'s RunState, step: &str) -> Option<&'s Given> {
    let mut ahead = vec![state.step(step)?.plan.key.as_str()];
    let mut seen = BTreeSet::new();
    while let Some(key) = ahead.pop() {
        let Some(step_state) = state.step(key).filter(|_| seen.insert(key)) else {
            continue;
        };
        if step_state.plan.action == "approval" {
            let given = step_state.given.as_deref();
            if let Some(given) = given.filter(|given| given.decision == Decision::Approve) {
                return Some(given);
            }
            continue;
        }
        ahead.extend(step_state.plan.needs.iter().map(String::as_str));
        ahead.extend(step_state.parent.as_deref());
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::record::{Effect, WaitKind};
    use crate::report::fixture::{Recorder, created, step};

    #[test]
    fn the_nearest_approval_counts_through_other_steps() {
        let mut run = created();
        run.steps = [
            ("first", "approval", &[][..]),
            ("work", "manual", &["first"]),
            ("second", "approval", &["work"]),
            ("after_first", "delivery.probe", &["work"]),
            ("after_second", "delivery.probe", &["second"]),
            ("after_both", "delivery.probe", &["second", "work"]),
            ("alone", "delivery.probe", &[]),
        ]
        .map(|(key, action, needs)| step(key, key, action, Effect::External, needs))
        .to_vec();
        let mut recorder = Recorder::new(run);
        for (key, decision) in [("first", Decision::Approve), ("second", Decision::Reject)] {
            let prompt = WaitKind::Approval {
                prompt: "May it be sent?".to_owned(),
                approvers: Vec::new(),
                self_approval: true,
            };
            recorder.wait(key, prompt, None, None, Value::Null);
            recorder.decide(key, decision, key, "", json!({}), &[]);
        }
        let state = RunState::replay(&recorder.events).unwrap();
        for (key, by) in [
            ("after_first", Some("first")),
            ("after_second", None),
            ("after_both", Some("first")),
            ("alone", None),
            ("no_such_step", None),
        ] {
            let given = nearest_approval(&state, key);
            assert_eq!(given.map(|given| given.by.as_str()), by, "{key}");
        }
    }
}
