//! Draft -> runbook: every name looked up, every text and condition compiled, every rule held. All faults at once.

use std::sync::OnceLock;

use super::arguments::{self, GATES};
use super::draft::{At, Draft, DraftRetry, DraftStep};
use super::graph::Graph;
use super::shape::{RESERVED, Scope, Shape, check_of};
use super::{Foreach, OnInterrupt, Retry, Runbook, Step, Vocabulary, arguments::Compiled, typing};
use crate::actions::{Action, Args};
use crate::record::{Effect, Section};
use crate::yaml::{Reader, hint};

/// Checks a draft. Faults are in the reader; the runbook is good only when there is none.
pub(super) fn validate(reader: &mut Reader, draft: Draft, vocabulary: &Vocabulary<'_>) -> Runbook {
    let graph = Graph::build(reader, &draft);
    let steps: Vec<Step> = (0..draft.steps.len())
        .map(|position| step(reader, &draft, &graph, vocabulary, position))
        .collect();
    verify(reader, &draft, &graph, &steps);
    report(reader, &draft, vocabulary);
    Runbook {
        verify: draft.verify.into_iter().map(|at| at.value).collect(),
        report: draft
            .report
            .map(|at| at.value.trim_end_matches(".md").to_owned()),
        name: draft.name,
        description: draft.description,
        inputs: draft.inputs,
        secrets: draft.secrets,
        rollout: draft.rollout,
        lock: draft.lock,
        steps,
        places: OnceLock::new(),
    }
}

fn step(
    reader: &mut Reader,
    draft: &Draft,
    graph: &Graph,
    vocabulary: &Vocabulary<'_>,
    position: usize,
) -> Step {
    let step = &draft.steps[position];
    let mut scope = Scope::new(draft, graph, vocabulary.actions, position);
    let foreach = foreach(reader, &mut scope, step);
    let action = arguments::find(vocabulary, &step.action.value);
    let compiled = match action {
        Some(action) => arguments::check(reader, &mut scope, vocabulary, step, action),
        None => {
            arguments::unknown_action(reader, vocabulary, &step.action.value, step.action.span);
            Compiled::default()
        }
    };
    let when = step
        .when
        .as_ref()
        .and_then(|when| arguments::expression(reader, &scope, &when.value, when.span));
    let effect = effect(reader, step, action);
    let is_gate = GATES.contains(&step.action.value.as_str());
    if let Some(timeout) = &step.timeout
        && is_gate
        && step.action.value != "wait"
    {
        reader.fault(
            timeout.span,
            format!("the deadline of '{}' is an argument", step.action.value),
            "write 'timeout' under 'with'; a step's own timeout is for one try of work",
        );
    }
    let retry = retry(reader, draft, &mut scope, step, effect, is_gate);
    Step {
        id: step.id.value.clone(),
        title: step.title.clone().unwrap_or_else(|| step.id.value.clone()),
        description: step.description.clone(),
        section: step.section,
        action: step.action.value.clone(),
        check: check_of(step).map(str::to_owned),
        with: compiled.arguments,
        conditions: compiled.conditions,
        when,
        needs: graph
            .needs(position)
            .iter()
            .map(|need| draft.steps[*need].id.value.clone())
            .collect(),
        timeout: step.timeout.as_ref().map(|at| at.value).or(draft.timeout),
        retry,
        continue_on_error: step.continue_on_error,
        foreach,
        effect,
        on_interrupt: on_interrupt(reader, step, effect),
    }
}

fn foreach<'a>(reader: &mut Reader, scope: &mut Scope<'a>, step: &'a DraftStep) -> Option<Foreach> {
    let foreach = step.foreach.as_ref()?;
    let alias = foreach.alias.value.as_str();
    if RESERVED.contains(&alias) {
        reader.fault(
            foreach.alias.span,
            format!("'{alias}' is the name of something else already"),
            "call the item by what it is: address, list, server",
        );
    }
    let items = arguments::compile(reader, scope, &foreach.items);
    let mut item = Shape::Any;
    if let Some(path) = items.as_ref().and_then(|items| items.reference()) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match scope.resolve(&names) {
            Ok(Shape::List(of)) => item = *of,
            Ok(Shape::Any | Shape::Record(_)) | Err(_) => {}
            Ok(other) => reader.fault(
                foreach.items.span,
                format!("'items' must be a list, and this is {}", other.describe()),
                "",
            ),
        }
    } else if let Some(items) = &items
        && (items.template().is_some()
            || matches!(foreach.items.value, crate::yaml::Value::Text(_)))
    {
        reader.fault(
            foreach.items.span,
            "'items' must be a list, and this is text",
            "write exactly one reference, like \"{{site.outbound.addresses}}\", or [a, b]",
        );
    }
    scope.alias = Some((alias, item));
    Some(Foreach {
        items: items?,
        alias: alias.to_owned(),
        max_concurrent: foreach.max_concurrent,
    })
}

