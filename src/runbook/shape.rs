//! What the variables look like where a text or condition stands: which names there are, and what kind of value each is.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use super::draft::{Draft, DraftStep};
use super::graph::Graph;
use super::{InputKind, RUN_FIELDS};
use crate::actions::Action;
use crate::site::{
    Account, Contact, Contacts, Imap, Lists, Logs, Outbound, ProbeMailbox, SecretRef, Server, Site,
    Smarthost, Vantage,
};
use crate::yaml::{self, Value, hint};

/// What a value looks like.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Not known before the run.
    Any,
    Bool,
    Number,
    Text,
    List(Box<Shape>),
    /// A mapping with exactly these fields.
    Record(BTreeMap<String, Shape>),
}

/// A name that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What to underline.
    pub(super) part: String,
    pub(super) message: String,
    pub(super) hint: String,
}

/// The variables at one place.
pub(super) struct Scope<'a> {
    draft: &'a Draft,
    graph: &'a Graph,
    actions: &'a [&'static dyn Action],
    position: usize,
    before: OnceCell<BTreeSet<usize>>,
    /// Name and shape of the item of a `foreach`.
    pub(super) alias: Option<(&'a str, Shape)>,
    /// The variable `result`, where there is one.
    pub(super) result: Option<Shape>,
    /// May a secret be used here?
    pub(super) secrets: bool,
}

/// The variables every text and condition may use, but for `result`, `secrets` and the item.
pub(super) const VARIABLES: &[&str] = &["site", "inputs", "steps", "findings", "run"];

/// Names that the item of a `foreach` cannot have.
pub(super) const RESERVED: &[&str] = &[
    "site", "inputs", "steps", "findings", "run", "result", "secrets", "this", "true", "false",
    "null", "in",
];

const STEP_FIELDS: &[&str] = &["status", "outcome", "outputs", "findings"];

impl Shape {
    /// For people: `text`, `a list`, ...
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Shape::Any => "anything",
            Shape::Bool => "true or false",
            Shape::Number => "a number",
            Shape::Text => "text",
            Shape::List(_) => "a list",
            Shape::Record(_) => "a mapping",
        }
    }

    fn record<'n>(names: impl IntoIterator<Item = &'n str>, shape: &Shape) -> Shape {
        Shape::Record(
            names
                .into_iter()
                .map(|name| (name.to_owned(), shape.clone()))
                .collect(),
        )
    }

    /// The outputs of an action, each anything.
    pub(super) fn outputs(action: &dyn Action) -> Shape {
        Shape::record(
            action.outputs().iter().map(|output| output.name),
            &Shape::Any,
        )
    }

    /// The shape of a failed try, for `retry.when`.
    pub(super) fn failed_try() -> Shape {
        Shape::Record(BTreeMap::from([
            ("error".to_owned(), Shape::Text),
            ("not_sent".to_owned(), Shape::Bool),
            ("attempt".to_owned(), Shape::Number),
        ]))
    }

    /// The findings, as a list.
    fn findings() -> Shape {
        let mut fields =
            BTreeMap::from([("evidence".to_owned(), Shape::List(Box::new(Shape::Any)))]);
        for name in ["code", "severity", "subject", "summary", "remedy"] {
            fields.insert(name.to_owned(), Shape::Text);
        }
        Shape::List(Box::new(Shape::Record(fields)))
    }

    fn of_json(value: &serde_json::Value) -> Shape {
        match value {
            serde_json::Value::Bool(_) => Shape::Bool,
            serde_json::Value::Number(_) => Shape::Number,
            serde_json::Value::String(_) => Shape::Text,
            serde_json::Value::Array(items) => {
                Shape::List(Box::new(items.first().map_or(Shape::Any, Shape::of_json)))
            }
            serde_json::Value::Object(fields) if !fields.is_empty() => Shape::Record(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Shape::of_json(value)))
                    .collect(),
            ),
            _ => Shape::Any,
        }
    }

    /// One field of it. `path` is how it was reached, for the message.
    pub(super) fn field(&self, path: &str, name: &str) -> Result<Shape, Wrong> {
        let wrong = |message: String, hint: String| Wrong {
            part: name.to_owned(),
            message,
            hint,
        };
        match self {
            Shape::Any => Ok(Shape::Any),
            Shape::Record(fields) => fields.get(name).cloned().ok_or_else(|| {
                wrong(
                    format!("there is no '{name}' in {path}"),
                    hint(name, fields.keys().map(String::as_str)),
                )
            }),
            Shape::List(item) if name.chars().all(|c| c.is_ascii_digit()) => {
                Ok(item.as_ref().clone())
            }
            Shape::List(_) => Err(wrong(
                format!("{path} is a list: it has no field '{name}'"),
                format!(
                    "in a condition: {path}.exists(x, x.{name} == ...); in a text: {{{{#each {path}}}}}"
                ),
            )),
            other => Err(wrong(
                format!("{path} is {}: it has no field '{name}'", other.describe()),
                String::new(),
            )),
        }
    }
}

