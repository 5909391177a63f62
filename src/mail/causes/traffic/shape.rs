//! Classes of replies, remembered by the shape of their texts: a log repeats a few wordings a million times, with other
//! recipients and addresses in them, and reading each against the whole catalogue would be most of the work.

use std::collections::HashMap;

use super::super::facts::SiteFacts;
use super::super::failure::Failure;
use super::digest;
use crate::mail::events::Event;
use crate::mail::reply::Class;

/// Shapes that are remembered, at most.
const MOST: usize = 50_000;

/// The longest part in brackets that is masked, in bytes.
const LONGEST: usize = 320;

/// The classes by shape.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes(HashMap<u64, (Class, bool)>);

impl Shapes {
    /// The class of a failure, and whether this server was the client. `None` when it is no failure.
    pub(super) fn class(&mut self, event: &Event<'_>, site: &SiteFacts) -> Option<(Class, bool)> {
        let key = key(event, site);
        if let Some(known) = self.0.get(&key) {
            return Some(*known);
        }
        let failure = Failure::of(event, site)?;
        let class = (failure.class, failure.is_outbound());
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(key, class);
        Some(class)
    }
}

/// All that the class depends on: the wording, the status, the stage, and who says it.
fn key(event: &Event<'_>, site: &SiteFacts) -> u64 {
    let remote = event.remote.as_deref();
    // Entries of the catalogue are narrowed to hosts by the ends of their names.
    let peer = remote.map(|host| {
        let labels = host.trim_end_matches('.').rmatch_indices('.');
        labels
            .map(|(at, _)| at)
            .nth(2)
            .map_or(host, |at| &host[at..])
    });
    digest(&(
        event.reply.as_deref().map(masked),
        event.status,
        event.command.as_deref(),
        (event.what, event.direction),
        peer,
        remote.is_some_and(|remote| site.is_smarthost(remote)),
    ))
}

/// The text without what stands in angle and square brackets: mailboxes and addresses.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '[']) {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        let close = if out.ends_with('<') { '>' } else { ']' };
        if let Some(end) = rest.find(close).filter(|end| *end <= LONGEST) {
            // A word in brackets may be the receiver's own code; only what names somebody or some address goes.
            let inner = &rest[..end];
            if !inner.contains(['@', '.', ':']) {
                out.push_str(inner);
            }
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mail::events::{Place, What};

    #[test]
    fn only_who_is_named_is_masked() {
        for (text, shape) in [
            (
                "host mx.a.example[192.0.2.1] said: 550 5.1.1 <who@a.example>: no",
                "host mx.a.example[] said: 550 5.1.1 <>: no",
            ),
            ("421 4.7.0 [TSS04] deferred", "421 4.7.0 [TSS04] deferred"),
            ("550 <open", "550 <open"),
            ("", ""),
        ] {
            assert_eq!(masked(text), shape);
        }
    }

    #[test]
    fn the_class_is_that_of_the_catalogue_on_every_turn() {
        let site = SiteFacts::default();
        let mut shapes = Shapes::default();
        for turn in 0..3 {
            for reply in [
                "550 5.1.1 <WHO>: Recipient address rejected: User unknown",
                "421 4.7.0 [TSS04] Messages from [IP] temporarily deferred",
                "554 5.7.1 Service unavailable; Client host [IP] blocked using bl.example.org",
                "450 4.7.1 <WHO>: Recipient address rejected: Greylisted",
            ] {
                let reply = reply
                    .replace("WHO", &format!("a{turn}@b.example"))
                    .replace("IP", &format!("192.0.2.{turn}"));
                let event = Event {
                    what: What::Refused,
                    remote: Some("mta5.am0.yahoodns.net".into()),
                    reply: Some(reply.into()),
                    ..Event::at(Place {
                        file: "log".into(),
                        first: 1,
                        last: 1,
                    })
                };
                let fresh = Failure::of(&event, &site).unwrap().class;
                assert_eq!(shapes.class(&event, &site).unwrap().0, fresh);
            }
        }
        assert_eq!(shapes.0.len(), 4);
    }
}
