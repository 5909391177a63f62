//! Who takes part in an event, as it is counted.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::mail::events::{Direction, Event};

/// The account in lower case; a program's local user is none.
pub(super) fn account<'e>(event: &'e Event<'_>) -> Option<Cow<'e, str>> {
    let account = event.account.as_deref()?.trim();
    let known = !account.is_empty() && event.direction != Direction::Local;
    known.then(|| lower(account))
}

/// A text in lower case; most that a log names is.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if text.bytes().all(is_lower) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

pub(super) fn client_of(event: &Event<'_>) -> Option<IpAddr> {
    let named = || {
        let remote = event.remote.as_deref()?;
        remote.trim_matches(['[', ']', ' ']).parse().ok()
    };
    event.address.or_else(named)
}