impl<'a> Scope<'a> {
    pub(super) fn new(
        draft: &'a Draft,
        graph: &'a Graph,
        actions: &'a [&'static dyn Action],
        position: usize,
    ) -> Self {
        Scope {
            draft,
            graph,
            actions,
            position,
            before: OnceCell::new(),
            alias: None,
            result: None,
            secrets: false,
        }
    }

    fn step(&self) -> &'a DraftStep {
        &self.draft.steps[self.position]
    }

    /// What a path leads to.
    pub(super) fn resolve(&self, path: &[&str]) -> Result<Shape, Wrong> {
        let Some((root, rest)) = path.split_first() else {
            return Ok(Shape::Any);
        };
        if let Some((alias, shape)) = &self.alias
            && alias == root
        {
            return descend(shape, root, rest);
        }
        match *root {
            "site" => descend(&SITE, root, rest),
            "inputs" => descend(&self.inputs(), root, rest),
            "findings" => descend(&Shape::findings(), root, rest),
            "run" => descend(
                &Shape::record(RUN_FIELDS.iter().copied(), &Shape::Text),
                root,
                rest,
            ),
            "steps" => self.steps(rest),
            "result" => match &self.result {
                Some(shape) => descend(shape, root, rest),
                None => Err(Wrong {
                    part: (*root).to_owned(),
                    message: "there is no 'result' here".to_owned(),
                    hint: "it is there in 'until' of a wait and in 'retry.when'; elsewhere write steps.ID.outputs".to_owned(),
                }),
            },
            "secrets" => self.secret(rest),
            unknown => {
                let mut known: Vec<&str> = VARIABLES.to_vec();
                known.extend(self.alias.iter().map(|(alias, _)| *alias));
                Err(Wrong {
                    part: unknown.to_owned(),
                    message: format!("there is no variable '{unknown}'"),
                    hint: if self.graph.position(unknown).is_some() {
                        format!("for the step write steps.{unknown}")
                    } else if self.draft.inputs.iter().any(|i| i.name == unknown) {
                        format!("for the input write inputs.{unknown}")
                    } else {
                        hint(unknown, known.iter().copied())
                    },
                })
            }
        }
    }

    fn inputs(&self) -> Shape {
        Shape::Record(
            self.draft
                .inputs
                .iter()
                .map(|input| {
                    let shape = match input.kind {
                        InputKind::Integer { .. } => Shape::Number,
                        InputKind::Boolean => Shape::Bool,
                        InputKind::List => Shape::List(Box::new(Shape::Text)),
                        _ => Shape::Text,
                    };
                    (input.name.clone(), shape)
                })
                .collect(),
        )
    }

    fn secret(&self, rest: &[&str]) -> Result<Shape, Wrong> {
        if !self.secrets {
            return Err(Wrong {
                part: "secrets".to_owned(),
                message: "a secret cannot be used here: this is shown, compared or written down".to_owned(),
                hint: "secrets belong into arguments of steps that talk to others, such as http.request".to_owned(),
            });
        }
        let known = self.draft.secrets.keys().map(String::as_str);
        match rest {
            [name] if self.draft.secrets.contains_key(*name) => Ok(Shape::Text),
            [name, ..] => Err(Wrong {
                part: (*name).to_owned(),
                message: format!("there is no secret '{name}'"),
                hint: match self.draft.secrets.is_empty() {
                    true => "add it under 'secrets' with the place where it is kept".to_owned(),
                    false => hint(name, known),
                },
            }),
            [] => Err(Wrong {
                part: "secrets".to_owned(),
                message: "secrets are used one at a time".to_owned(),
                hint: "write secrets.NAME".to_owned(),
            }),
        }
    }

    fn steps(&self, rest: &[&str]) -> Result<Shape, Wrong> {
        let Some((id, rest)) = rest.split_first() else {
            return Err(Wrong {
                part: "steps".to_owned(),
                message: "steps are used one at a time".to_owned(),
                hint: "write steps.ID".to_owned(),
            });
        };
        let wrong = |message: String, hint: String| Wrong {
            part: (*id).to_owned(),
            message,
            hint,
        };
        let Some(position) = self.graph.position(id) else {
            let known = self.draft.steps.iter().map(|step| step.id.value.as_str());
            return Err(wrong(format!("there is no step '{id}'"), hint(id, known)));
        };
        let own = &self.step().id.value;
        if position == self.position {
            return Err(wrong(
                format!("step '{own}' speaks of itself, and it has not ended yet"),
                "in 'until' and 'retry.when' its own result is 'result'".to_owned(),
            ));
        }
        let before = self.before.get_or_init(|| self.graph.before(self.position));
        if !before.contains(&position) {
            return Err(wrong(
                format!("step '{id}' need not have ended when step '{own}' begins"),
                format!("add '{id}' to the needs of '{own}'"),
            ));
        }
        let path = format!("steps.{id}");
        let Some((field, rest)) = rest.split_first() else {
            return Ok(Shape::record(STEP_FIELDS.iter().copied(), &Shape::Any));
        };
        match *field {
            "status" | "outcome" => descend(&Shape::Text, &format!("{path}.{field}"), rest),
            "findings" => descend(&Shape::findings(), &format!("{path}.findings"), rest),
            "outputs" => {
                let outputs = self.outputs(&self.draft.steps[position]);
                descend(&outputs, &format!("{path}.outputs"), rest)
            }
            unknown => Err(Wrong {
                part: unknown.to_owned(),
                message: format!("there is no '{unknown}' in {path}"),
                hint: match self.outputs(&self.draft.steps[position]) {
                    Shape::Record(outputs) if outputs.contains_key(unknown) => {
                        format!("write {path}.outputs.{unknown}")
                    }
                    _ => hint(unknown, STEP_FIELDS.iter().copied()),
                },
            }),
        }
    }

    fn outputs(&self, step: &DraftStep) -> Shape {
        let action = |name: &str| self.actions.iter().find(|action| action.name() == name);
        let Some(found) = action(&step.action.value).filter(|_| step.foreach.is_none()) else {
            return Shape::Any;
        };
        let mut outputs = Shape::outputs(*found);
        // The last result of a wait looks like the outputs of its check.
        if let Some(check) = check_of(step).and_then(action)
            && let Shape::Record(fields) = &mut outputs
        {
            fields.insert("result".to_owned(), Shape::outputs(*check));
        }
        outputs
    }
}

