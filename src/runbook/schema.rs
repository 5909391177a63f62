//! The JSON Schema of runbooks (draft 2020-12), for editors: built from the actions and the words the parser knows.
//!
//! It is looser than `validate`: it knows fields, kinds and words, not needs and references.

use serde_json::{Map, Value, json};

use super::Vocabulary;
use super::parse::{INPUT_TYPES, VERSION};
use crate::actions::{Action, Argument, Kind};

/// The schema of runbooks that use these actions.
pub fn schema(vocabulary: &Vocabulary<'_>) -> Value {
    let actions = vocabulary.actions;
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mailmedic runbook",
        "type": "object",
        "required": ["version", "name", "steps"],
        "additionalProperties": false,
        "properties": {
            "version": {"const": VERSION, "description": "version of the runbook language"},
            "name": {"type": "string", "pattern": "^[a-z0-9-]+$", "description": "name, as in `runs` and reports"},
            "description": {"type": "string", "description": "what it is for"},
            "inputs": {
                "description": "what the runbook asks for before it starts: --set NAME=VALUE",
                "type": "object",
                "propertyNames": {"pattern": IDENTIFIER},
                "additionalProperties": {"$ref": "#/$defs/input"},
            },
            "secrets": {
                "description": "where secrets are kept; use them as {{secrets.NAME}}",
                "type": "object",
                "propertyNames": {"pattern": IDENTIFIER},
                "additionalProperties": crate::site::secret_schema(),
            },
            "defaults": object("what holds for steps that say nothing else", json!({
                "timeout": duration("how long one try may take"),
                "retry": {"$ref": "#/$defs/retry"},
            })),
            "rollout": object("how many sites at once, and when to stop starting more", json!({
                "max_concurrent": amount("sites at the same time; a share is rounded up"),
                "max_failures": amount("no new site starts when more have failed; a share is rounded down"),
                "canary": amount("sites that must end well before the others start"),
                "order": {
                    "description": "tags: sites with the first one start first, then those with the second; else by id",
                    "type": "array", "items": {"type": "string"},
                },
            })),
            "lock": {
                "description": "what may not run at the same time for a site",
                "enum": ["runbook", "site", "nothing"],
            },
            "steps": steps("the steps, in order"),
            "on_failure": steps("steps that run when one of `steps` failed"),
            "finally": steps("steps that run at the end, whatever happened"),
            "verify": {
                "description": "ids of the steps that are run again at the end, for the before/after table",
                "type": "array", "items": {"type": "string"}, "uniqueItems": true,
            },
            "report": object("the document at the end", json!({
                "template": {"type": "string", "description": "name of the template: handover"},
            })),
        },
        "$defs": {
            "step": step(actions),
            "retry": object("how often a step is tried", json!({
                "attempts": {"type": "integer", "minimum": 1, "maximum": 100, "description": "all tries, the first included"},
                "delay": duration("time between two tries"),
                "when": condition("try again only when this holds; `result` is {error, not_sent, attempt}"),
            })),
            "input": input(),
        },
    })
}

const IDENTIFIER: &str = "^[a-z][a-z0-9_]*$";
const DURATION: &str = "^([0-9]+(ms|s|m|h|d|w))+$";
const REFERENCE: &str = "\\{\\{";

