//! Conditions in CEL: compiled once, when the runbook is checked, and evaluated against the run's variables.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::objects::{Key, Map};
use cel::{Context, Program};
use serde_json::Value;

use super::limits;

/// A compiled condition.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    program: Arc<Program>,
    references: Arc<References>,
    /// How many levels the parsed condition has: judging it recurses as deep.
    height: usize,
}

/// What an expression or a text speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The variables it begins with: `site`, `inputs`, ...
    pub variables: BTreeSet<String>,
    /// Steps by id, with the fields that are read (`status`, `outputs`, ...).
    pub steps: BTreeMap<String, BTreeSet<String>>,
    /// Secrets by name.
    pub secrets: BTreeSet<String>,
}

impl References {
    /// True when it reads `steps.ID.status` or `steps.ID.outcome`: a step with such a condition decides itself what a skipped
    /// need means.
    pub fn reads_status(&self, id: &str) -> bool {
        self.steps
            .get(id)
            .is_some_and(|fields| fields.contains("status") || fields.contains("outcome"))
    }

    /// Notes one path.
    pub(crate) fn note(&mut self, path: &[&str]) {
        if let Some(root) = path.first() {
            self.variables.insert((*root).to_owned());
        }
        match path {
            ["steps", id, rest @ ..] => {
                let fields = self.steps.entry((*id).to_owned()).or_default();
                if let Some(field) = rest.first() {
                    fields.insert((*field).to_owned());
                }
            }
            ["secrets", name, ..] => {
                self.secrets.insert((*name).to_owned());
            }
            _ => {}
        }
    }
}

/// A condition cannot be compiled or judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is not valid CEL.
    #[error("cannot read the condition '{text}': {what}")]
    Syntax {
        /// The condition.
        text: String,
        /// What is wrong.
        what: String,
        /// Where: offset in characters.
        at: usize,
    },
    /// It cannot be evaluated: a value is missing, or of another type than the condition takes it for.
    #[error("cannot judge the condition '{text}': {what}")]
    Evaluate {
        /// The condition.
        text: String,
        /// What is wrong.
        what: String,
    },
}

impl Expression {
    /// Compiles a condition. Names are not checked here, see `validate`.
    ///
    /// # Errors
    /// [`ExpressionError::Syntax`].
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        if let Some(what) = limits::condition(text) {
            return Err(ExpressionError::Syntax {
                text: text.to_owned(),
                what,
                at: 0,
            });
        }
        let program = limits::on_a_deep_stack(|| Program::compile(text))
            .map_err(|errors| syntax(text, &errors))?;
        let mut references = References::default();
        collect(program.expression(), &mut Vec::new(), &mut references);
        let height = height(program.expression());
        Ok(Expression {
            text: text.into(),
            height,
            program: Arc::new(program),
            references: Arc::new(references),
        })
    }

    /// The condition as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it speaks of.
    pub fn references(&self) -> &References {
        &self.references
    }

    /// Does it hold? `values` is an object of the variables (see the module's top).
    ///
    /// # Errors
    /// [`ExpressionError::Evaluate`], also when the result is neither true nor false. It names the condition.
    pub fn holds(&self, values: &Value) -> Result<bool, ExpressionError> {
        if self.height <= limits::SHALLOW {
            self.judge(values)
        } else {
            limits::on_a_deep_stack(|| self.judge(values))
        }
    }

    fn judge(&self, values: &Value) -> Result<bool, ExpressionError> {
        let mut context = Context::default();
        for name in &self.references.variables {
            match (name.as_str(), values.get(name)) {
                (_, None) => {}
                // Only the steps it names: the rest of a run may be large.
                ("steps", Some(Value::Object(steps))) => {
                    let used = steps
                        .iter()
                        .filter(|(id, _)| self.references.steps.contains_key(*id))
                        .map(|(id, step)| (Key::from(id.as_str()), to_cel(step)))
                        .collect();
                    context.add_variable_from_value(name.as_str(), mapping(used));
                }
                (_, Some(value)) => {
                    context.add_variable_from_value(name.as_str(), to_cel(value));
                }
            }
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(self.wrong(format!("it is a {}, not true or false", other.type_of()))),
            Err(error) => Err(self.wrong(plain(&error))),
        }
    }

    fn wrong(&self, what: String) -> ExpressionError {
        ExpressionError::Evaluate {
            text: self.text.to_string(),
            what,
        }
    }

    /// The parsed condition, for the checks.
    pub(super) fn program(&self) -> &Program {
        &self.program
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// The path that a chain of selections spells: `steps.scan.outputs` or `steps['scan'].outputs`. `None` for anything else.
pub(super) fn path_of(expression: &IdedExpr) -> Option<Vec<&str>> {
    let mut path = Vec::new();
    let mut expression = expression;
    loop {
        match &expression.expr {
            Expr::Ident(name) => {
                path.push(name.as_str());
                path.reverse();
                return Some(path);
            }
            Expr::Select(select) => {
                path.push(&select.field);
                expression = &select.operand;
            }
            Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
                [operand, index] => {
                    let Expr::Literal(cel::common::ast::LiteralValue::String(key)) = &index.expr
                    else {
                        return None;
                    };
                    path.push(key.inner());
                    expression = operand;
                }
                _ => return None,
            },
            _ => return None,
        }
    }
}

