//! For the tests of actions that look at what a run knows and write files: a context without any network.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};

use super::{
    ActionError, Args, ArtifactSink, Conditions, Context, Facts, Next, Progress, Report, Secrets,
    StepInfo,
};
use crate::probes::{ProbeSettings, Probes, SystemClock};
use crate::record::{
    Artifact, Decision, Effect, Finding, Given, PlannedStep, Section, Severity, StepOutcome,
    StepState, StepStatus,
};
use crate::site::Site;
use crate::templates::Templates;

/// What a run knows, and the files that an action has written.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) site: Site,
    pub(crate) findings: Vec<Finding>,
    pub(crate) steps: Vec<StepState>,
    pub(crate) files: Mutex<BTreeMap<String, String>>,
    /// A person's yes that the step needs.
    pub(crate) approved: Option<Given>,
}

impl Desk {
    /// Adds a step that has ended.
    pub(crate) fn ended(&mut self, action: &str, outputs: Value) -> &mut StepState {
        let plan = PlannedStep {
            key: format!("step{}", self.steps.len()),
            action: action.to_owned(),
            check: None,
            title: String::new(),
            description: None,
            effect: Effect::Probe,
            needs: Vec::new(),
            section: Section::Steps,
        };
        let mut step = StepState::new(plan);
        step.status = StepStatus::Finished {
            outcome: StepOutcome::Good,
            tolerated: false,
        };
        step.outputs = match outputs {
            Value::Object(map) => map.into(),
            _ => Default::default(),
        };
        self.steps.push(step);
        self.steps.last_mut().unwrap()
    }

    /// Adds a finding that stands.
    pub(crate) fn finding(&mut self, code: &str, severity: Severity, subject: &str) -> Finding {
        let finding = Finding {
            code: code.to_owned(),
            severity,
            subject: subject.to_owned(),
            summary: format!("{code} at {subject}"),
            evidence: Vec::new(),
            remedy: "fix it".to_owned(),
        };
        self.findings.push(finding.clone());
        finding
    }

    /// Adds a manual step that a person has ended with a note.
    pub(crate) fn manual_done(&mut self, note: &str) {
        let step = self.ended("manual", json!({}));
        step.given = Some(Box::new(given(Decision::Done, Some(note))));
    }

    /// A person has agreed to what the step does.
    pub(crate) fn approve(&mut self) {
        self.approved = Some(given(Decision::Approve, None));
    }

    /// Carries an action out.
    pub(crate) async fn carry_out(&self, action: &str, args: Value) -> Result<Report, ActionError> {
        let Value::Object(args) = args else {
            panic!("arguments are a mapping")
        };
        let args = Args(args);
        let probes = Probes::new(ProbeSettings::default(), Arc::new(SystemClock)).unwrap();
        let (secrets, templates) = (Secrets::default(), Templates::default());
        let context = Context {
            site: &self.site,
            args: &args,
            probes: &probes,
            progress: self,
            artifacts: self,
            secrets: &secrets,
            facts: self,
            templates: &templates,
            conditions: self,
            step: StepInfo {
                run: "run",
                key: "step",
                attempt: 1,
                idempotency_key: "key",
                wait: None,
            },
        };
        match super::find(action).unwrap().carry_out(&context).await? {
            Next::Done(report) => Ok(*report),
            Next::Wait(wait) => panic!("{action} waits: {}", wait.reason),
        }
    }
}

fn given(decision: Decision, note: Option<&str>) -> Given {
    Given {
        decision,
        by: "technician".to_owned(),
        at: "2026-11-20T10:00:00Z".parse().unwrap(),
        note: note.map(str::to_owned),
        evidence: Vec::new(),
        values: Map::new(),
        id: None,
    }
}

impl Progress for Desk {
    fn note(&self, _text: &str) {}
    fn count(&self, _done: u64, _of: u64) {}
}

impl ArtifactSink for Desk {
    fn put(&self, name: &str, media: &str, bytes: &[u8]) -> Result<Artifact, ActionError> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.files.lock().unwrap().insert(name.to_owned(), text);
        Ok(Artifact {
            name: name.to_owned(),
            digest: "0".repeat(64),
            bytes: bytes.len() as u64,
            media: media.to_owned(),
        })
    }
}

impl Facts for Desk {
    fn open_findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }
    fn ended_steps(&self) -> Vec<&StepState> {
        self.steps.iter().collect()
    }
    fn approval(&self, _step: &str) -> Option<&Given> {
        self.approved.as_ref()
    }
    fn values(&self) -> Value {
        json!({"site": self.site, "run": {"id": "run"}})
    }
}

impl Conditions for Desk {
    fn holds(&self, condition: &str, _result: &Value) -> Result<bool, String> {
        Err(format!("no conditions in this test: {condition}"))
    }
}
