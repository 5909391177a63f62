//! `lists` and `explain`: the knowledge of the field, looked up.

use serde_json::{Value, json};

use crate::cli::args::Global;
use crate::cli::exit::Exit;
use crate::cli::fail::Fail;
use crate::cli::out;
use crate::mail::causes;
use crate::mail::dnsbl::{DefaultScan, List, catalogue};
use crate::mail::findings;
use crate::mail::reply::{Class, Context, Reply, classify};

/// All blocklists, or one.
pub(in crate::cli) fn lists(global: &Global, name: Option<&str>) -> Result<Exit, Fail> {
    let Some(name) = name else {
        return all(global);
    };
    if let Some(dead) = catalogue().dead(name) {
        let since = dead.status_since.as_deref().unwrap_or("some time ago");
        if global.json {
            out::json(&json!({
                "schema": "mailmedic.list/1", "id": dead.id, "zones": dead.names, "status": "dead", "since": since, "why": dead.why,
            }))?;
        } else {
            out::text(&format!(
                "{} ({})\n  dead since {since}: never asked, even when named\n  {}",
                dead.id,
                dead.names.join(", "),
                dead.why
            ))?;
        }
        return Ok(Exit::Healthy);
    }
    let Some(list) = catalogue()
        .list(name)
        .or_else(|| catalogue().combined(name))
    else {
        let known = catalogue().lists.iter().map(|list| list.id.as_str());
        return Err(Fail::invalid(format!(
            "there is no list '{name}': {}",
            crate::yaml::hint(name, known)
        )));
    };
    if global.json {
        out::json(&list_json(list))?;
        return Ok(Exit::Healthy);
    }
    let mut text = format!(
        "{} ({})\n  {}\n\n  operator    {}\n  zones       {}\n  asked       {}\n  weight      {}\n  status      {}\n",
        list.name,
        list.id,
        list.why,
        list.operator,
        list.zones.join(", "),
        when(list),
        word(&list.severity),
        word(&list.status),
    );
    if !list.parts.is_empty() {
        text.push_str(&format!(
            "  holds       {} (not asked beside it)\n",
            list.parts.join(", ")
        ));
    }
    if let Some(url) = &list.lookup_url {
        text.push_str(&format!("  look up     {url}\n"));
    }
    if !list.return_codes.is_empty() {
        text.push_str("\n  answers\n");
        for (code, meaning) in &list.return_codes {
            let part = meaning
                .list
                .as_ref()
                .map_or_else(String::new, |part| format!("{part}: "));
            text.push_str(&format!("    {code:<18} {part}{}\n", meaning.meaning));
        }
    }
    for (code, meaning) in &list.error_codes {
        text.push_str(&format!("    {code:<18} refused: {meaning}\n"));
    }
    let removal = &list.delisting;
    text.push_str(&format!("\n  removal     {}\n", word(&removal.method)));
    for (label, value) in [
        ("page", &removal.url),
        ("write to", &removal.email),
        ("takes", &removal.typical_time),
        ("know", &removal.policy_notes),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("    {label:<10} {value}\n"));
        }
    }
    for requirement in &removal.requirements {
        text.push_str(&format!("    wanted     {requirement}\n"));
    }
    for (code, rule) in &removal.by_code {
        text.push_str(&format!(
            "    {code:<10} {}: {}\n",
            word(&rule.method),
            rule.note
        ));
    }
    out::text(&text)?;
    Ok(Exit::Healthy)
}

fn all(global: &Global) -> Result<Exit, Fail> {
    let catalogue = catalogue();
    if global.json {
        let lists: Vec<Value> = catalogue.lists.iter().map(list_json).collect();
        let dead: Vec<Value> = catalogue
            .dead
            .iter()
            .map(|dead| json!({"id": dead.id, "zones": dead.names}))
            .collect();
        out::json(
            &json!({"schema": "mailmedic.lists/1", "compiled": catalogue.compiled, "lists": lists, "dead": dead}),
        )?;
        return Ok(Exit::Healthy);
    }
    let mut text = format!(
        "{:<26} {:<14} {:<14} {}\n",
        "list", "weight", "asked", "zones"
    );
    for list in &catalogue.lists {
        text.push_str(&format!(
            "{:<26} {:<14} {:<14} {}\n",
            list.id,
            word(&list.severity),
            when(list),
            list.zones.join(", ")
        ));
    }
    text.push_str(&format!(
        "\n{} lists known, {} asked by default; {} receivers with lists of their own; {} dead zones that are never asked\n",
        catalogue.lists.len(),
        catalogue.lists.iter().filter(|list| list.default_scan == DefaultScan::On).count(),
        catalogue.receivers.len(),
        catalogue.dead.len(),
    ));
    text.push_str("`mailmedic lists NAME` tells codes, rules and removal of one.");
    out::text(&text)?;
    Ok(Exit::Healthy)
}

fn when(list: &List) -> &'static str {
    match list.default_scan {
        DefaultScan::On => "by default",
        DefaultScan::OptIn if list.access.key_required => "with a key",
        DefaultScan::OptIn => "when allowed",
        DefaultScan::Off => "when named",
    }
}