fn collect<'e>(expression: &'e IdedExpr, local: &mut Vec<&'e str>, references: &mut References) {
    if let Some(path) = path_of(expression) {
        if !local.contains(&path[0]) && !path[0].starts_with('@') {
            references.note(&path);
        }
        return;
    }
    match &expression.expr {
        Expr::Call(call) => {
            for part in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                collect(part, local, references);
            }
        }
        Expr::Comprehension(loop_) => {
            collect(&loop_.iter_range, local, references);
            collect(&loop_.accu_init, local, references);
            let before = local.len();
            local.push(&loop_.iter_var);
            local.extend(loop_.iter_var2.as_deref());
            local.push(&loop_.accu_var);
            collect(&loop_.loop_cond, local, references);
            collect(&loop_.loop_step, local, references);
            collect(&loop_.result, local, references);
            local.truncate(before);
        }
        Expr::List(list) => {
            for element in &list.elements {
                collect(element, local, references);
            }
        }
        Expr::Map(map) => entries(&map.entries, local, references),
        Expr::Struct(structure) => entries(&structure.entries, local, references),
        Expr::Select(select) => collect(&select.operand, local, references),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
    }
}

/// Levels of a parsed condition; a lone name or literal has one.
fn height(expression: &IdedExpr) -> usize {
    let below = match &expression.expr {
        Expr::Call(call) => {
            let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
            parts.map(height).max()
        }
        Expr::Comprehension(loop_) => [
            &loop_.iter_range,
            &loop_.accu_init,
            &loop_.loop_cond,
            &loop_.loop_step,
            &loop_.result,
        ]
        .into_iter()
        .map(height)
        .max(),
        Expr::List(list) => list.elements.iter().map(height).max(),
        Expr::Map(map) => map.entries.iter().map(entry_height).max(),
        Expr::Struct(structure) => structure.entries.iter().map(entry_height).max(),
        Expr::Select(select) => Some(height(&select.operand)),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => None,
    };
    1 + below.unwrap_or(0)
}

fn entry_height(entry: &cel::common::ast::IdedEntryExpr) -> usize {
    match &entry.expr {
        EntryExpr::StructField(field) => height(&field.value),
        EntryExpr::MapEntry(entry) => height(&entry.key).max(height(&entry.value)),
    }
}

fn entries<'e>(
    entries: &'e [cel::common::ast::IdedEntryExpr],
    local: &mut Vec<&'e str>,
    references: &mut References,
) {
    for entry in entries {
        match &entry.expr {
            EntryExpr::StructField(field) => collect(&field.value, local, references),
            EntryExpr::MapEntry(entry) => {
                collect(&entry.key, local, references);
                collect(&entry.value, local, references);
            }
        }
    }
}

