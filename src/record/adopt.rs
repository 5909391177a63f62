//! A changed runbook that goes on in place of the one a run began with.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Event, EventKind, IllegalTransition, PlannedStep, RunState, StepState, StepStatus};

impl RunState {
    /// Why these steps cannot take the place of the run's own; empty when they can. Each step that has a record must be there
    /// still, and be the same work: same action, same effect.
    pub fn unfit(&self, steps: &[PlannedStep]) -> Vec<String> {
        let planned: HashMap<&str, &PlannedStep> =
            steps.iter().map(|plan| (plan.key.as_str(), plan)).collect();
        self.steps
            .iter()
            .filter(|step| step.parent.is_none() && step.is_recorded())
            .filter_map(|step| {
                let (key, old) = (&step.plan.key, &step.plan);
                let word = step.status_word();
                let Some(new) = planned.get(key.as_str()) else {
                    return Some(format!("step '{key}' ({word}) is not in it any more"));
                };
                if new.action != old.action || new.check != old.check {
                    return Some(format!(
                        "step '{key}' ({word}) was {} and would be {}",
                        old.judged(),
                        new.judged()
                    ));
                }
                (new.effect != old.effect).then(|| {
                    format!(
                        "step '{key}' ({word}) had the effect {} and would have {}",
                        old.effect.as_str(),
                        new.effect.as_str()
                    )
                })
            })
            .collect()
    }

    /// Puts the steps of an adopted runbook in place of those before. What was recorded stays as it is.
    pub(super) fn adopt(
        &mut self,
        event: &Event,
        refuse: &dyn Fn(String) -> IllegalTransition,
    ) -> Result<(), IllegalTransition> {
        let EventKind::Adopted {
            runbook_text,
            runbook_digest,
            runbook_origin,
            inputs,
            report_template,
            steps,
            ..
        } = &event.event
        else {
            return Ok(());
        };
        if let Some(why) = self.unfit(steps).into_iter().next() {
            return Err(refuse(why));
        }
        let created = Arc::make_mut(&mut self.created);
        created.runbook_text.clone_from(runbook_text);
        created.runbook_digest.clone_from(runbook_digest);
        created.runbook_origin.clone_from(runbook_origin);
        created.inputs.clone_from(inputs);
        created.report_template.clone_from(report_template);
        created.steps.clone_from(steps);
        let (instances, before): (Vec<_>, Vec<_>) = std::mem::take(&mut self.steps)
            .iter()
            .cloned()
            .partition(|step| step.parent.is_some());
        let mut before: HashMap<String, Arc<StepState>> = before
            .into_iter()
            .map(|step| (step.plan.key.clone(), step))
            .collect();
        self.positions = Arc::default();
        self.families = Arc::default();
        for plan in steps {
            self.add(match before.remove(&plan.key) {
                Some(step) => StepState {
                    plan: plan.clone(),
                    ..Arc::unwrap_or_clone(step)
                },
                None => StepState::new(plan.clone()),
            });
        }
        for instance in instances.into_iter().map(Arc::unwrap_or_clone) {
            if let Some(parent) = instance.parent.clone() {
                self.add_instance(&parent, instance);
            }
        }
        Ok(())
    }
}

impl StepState {
    /// Has anything been written about it?
    fn is_recorded(&self) -> bool {
        self.status != StepStatus::Pending || self.attempts > 0
    }
}

impl PlannedStep {
    /// The action, and for a `wait` what it repeats.
    fn judged(&self) -> String {
        match &self.check {
            Some(check) => format!("{} of {check}", self.action),
            None => self.action.clone(),
        }
    }
}