/// The action that a `wait` repeats.
pub(super) fn check_of(step: &DraftStep) -> Option<&str> {
    if step.action.value != "wait" {
        return None;
    }
    step.with
        .iter()
        .find(|(key, _)| key.name == "check")
        .and_then(|(_, node)| match &node.value {
            yaml::Value::Text(name) => Some(name.as_str()),
            _ => None,
        })
}

fn descend(shape: &Shape, root: &str, rest: &[&str]) -> Result<Shape, Wrong> {
    let mut path = root.to_owned();
    let mut shape = shape.clone();
    for name in rest {
        shape = shape.field(&path, name)?;
        path.push('.');
        path.push_str(name);
    }
    Ok(shape)
}

/// The site file's shape, read off a site in which everything is given: it cannot fall behind [`Site`].
static SITE: LazyLock<Shape> = LazyLock::new(|| {
    let secret = || Some(SecretRef::Env(String::new()));
    let text = || Some(String::new());
    let contact = || {
        Some(Contact {
            name: String::new(),
            email: text(),
            phone: text(),
        })
    };
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    let site = Site {
        timezone: text(),
        tags: vec![String::new()],
        contacts: Contacts {
            owner: contact(),
            isp: contact(),
            provider: contact(),
        },
        domains: vec![String::new()],
        mailboxes: Some(0),
        outbound: Outbound {
            addresses: vec![address],
            candidates: vec![address],
            helo: text(),
        },
        servers: vec![Server {
            address: Some(address),
            ports: vec![25],
            product: text(),
            valid_mailbox: text(),
            account: Some(Account {
                password: secret(),
                other_sender: text(),
                ca: Some("ca".into()),
                ..Account::default()
            }),
            ..Server::default()
        }],
        smarthost: Some(Smarthost {
            address: Some(address),
            ports: vec![587],
            username: text(),
            password: secret(),
            senders: vec![String::new()],
            ca: Some("ca".into()),
            ..Smarthost::default()
        }),
        probe: Some(ProbeMailbox {
            helo: text(),
            sender: text(),
            recipient: text(),
            imap: Some(Imap {
                address: Some(address),
                port: Some(993),
                password: secret(),
                ca: Some("ca".into()),
                ..Imap::default()
            }),
        }),
        resolver: vec![String::new()],
        vantage: Some(Vantage::Outside),
        lists: Lists {
            except: vec![String::new()],
            also: vec![String::new()],
            ..Lists::default()
        },
        logs: Logs {
            working_hours: text(),
            inside: vec![address.into()],
            ..Logs::default()
        },
        allow_hosts: vec![String::new()],
        notes: text(),
        ..Site::default()
    };
    let value: Result<serde_json::Value, _> = serde_json::to_value(site);
    value.map_or(Shape::Any, |value| Shape::of_json(&value))
});

/// The literal text of an argument, if it is one.
pub(super) fn literal(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) if !text.contains("{{") => Some(text),
        _ => None,
    }
}