/// The word of an enum value, as it stands in the catalogue file: `SelfServiceForm` -> `self service form`.
fn word(value: &impl std::fmt::Debug) -> String {
    let mut words = String::new();
    for (place, letter) in format!("{value:?}").chars().enumerate() {
        if letter.is_ascii_uppercase() && place > 0 {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn list_json(list: &List) -> Value {
    let codes: Vec<Value> = list
        .return_codes
        .iter()
        .map(|(code, meaning)| json!({"code": code.to_string(), "part": meaning.list, "meaning": meaning.meaning, "severity": word(&meaning.severity)}))
        .collect();
    let test_points = list.test_points.as_ref().map(|points| {
        json!({
            "positive": points.positive, "positive_answers": points.positive_answers, "also": points.also,
            "ipv6_positive": points.ipv6_positive, "negative": points.negative,
        })
    });
    json!({
        "schema": "mailmedic.list/1", "id": list.id, "name": list.name, "operator": list.operator, "zones": list.zones,
        "severity": word(&list.severity), "asked": when(list), "status": word(&list.status), "why": list.why,
        "return_codes": codes, "test_points": test_points, "lookup_url": list.lookup_url,
        "removal": {
            "method": word(&list.delisting.method), "url": list.delisting.url, "email": list.delisting.email,
            "typical_time": list.delisting.typical_time, "requirements": list.delisting.requirements,
            "policy_notes": list.delisting.policy_notes,
        },
    })
}

/// What a finding code or a reply means.
pub(in crate::cli) fn explain(global: &Global, what: &str) -> Result<Exit, Fail> {
    let what = what.trim();
    if let Some(code) = findings::find(what) {
        if global.json {
            out::json(
                &json!({"schema": "mailmedic.code/1", "code": code.code, "title": code.title, "cause": code.cause, "evidence": code.evidence, "remedy": code.remedy, "who": code.who}),
            )?;
        } else {
            out::text(&format!(
                "{}: {}\n\n  cause     {}\n  proof     {}\n  remedy    {}\n  who       {}",
                code.code, code.title, code.cause, code.evidence, code.remedy, code.who
            ))?;
        }
        return Ok(Exit::Healthy);
    }
    if let Some(cause) = what
        .strip_prefix("cause-")
        .and_then(causes::cause_definition)
    {
        if global.json {
            out::json(
                &json!({"schema": "mailmedic.code/1", "code": what, "title": cause.title, "evidence": cause.settles, "remedy": cause.remedy}),
            )?;
        } else {
            let mut text = format!(
                "{what}: {}\n\n  remedy    {}\n  what would settle it\n",
                cause.title, cause.remedy
            );
            for settle in &cause.settles {
                text.push_str(&format!("    - {settle}\n"));
            }
            out::text(&text)?;
        }
        return Ok(Exit::Healthy);
    }
    // A single word without a digit was meant as a code.
    if !what.contains(' ') && !what.chars().any(|c| c.is_ascii_digit()) {
        let known = findings::codes().iter().map(|code| code.code.as_str());
        return Err(Fail::invalid(format!(
            "there is no finding code '{what}': {}",
            crate::yaml::hint(what, known)
        )));
    }
    reply(global, what)
}

fn reply(global: &Global, what: &str) -> Result<Exit, Fail> {
    let reply = Reply::parse(what);
    let meaning = classify(&reply, &Context::default());
    if global.json {
        let value = serde_json::to_value(&meaning).unwrap_or_default();
        out::json(&json!({"schema": "mailmedic.reply/1", "reply": reply.line, "meaning": value}))?;
        return Ok(if meaning.class == Class::Unknown {
            Exit::FindingsOpen
        } else {
            Exit::Healthy
        });
    }
    if meaning.class == Class::Unknown {
        out::text(&format!(
            "{}\n\n  nothing known matches this reply: give the whole line, with its codes",
            reply.line
        ))?;
        return Ok(Exit::FindingsOpen);
    }
    let mut text = format!("{}\n\n  class       {}\n", reply.line, meaning.class.word());
    let mut row = |label: &str, value: &str| text.push_str(&format!("  {label:<11} {value}\n"));
    if let Some(receiver) = meaning.receiver {
        row("receiver", receiver);
    }
    if let Some(says) = meaning.meaning {
        row("meaning", says);
    }
    row("rests on", &word(&meaning.basis));
    row("try again", meaning.class_remedy.retry);
    if let Some(remedy) = meaning.remedy {
        row("remedy", &word(&remedy.method));
        for (label, value) in [
            ("page", &remedy.url),
            ("write to", &remedy.email),
            ("takes", &remedy.time),
            ("know", &remedy.notes),
        ] {
            if let Some(value) = value {
                row(label, value);
            }
        }
    }
    for address in &meaning.entities.addresses {
        row("names", &address.address.to_string());
    }
    for zone in &meaning.entities.zones {
        row("list", zone);
    }
    for (number, fix) in meaning.class_remedy.fixes.iter().enumerate() {
        row(
            if number == 0 { "in general" } else { "" },
            &format!("{}. {fix}", number + 1),
        );
    }
    out::text(&text)?;
    Ok(Exit::Healthy)
}
