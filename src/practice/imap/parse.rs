//! The words of an IMAP command: atoms, quoted strings, literals and bracketed items.

/// One word. Parenthesised lists are flattened: what stands in them is told by their own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// An atom, brackets included: `INBOX`, `BODY.PEEK[HEADER.FIELDS (Subject)]`, `1:*`.
    Atom(String),
    /// A quoted string or a literal.
    Text(String),
}

impl Word {
    /// The content, whatever the form.
    pub(super) fn content(&self) -> &str {
        match self {
            Word::Atom(text) | Word::Text(text) => text,
        }
    }

    /// Whether this is the atom `keyword` in any case.
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Word::Atom(text) if text.eq_ignore_ascii_case(keyword))
    }
}

/// The size of the literal that `line` announces at its end, and whether the client waits for leave.
pub(super) fn announced_literal(line: &[u8]) -> Option<(usize, bool)> {
    let inner = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let number = std::str::from_utf8(&inner[open + 1..]).ok()?;
    match number.strip_suffix('+') {
        Some(number) => Some((number.parse().ok()?, false)),
        None => Some((number.parse().ok()?, true)),
    }
}

/// The words of a whole command, its literals in place. `None` is a syntax error.
pub(super) fn words(command: &[u8]) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut at = 0;
    while at < command.len() {
        match command[at] {
            b' ' | b'(' | b')' | b'\r' | b'\n' => at += 1,
            b'"' => {
                let (text, next) = quoted(command, at + 1)?;
                words.push(Word::Text(text));
                at = next;
            }
            b'{' => {
                let end = at + command[at..].iter().position(|byte| *byte == b'\n')?;
                let (size, _) = announced_literal(&command[at..=end])?;
                let literal = command.get(end + 1..end + 1 + size)?;
                words.push(Word::Text(String::from_utf8_lossy(literal).into_owned()));
                at = end + 1 + size;
            }
            _ => {
                let end = atom_end(command, at);
                words.push(Word::Atom(
                    String::from_utf8_lossy(&command[at..end]).into_owned(),
                ));
                at = end;
            }
        }
    }
    Some(words)
}

fn quoted(command: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut text = Vec::new();
    loop {
        match command.get(at)? {
            b'"' => return Some((String::from_utf8_lossy(&text).into_owned(), at + 1)),
            b'\\' => {
                text.push(*command.get(at + 1)?);
                at += 2;
            }
            b'\r' | b'\n' => return None,
            byte => {
                text.push(*byte);
                at += 1;
            }
        }
    }
}

/// An atom ends at a blank or a parenthesis, but not inside its own brackets.
fn atom_end(command: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in command[start..].iter().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'\r' | b'\n' => return start + offset,
            b' ' | b'(' | b')' if depth == 0 => return start + offset,
            _ => {}
        }
    }
    command.len()
}

/// Whether `number` is in a set such as `1,3:5,8:*`; `last` is what `*` stands for.
pub(super) fn in_set(set: &str, number: u32, last: u32) -> bool {
    let value = |text: &str| {
        if text == "*" {
            Some(last)
        } else {
            text.parse().ok()
        }
    };
    set.split(',').any(|part| match part.split_once(':') {
        Some((from, to)) => match (value(from), value(to)) {
            (Some(from), Some(to)) => (from.min(to)..=from.max(to)).contains(&number),
            _ => false,
        },
        None => value(part) == Some(number),
    })
}

/// Whether `text` has the form of a set.
pub(super) fn is_set(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b',' | b'*'))
}