fn step(actions: &[&'static dyn Action]) -> Value {
    let names: Vec<Value> = actions
        .iter()
        .map(|action| json!({"const": action.name(), "description": action.summary()}))
        .collect();
    let rules: Vec<Value> = actions
        .iter()
        .map(|action| {
            let required: Vec<&str> = action
                .arguments()
                .iter()
                .filter(|argument| argument.required)
                .map(|argument| argument.name)
                .collect();
            let mut then = json!({"properties": {"with": arguments(*action)}});
            if !required.is_empty() {
                then["required"] = json!(["with"]);
                then["properties"]["with"]["required"] = json!(required);
            }
            json!({
                "if": {"properties": {"action": {"const": action.name()}}, "required": ["action"]},
                "then": then,
            })
        })
        .collect();
    json!({
        "type": "object",
        "required": ["id", "action"],
        "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "pattern": IDENTIFIER, "description": "unique in the runbook"},
            "title": {"type": "string", "description": "name for people"},
            "description": {"type": "string", "description": "why the step is there"},
            "action": {"description": "the kind of work", "oneOf": names},
            "with": {"type": ["object", "null"], "description": "arguments of the action"},
            "when": condition("false means skipped"),
            "needs": {
                "description": "ids of steps that must have ended; absent: the step before; []: nothing",
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            },
            "timeout": duration("how long one try may take"),
            "retry": {"$ref": "#/$defs/retry"},
            "continue_on_error": {"type": "boolean", "description": "a failure is tolerated, and shown as such"},
            "foreach": {
                "description": "one instance an item",
                "type": "object",
                "required": ["items", "as"],
                "additionalProperties": false,
                "properties": {
                    "items": {"description": "a list, or one reference to a list", "anyOf": [
                        {"type": ["array", "object"]}, {"type": "string", "pattern": REFERENCE},
                    ]},
                    "as": {"type": "string", "pattern": IDENTIFIER, "description": "name of the item"},
                    "max_concurrent": {"type": "integer", "minimum": 1, "description": "items at the same time"},
                },
            },
            "effect": {"enum": ["probe", "local", "external"], "description": "only stricter than the action's own"},
            "on_interrupt": {
                "enum": ["rerun", "verify", "skip", "ask"],
                "description": "when the process went away in the middle; only stricter than the default",
            },
        },
        "allOf": rules,
    })
}

fn arguments(action: &dyn Action) -> Value {
    let properties: Map<String, Value> = action
        .arguments()
        .iter()
        .map(|argument| (argument.name.to_owned(), argument_schema(argument)))
        .collect();
    json!({"properties": properties, "additionalProperties": false})
}

/// Any argument may be a reference instead of its kind.
fn argument_schema(argument: &Argument) -> Value {
    let reference = json!({"type": "string", "pattern": REFERENCE});
    let mut schema = match argument.kind {
        Kind::Text => json!({"type": ["string", "number"]}),
        Kind::Integer => json!({"anyOf": [{"type": "integer"}, reference]}),
        Kind::Boolean => json!({"anyOf": [{"type": "boolean"}, reference]}),
        Kind::Duration => json!({"anyOf": [{"type": "string", "pattern": DURATION}, reference]}),
        Kind::Choice(words) => json!({"anyOf": [{"enum": words}, reference]}),
        Kind::TextList => json!({"anyOf": [
            {"type": ["string", "number"]},
            {"type": "array", "items": {"type": ["string", "number"]}},
        ]}),
        Kind::List => json!({"anyOf": [{"type": "array"}, reference]}),
        Kind::Map => json!({"anyOf": [{"type": "object"}, reference]}),
        Kind::Condition => json!({"type": ["string", "boolean"]}),
        Kind::Any => json!({}),
    };
    schema["description"] = json!(match argument.required {
        true => argument.doc.to_owned(),
        false => format!("{} (default: {})", argument.doc, argument.default),
    });
    schema
}

fn input() -> Value {
    json!({
        "type": "object",
        "required": ["type"],
        "additionalProperties": false,
        "properties": {
            "type": {"enum": INPUT_TYPES, "description": "what it takes"},
            "default": {"description": "what it is when nobody gives it"},
            "description": {"type": "string", "description": "what it is for"},
            "values": {"type": "array", "items": {"type": "string"}, "description": "words of an enum"},
            "pattern": {"type": "string", "description": "regular expression that the whole text must match"},
            "min": {"type": "integer", "description": "smallest int"},
            "max": {"type": "integer", "description": "largest int"},
        },
    })
}

fn object(description: &str, properties: Value) -> Value {
    json!({
        "description": description, "type": "object", "additionalProperties": false, "properties": properties,
    })
}

fn steps(description: &str) -> Value {
    json!({"description": description, "type": "array", "minItems": 1, "items": {"$ref": "#/$defs/step"}})
}

fn duration(description: &str) -> Value {
    json!({"description": description, "type": "string", "pattern": DURATION})
}

fn condition(description: &str) -> Value {
    json!({"description": format!("{description} (CEL)"), "type": ["string", "boolean"]})
}

fn amount(description: &str) -> Value {
    json!({"description": description, "anyOf": [
        {"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+ *%$"},
    ]})
}
