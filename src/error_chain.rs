//! Errors on one line.

/// An error with its causes, each said once: `cannot do this: because: of that`.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Told {
        said: &'static str,
        #[source]
        cause: Option<Box<Told>>,
    }

    #[test]
    fn each_cause_is_said_once() {
        let told = |said, cause: Option<Told>| Told {
            said,
            cause: cause.map(Box::new),
        };
        let third = told("refused", None);
        let second = told("no connection: refused", Some(third));
        let first = told("cannot ask", Some(second));
        assert_eq!(chain(&first), "cannot ask: no connection: refused");
        assert_eq!(chain(&told("full", None)), "full");
    }
}
