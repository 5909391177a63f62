//! Does a value conform to a JSON Schema? Enough of draft 2020-12 for the schemas that ship, to hold them against files.
#![allow(clippy::unwrap_used)]

use serde_json::Value;

/// The first thing that does not conform, with its path.
pub(crate) fn fault(schema: &Value, value: &Value) -> Option<String> {
    check(schema, schema, value, "")
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str) -> Option<String> {
    if let Some(reference) = schema.get("$ref") {
        let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
        return check(root, root.pointer(pointer).unwrap(), value, at);
    }
    let wrong = |what: String| Some(format!("{at}: {what}"));
    let fits = |schema: &Value| check(root, schema, value, at).is_none();
    for (keyword, rule) in schema.as_object().unwrap() {
        let found = match keyword.as_str() {
            "type" => {
                let known = |kind: &Value| match kind.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                };
                let good = match rule {
                    Value::Array(kinds) => kinds.iter().any(known),
                    kind => known(kind),
                };
                (!good).then(|| wrong(format!("not {rule}"))).flatten()
            }
            "const" => (rule != value)
                .then(|| wrong(format!("not {rule}")))
                .flatten(),
            "enum" => (!rule.as_array().unwrap().contains(value))
                .then(|| wrong(format!("not one of {rule}")))
                .flatten(),
            "pattern" => match value.as_str() {
                Some(text)
                    if !regex::Regex::new(rule.as_str().unwrap())
                        .unwrap()
                        .is_match(text) =>
                {
                    wrong(format!("does not match {rule}"))
                }
                _ => None,
            },
            "minimum" => (value.as_i64() < rule.as_i64() && value.is_i64())
                .then(|| wrong(format!("less than {rule}")))
                .flatten(),
            "maximum" => (value.as_i64() > rule.as_i64() && value.is_i64())
                .then(|| wrong(format!("more than {rule}")))
                .flatten(),
            "minItems" => value
                .as_array()
                .filter(|items| (items.len() as u64) < rule.as_u64().unwrap())
                .and_then(|_| wrong("too few items".to_owned())),
            "items" => value.as_array().and_then(|items| {
                items
                    .iter()
                    .enumerate()
                    .find_map(|(n, item)| check(root, rule, item, &format!("{at}/{n}")))
            }),
            "required" => value.as_object().and_then(|fields| {
                let missing = rule
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|name| !fields.contains_key(name.as_str().unwrap()))?;
                wrong(format!("no {missing}"))
            }),
            "properties" => value.as_object().and_then(|fields| {
                fields.iter().find_map(|(name, value)| {
                    check(root, rule.get(name)?, value, &format!("{at}/{name}"))
                })
            }),
            "additionalProperties" => value.as_object().and_then(|fields| {
                let known = schema.get("properties");
                fields
                    .iter()
                    .filter(|(name, _)| known.is_none_or(|known| known.get(name).is_none()))
                    .find_map(|(name, value)| match rule {
                        Value::Bool(false) => wrong(format!("unknown {name}")),
                        rule => check(root, rule, value, &format!("{at}/{name}")),
                    })
            }),
            "propertyNames" => value.as_object().and_then(|fields| {
                fields
                    .keys()
                    .find_map(|name| check(root, rule, &Value::from(name.as_str()), at))
            }),
            "anyOf" => (!rule.as_array().unwrap().iter().any(fits))
                .then(|| wrong("none of anyOf".to_owned()))
                .flatten(),
            "oneOf" => (rule
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| fits(one))
                .count()
                != 1)
                .then(|| wrong("not one of oneOf".to_owned()))
                .flatten(),
            "allOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .find_map(|schema| check(root, schema, value, at)),
            "if" => fits(rule)
                .then(|| check(root, schema.get("then").unwrap(), value, at))
                .flatten(),
            "then" | "$schema" | "$defs" | "title" | "description" | "uniqueItems" => None,
            other => panic!("keyword {other}"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
