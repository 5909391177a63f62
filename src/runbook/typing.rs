//! Checks a compiled condition against the variables of its place: names, fields, functions, and what is compared with what.
//!
//! CEL itself finds these faults only when it evaluates, days into a run. Where a value is not known before the run it may
//! be anything, and nothing is said.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue};

use super::Expression;
use super::expressions::path_of;
use super::shape::{Scope, Shape, Wrong};
use crate::yaml::hint;

/// Functions a condition may call.
pub(super) const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "double",
    "has",
    "exists",
    "exists_one",
    "all",
    "map",
    "filter",
];

/// All faults of a condition.
pub(super) fn check(expression: &Expression, scope: &Scope<'_>) -> Vec<Wrong> {
    let mut typing = Typing {
        scope,
        local: Vec::new(),
        faults: Vec::new(),
    };
    let shape = typing.infer(expression.program().expression());
    if !matches!(shape, Shape::Any | Shape::Bool) {
        typing.faults.push(Wrong {
            part: expression.text().to_owned(),
            message: format!(
                "a condition is true or false, and this is {}",
                shape.describe()
            ),
            hint: match shape {
                Shape::Number => "compare it with something: ... > 0",
                Shape::List(_) => "write size(...) > 0, or ....exists(x, ...)",
                _ => "compare it with something: ... == 'text'",
            }
            .to_owned(),
        });
    }
    typing.faults
}

/// Does the condition hold only when it is proven that nothing was sent? True for `result.not_sent`, and for what is joined
/// to it by `&&`.
pub(super) fn proves_not_sent(expression: &Expression) -> bool {
    fn proves(expression: &IdedExpr) -> bool {
        if path_of(expression).is_some_and(|path| path == ["result", "not_sent"]) {
            return true;
        }
        let Expr::Call(call) = &expression.expr else {
            return false;
        };
        let is_true = |e: &IdedExpr| matches!(&e.expr, Expr::Literal(LiteralValue::Boolean(value)) if *value.inner());
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("_&&_", parts) => parts.iter().any(proves),
            ("_||_", parts) => parts.iter().all(proves),
            ("_==_", [a, b]) => (proves(a) && is_true(b)) || (is_true(a) && proves(b)),
            _ => false,
        }
    }
    proves(expression.program().expression())
}

struct Typing<'s, 'a, 'e> {
    scope: &'s Scope<'a>,
    local: Vec<(&'e str, Shape)>,
    faults: Vec<Wrong>,
}

