//! stub
use super::args::Global;
use crate::engine::Observer;
use crate::record::{Event, Finding, RunState, StepOutcome};
use std::sync::Arc;
pub(super) struct Live {
    json: bool,
}
impl Live {
    pub(super) fn new(global: &Global) -> Arc<Self> {
        Arc::new(Live { json: global.json })
    }
    pub(super) fn begin(&self, _: &RunState) {}
    pub(super) fn end(&self) {}
    pub(super) fn say(&self, text: &str) {
        let _ = super::out::text(text);
    }
}
impl Observer for Live {
    fn event(&self, event: &Event, _: &RunState) {
        if self.json {
            let _ = super::out::text(&serde_json::to_string(event).unwrap_or_default());
        } else {
            let t = serde_json::to_string(&event.event).unwrap_or_default();
            let _ = super::out::text(&t.chars().take(300).collect::<String>());
        }
    }
    fn note(&self, _: &str, _: &str) {}
    fn count(&self, _: &str, _: u64, _: u64) {}
}
pub(super) fn probe_text(
    name: &str,
    outcome: StepOutcome,
    outputs: &serde_json::Map<String, serde_json::Value>,
    findings: &[Finding],
    _color: bool,
) -> String {
    let mut t = format!("{name}: {}\n", outcome.as_str());
    for f in findings {
        t.push_str(&format!("  {} {}\n", f.code, f.summary));
    }
    t.push_str(&serde_json::to_string_pretty(outputs).unwrap_or_default());
    t
}