fn effect(reader: &mut Reader, step: &DraftStep, action: Option<&'static dyn Action>) -> Effect {
    let given: serde_json::Map<String, serde_json::Value> = step
        .with
        .iter()
        .map(|(key, node)| (key.name.clone(), node.to_json()))
        .collect();
    let own = action.map_or(Effect::Probe, |action| action.effect_with(&Args(given)));
    match &step.effect {
        Some(at) if at.value < own => {
            reader.fault(
                at.span,
                format!(
                    "the effect of '{}' is {}, and it can only be made stricter",
                    step.action.value,
                    own.as_str()
                ),
                "from least to most strict: probe, local, external",
            );
            own
        }
        Some(at) => at.value,
        None => own,
    }
}

fn on_interrupt(reader: &mut Reader, step: &DraftStep, effect: Effect) -> OnInterrupt {
    let default = OnInterrupt::default_for(effect);
    match &step.on_interrupt {
        Some(at) if at.value < default => {
            reader.fault(
                at.span,
                format!(
                    "a step whose effect is {} must not do this when it was interrupted: nobody knows whether it was done",
                    effect.as_str()
                ),
                "from least to most strict: rerun, verify, skip, ask; an external step is verified: looked up, or asked about",
            );
            default
        }
        Some(at) => at.value,
        None => default,
    }
}

fn retry(
    reader: &mut Reader,
    draft: &Draft,
    scope: &mut Scope<'_>,
    step: &DraftStep,
    effect: Effect,
    is_gate: bool,
) -> Retry {
    let own = step.retry.as_ref();
    // The default of all steps is meant for what may be done twice without harm.
    let default = match effect == Effect::External || is_gate {
        true => &DraftRetry::default(),
        false => &draft.retry,
    };
    if let Some(at) = own
        && is_gate
    {
        reader.fault(
            at.span,
            format!("'{}' is not tried again: it waits", step.action.value),
            "its deadline and what happens then are arguments",
        );
    }
    let standard = Retry::default();
    let pick = own.map(|at| &at.value);
    let attempts = pick
        .and_then(|retry| retry.attempts)
        .or(default.attempts)
        .unwrap_or(standard.attempts);
    let delay = pick
        .and_then(|retry| retry.delay)
        .or(default.delay)
        .unwrap_or(standard.delay);
    scope.result = Some(Shape::failed_try());
    let when = pick
        .and_then(|retry| retry.when.as_ref())
        .or(default.when.as_ref())
        .and_then(|when: &At<String>| arguments::expression(reader, scope, &when.value, when.span));
    scope.result = None;
    if let Some(at) = own
        && effect == Effect::External
        && attempts > 1
        && !when.as_ref().is_some_and(typing::proves_not_sent)
    {
        reader.fault(
            at.span,
            "an external step is not tried again: it could be done twice",
            "limit it to tries that sent nothing: retry: {attempts: 3, when: \"result.not_sent\"}",
        );
    }
    Retry {
        attempts,
        delay,
        when,
    }
}

fn verify(reader: &mut Reader, draft: &Draft, graph: &Graph, steps: &[Step]) {
    for (position, at) in draft.verify.iter().enumerate() {
        let id = at.value.as_str();
        if draft.verify[..position]
            .iter()
            .any(|other| other.value == id)
        {
            reader.fault(at.span, format!("'{id}' is in 'verify' twice"), "");
            continue;
        }
        let step = graph
            .position(id)
            .map(|position| &steps[position])
            .filter(|step| step.section == Section::Steps);
        let Some(step) = step else {
            let known = steps
                .iter()
                .filter(|step| step.section == Section::Steps)
                .map(|step| step.id.as_str());
            reader.fault_labelled(
                at.span,
                format!("there is no step '{id}' to verify"),
                "unknown step",
                hint(id, known),
            );
            continue;
        };
        if step.effect != Effect::Probe || GATES.contains(&step.action.as_str()) {
            reader.fault(
                at.span,
                format!("step '{id}' does more than look and cannot be run again at the end"),
                "name the checks whose results go into the before/after table",
            );
        } else if step.foreach.is_some() {
            reader.fault(
                at.span,
                format!("step '{id}' has 'foreach' and cannot be run again at the end"),
                "give the action the whole list instead",
            );
        }
    }
}

fn report(reader: &mut Reader, draft: &Draft, vocabulary: &Vocabulary<'_>) {
    let Some(at) = &draft.report else { return };
    let formats = ["md", "html"];
    let known: Vec<&str> = vocabulary
        .templates
        .iter()
        .filter_map(|name| {
            let (stem, format) = name.rsplit_once('.')?;
            (formats.contains(&format) && !stem.contains('/')).then_some(stem)
        })
        .collect();
    let stem = at.value.trim_end_matches(".md");
    if !known.contains(&stem) {
        let mut names = known.clone();
        names.dedup();
        reader.fault(
            at.span,
            format!("there is no report template '{}'", at.value),
            hint(stem, names.iter().copied()),
        );
    }
}