impl<'e> Typing<'_, '_, 'e> {
    fn infer(&mut self, expression: &'e IdedExpr) -> Shape {
        if let Some(path) = path_of(expression) {
            let is_test = matches!(&expression.expr, Expr::Select(select) if select.test);
            let shape = self.path(&path);
            return if is_test { Shape::Bool } else { shape };
        }
        match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Shape::Bool,
                LiteralValue::String(_) => Shape::Text,
                LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::Double(_) => {
                    Shape::Number
                }
                _ => Shape::Any,
            },
            Expr::Call(call) => self.call(&call.func_name, call.target.as_deref(), &call.args),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let mut item = None;
                for element in &list.elements {
                    let shape = self.infer(element);
                    item = Some(match item {
                        None => shape,
                        Some(before) if before == shape => before,
                        Some(_) => Shape::Any,
                    });
                }
                Shape::List(Box::new(item.unwrap_or(Shape::Any)))
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.infer(&entry.key);
                        self.infer(&entry.value);
                    }
                }
                Shape::Any
            }
            Expr::Select(select) => {
                let operand = self.infer(&select.operand);
                let shape = self.noted(operand.field("this value", &select.field));
                if select.test { Shape::Bool } else { shape }
            }
            Expr::Struct(structure) => {
                self.fault(
                    &structure.type_name,
                    "types cannot be built in a condition",
                    "",
                );
                Shape::Any
            }
            Expr::Ident(_) | Expr::Unspecified => Shape::Any,
        }
    }

    fn path(&mut self, path: &[&str]) -> Shape {
        let local = self.local.iter().rev().find(|(name, _)| *name == path[0]);
        if let Some((name, shape)) = local {
            let mut shape = shape.clone();
            let mut reached = (*name).to_owned();
            for field in &path[1..] {
                match shape.field(&reached, field) {
                    Ok(next) => shape = next,
                    Err(wrong) => return self.noted(Err(wrong)),
                }
                reached = format!("{reached}.{field}");
            }
            return shape;
        }
        let resolved = self.scope.resolve(path);
        self.noted(resolved)
    }

    fn noted(&mut self, resolved: Result<Shape, Wrong>) -> Shape {
        resolved.unwrap_or_else(|wrong| {
            self.faults.push(wrong);
            Shape::Any
        })
    }

    fn fault(&mut self, part: &str, message: &str, hint: &str) {
        self.faults.push(Wrong {
            part: part.to_owned(),
            message: message.to_owned(),
            hint: hint.to_owned(),
        });
    }

    fn call(&mut self, name: &'e str, target: Option<&'e IdedExpr>, args: &'e [IdedExpr]) -> Shape {
        let parts: Vec<Shape> = target
            .into_iter()
            .chain(args)
            .map(|part| self.infer(part))
            .collect();
        let symbol = name.trim_matches(['_', '@']);
        match name {
            "_&&_" | "_||_" | "!_" => {
                for part in &parts {
                    if !matches!(part, Shape::Any | Shape::Bool) {
                        self.fault(
                            symbol,
                            &format!(
                                "'{symbol}' joins what is true or false, and one side is {}",
                                part.describe()
                            ),
                            "compare it with something first",
                        );
                    }
                }
                Shape::Bool
            }
            "_==_" | "_!=_" => {
                self.comparable(symbol, &parts);
                Shape::Bool
            }
            "_<_" | "_<=_" | "_>_" | "_>=_" => {
                if !self.comparable(symbol, &parts) {
                    return Shape::Bool;
                }
                if let Some(odd) = parts
                    .iter()
                    .find(|part| matches!(part, Shape::Bool | Shape::List(_) | Shape::Record(_)))
                {
                    self.fault(
                        symbol,
                        &format!(
                            "'{symbol}' compares numbers or texts, and one side is {}",
                            odd.describe()
                        ),
                        match odd {
                            Shape::List(_) => "for its length write size(...)",
                            _ => "",
                        },
                    );
                }
                Shape::Bool
            }
            "@in" => {
                if let [_, Shape::Bool | Shape::Number | Shape::Text] = parts.as_slice() {
                    self.fault(
                        "in",
                        &format!(
                            "'in' looks into a list or mapping, and this is {}",
                            parts[1].describe()
                        ),
                        "for a part of a text write TEXT.contains('...')",
                    );
                }
                Shape::Bool
            }
            "_+_" | "_-_" | "_*_" | "_/_" | "_%_" | "-_" => {
                self.comparable(symbol, &parts);
                parts
                    .into_iter()
                    .find(|part| *part != Shape::Any)
                    .unwrap_or(Shape::Any)
            }
            "_?_:_" => match parts.as_slice() {
                [_, yes, no] if yes == no => yes.clone(),
                _ => Shape::Any,
            },
            "_[_]" => match parts.first() {
                Some(Shape::List(item)) => item.as_ref().clone(),
                _ => Shape::Any,
            },
            "size" => {
                if let Some(odd @ (Shape::Bool | Shape::Number)) = parts.first() {
                    self.fault("size", &format!("{} has no size", odd.describe()), "");
                }
                Shape::Number
            }
            "contains" | "startsWith" | "endsWith" => {
                if let Some(odd @ (Shape::Bool | Shape::Number | Shape::List(_))) = parts.first() {
                    self.fault(
                        name,
                        &format!("'{name}' looks into a text, and this is {}", odd.describe()),
                        match odd {
                            Shape::List(_) => "for a list write ITEM in LIST",
                            _ => "",
                        },
                    );
                }
                Shape::Bool
            }
            "string" => Shape::Text,
            "int" | "double" => Shape::Number,
            "@not_strictly_false" => Shape::Bool,
            other => {
                let known = FUNCTIONS.iter().copied();
                self.fault(
                    other,
                    &format!("there is no function '{other}'"),
                    &hint(other, known),
                );
                Shape::Any
            }
        }
    }

    /// False, with a fault, when the two sides can never be compared.
    fn comparable(&mut self, symbol: &str, parts: &[Shape]) -> bool {
        if let [a, b] = parts
            && std::mem::discriminant(a) != std::mem::discriminant(b)
            && *a != Shape::Any
            && *b != Shape::Any
        {
            self.fault(
                symbol,
                &format!(
                    "'{symbol}' takes {} and {} here",
                    a.describe(),
                    b.describe()
                ),
                match (a, b) {
                    (Shape::Text, Shape::Number) | (Shape::Number, Shape::Text) => {
                        "a number is written without quotes, a text with them"
                    }
                    _ => "both sides must be of one kind",
                },
            );
            return false;
        }
        true
    }

    fn comprehension(&mut self, comprehension: &'e ComprehensionExpr) -> Shape {
        let item = match self.infer(&comprehension.iter_range) {
            Shape::List(item) => *item,
            Shape::Record(_) => Shape::Text,
            Shape::Any => Shape::Any,
            odd => {
                self.fault(
                    &comprehension.iter_var,
                    &format!(
                        "this goes through a list, and what it is given is {}",
                        odd.describe()
                    ),
                    "",
                );
                Shape::Any
            }
        };
        let start = self.infer(&comprehension.accu_init);
        let before = self.local.len();
        self.local.push((&comprehension.iter_var, item));
        if let Some(second) = &comprehension.iter_var2 {
            self.local.push((second, Shape::Any));
        }
        let accu = match start {
            Shape::Bool => Shape::Bool,
            Shape::Number => Shape::Number,
            _ => Shape::Any,
        };
        let is_list = accu == Shape::Any;
        self.local.push((&comprehension.accu_var, accu));
        self.infer(&comprehension.loop_cond);
        self.infer(&comprehension.loop_step);
        let result = self.infer(&comprehension.result);
        self.local.truncate(before);
        if is_list {
            Shape::List(Box::new(Shape::Any))
        } else {
            result
        }
    }
}
