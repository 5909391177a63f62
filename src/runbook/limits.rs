//! How large and how deep conditions and texts may be.
//!
//! The parsers of CEL and handlebars recurse: fifteen brackets overflow an ordinary thread of a debug build, and an overflow
//! ends the process. So what is far beyond any real runbook is refused before it reaches them, and CEL gets room.

/// Characters of a condition.
const CONDITION_LENGTH: usize = 2_000;
/// Brackets inside one another.
const CONDITION_DEPTH: usize = 10;
/// Operators that nest to the left, and indices.
const CONDITION_OPERATORS: usize = 60;
/// Stack for parsing and judging a condition; only what is touched is really taken.
const STACK: usize = 32 << 20;

/// Levels of a parsed condition that are judged where one stands, on a quarter of an ordinary thread's stack at most.
/// Real conditions have up to eight; starting a thread for each would cost more than all else about a step's start.
pub(super) const SHALLOW: usize = 12;

/// Bytes of a text.
const TEXT_LENGTH: usize = 64 << 10;
/// Blocks or brackets inside one another.
const TEXT_DEPTH: usize = 24;
/// References and blocks.
const TEXT_REFERENCES: usize = 500;
/// `{{else if}}`, each of which is a block inside the one before.
const TEXT_BRANCHES: usize = 40;

/// What is too much about a condition.
pub(super) fn condition(text: &str) -> Option<String> {
    if text.chars().count() > CONDITION_LENGTH {
        return Some(format!(
            "it is longer than {CONDITION_LENGTH} characters; split it over several steps"
        ));
    }
    if depth(text, "([{", ")]}") > CONDITION_DEPTH {
        return Some(format!(
            "more than {CONDITION_DEPTH} brackets are inside one another"
        ));
    }
    let operators = text
        .matches(['+', '-', '*', '/', '%', '<', '>', '['])
        .count()
        + text.matches("==").count()
        + text.matches("!=").count()
        + text.matches(" in ").count();
    (operators > CONDITION_OPERATORS).then(|| {
        format!("it has more than {CONDITION_OPERATORS} operators; split it over several steps")
    })
}

/// What is too much about a text.
pub(super) fn text(text: &str) -> Option<String> {
    if text.len() > TEXT_LENGTH {
        return Some(format!("it is longer than {TEXT_LENGTH} bytes"));
    }
    let mut count = 0;
    let mut branches = 0;
    let mut blocks: usize = 0;
    for (at, _) in text.match_indices("{{") {
        count += 1;
        let rest = text[at + 2..].trim_start_matches(['{', '~', ' ']);
        if rest.starts_with("else") {
            branches += 1;
        }
        if rest.starts_with(['#', '^']) {
            blocks += 1;
        } else if rest.starts_with('/') {
            blocks = blocks.saturating_sub(1);
        }
        let inside = rest.split("}}").next().unwrap_or(rest);
        if blocks > TEXT_DEPTH || depth(inside, "([", ")]") > TEXT_DEPTH {
            return Some(format!(
                "more than {TEXT_DEPTH} blocks or brackets are inside one another"
            ));
        }
    }
    if branches > TEXT_BRANCHES {
        return Some(format!("it has more than {TEXT_BRANCHES} {{{{else}}}}"));
    }
    (count > TEXT_REFERENCES).then(|| format!("it has more than {TEXT_REFERENCES} references"))
}

/// Runs `work` with room for deep recursion. Where no thread can be had, it runs with the room there is.
pub(super) fn on_a_deep_stack<T: Send>(work: impl Fn() -> T + Send + Sync) -> T {
    let done = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, &work)
            .ok()
            .map(std::thread::ScopedJoinHandle::join)
    });
    match done {
        Some(Ok(value)) => value,
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => work(),
    }
}

/// How many brackets are inside one another at most.
fn depth(text: &str, opening: &str, closing: &str) -> usize {
    let mut now: usize = 0;
    let mut most = 0;
    for character in text.chars() {
        if opening.contains(character) {
            now += 1;
            most = most.max(now);
        } else if closing.contains(character) {
            now = now.saturating_sub(1);
        }
    }
    most
}