/// JSON as CEL sees it. Whole numbers are `int`, as the literals of conditions are.
fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => cel::Value::Int(number),
            (None, Some(number)) => cel::Value::UInt(number),
            _ => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::String(Arc::new(text.clone())),
        Value::Array(items) => cel::Value::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(fields) => mapping(
            fields
                .iter()
                .map(|(key, value)| (Key::from(key.as_str()), to_cel(value)))
                .collect(),
        ),
    }
}

fn mapping(map: HashMap<Key, cel::Value>) -> cel::Value {
    cel::Value::Map(Map { map: Arc::new(map) })
}

fn syntax(text: &str, errors: &cel::ParseErrors) -> ExpressionError {
    let (what, at) = match errors.errors.first() {
        Some(error) => {
            let line = usize::try_from(error.pos.0).unwrap_or(1).max(1);
            let column = usize::try_from(error.pos.1).unwrap_or(1).max(1);
            let before: usize = text
                .split_inclusive('\n')
                .take(line - 1)
                .map(|line| line.chars().count())
                .sum();
            (error.msg.clone(), before + column - 1)
        }
        None => ("it is not valid CEL".to_owned(), 0),
    };
    ExpressionError::Syntax {
        text: text.to_owned(),
        what,
        at,
    }
}

/// An evaluation error in our words.
fn plain(error: &cel::ExecutionError) -> String {
    use cel::ExecutionError as E;
    match error {
        E::NoSuchKey(key) => format!("there is no value '{key}'"),
        E::ValuesNotComparable(a, b) => {
            format!("a {} and a {} cannot be compared", a.type_of(), b.type_of())
        }
        E::UndeclaredReference(name) => format!("there is no variable '{name}'"),
        other => {
            let mut text = other.to_string();
            if let Some(first) = text.get(0..1) {
                let lower = first.to_lowercase();
                text.replace_range(0..1, &lower);
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    /// Half of what a worker thread of the executor has.
    const HALF_A_WORKER: usize = 1 << 20;

    #[test]
    fn a_condition_that_is_judged_in_place_fits_a_small_stack() {
        let nested = |count: usize, opening: &str, inner: &str, closing: &str| {
            format!("{}{inner}{}", opening.repeat(count), closing.repeat(count))
        };
        let shapes: [&dyn Fn(usize) -> String; 6] = [
            &|count| nested(count, "[1].all(x, ", "true", ")"),
            &|count| nested(count, "(true ? ", "true", " : false)"),
            &|count| format!("{} == [1]", nested(count, "[", "1", "][0]")),
            &|count| format!("{} == 0", nested(count, "{'a': ", "0", "}.a")),
            &|count| format!("0{} > 0", " + 1".repeat(count)),
            &|count| format!("{}true", "!".repeat(2 * count)),
        ];
        for shape in shapes {
            let all: Vec<Expression> = (1..60)
                .map_while(|count| Expression::compile(&shape(count)).ok())
                .collect();
            let highest = all
                .iter()
                .filter(|condition| condition.height <= limits::SHALLOW)
                .max_by_key(|condition| condition.height)
                .unwrap();
            let beyond = all.last().unwrap();
            for condition in [highest, beyond] {
                let judged = std::thread::scope(|scope| {
                    std::thread::Builder::new()
                        .stack_size(HALF_A_WORKER)
                        .spawn_scoped(scope, || condition.holds(&json!({})))
                        .unwrap()
                        .join()
                        .unwrap()
                });
                // Whether it holds is told by other tests; here: it comes back, and the same from both places.
                let deep = limits::on_a_deep_stack(|| condition.judge(&json!({})));
                assert_eq!(judged, deep, "{}", condition.text);
            }
        }
    }

    #[test]
    fn height_counts_every_kind_of_nesting() {
        for (text, height) in [
            ("true", 1),
            ("!a", 2),
            ("a.b.c", 3),
            ("a.b > 1", 3),
            ("[1, [2]] == []", 4),
            ("{'k': a.b} == {}", 4),
        ] {
            assert_eq!(Expression::compile(text).unwrap().height, height, "{text}");
        }
    }
}
