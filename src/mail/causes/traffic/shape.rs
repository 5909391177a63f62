//! Classes of replies, remembered by the shape of their texts: a log repeats a few wordings a million times, with other
//! recipients and addresses in them, and reading each against the whole catalogue would be most of the work.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashMap;

use super::super::facts::SiteFacts;
use super::super::failure::Failure;
use crate::mail::events::{Direction, Event};
use crate::mail::reply::{Class, catalogue};

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
    let mut hasher = DefaultHasher::new();
    if let Some(reply) = event.reply.as_deref() {
        let host = remote.filter(|_| event.direction != Direction::Inbound);
        masked(reply, host, |part| hasher.write(part.as_bytes()));
    }
    let of = (
        event.reply.is_some(),
        event.status,
        event.command.as_deref(),
        (event.what, event.direction),
        remote.map(|remote| catalogue().kin(remote)),
        remote.is_some_and(|remote| site.is_smarthost(remote)),
    );
    of.hash(&mut hasher);
    hasher.finish()
}

/// The parts of a text that are not about somebody: without what stands in angle and square brackets, mailboxes and addresses,
/// and without the remote host's name in front of its address.
fn masked(text: &str, remote: Option<&str>, mut part: impl FnMut(&str)) {
    let mut rest = text.as_bytes();
    let mut shown = |bytes| part(std::str::from_utf8(bytes).unwrap_or_default());
    while let Some(at) = memchr::memchr2(b'<', b'[', rest) {
        let (before, opened) = rest.split_at(at);
        let (close, named) = match opened[0] {
            b'<' => (b'>', None),
            _ => (b']', remote),
        };
        rest = &opened[1..];
        let inner = memchr::memchr(close, rest)
            .filter(|end| *end <= LONGEST)
            .map_or(&rest[..0], |end| &rest[..end]);
        // A word in brackets may be the receiver's own code; only what names somebody or some address goes.
        let names = inner.iter().any(|byte| matches!(byte, b'@' | b'.' | b':'));
        let host = named.and_then(|host| before.strip_suffix(host.as_bytes()));
        shown(host.filter(|_| names).unwrap_or(before));
        shown(&opened[..1]);
        if !names {
            shown(inner);
        }
        rest = &rest[inner.len()..];
    }
    shown(rest);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mail::events::{Place, What};

    #[test]
    fn only_who_is_named_is_masked() {
        let said = "host mx.a.example[192.0.2.1] said: 550 5.1.1 <who@a.example>: no";
        for (text, remote, shape) in [
            (said, None, "host mx.a.example[] said: 550 5.1.1 <>: no"),
            (said, Some("mx.a.example"), "host [] said: 550 5.1.1 <>: no"),
            (
                said,
                Some("mx.b.example"),
                "host mx.a.example[] said: 550 5.1.1 <>: no",
            ),
            (
                "421 4.7.0 [TSS04] deferred",
                None,
                "421 4.7.0 [TSS04] deferred",
            ),
            ("550 <open", None, "550 <open"),
            ("", None, ""),
        ] {
            let mut seen = String::new();
            masked(text, remote, |part| seen.push_str(part));
            assert_eq!(seen, shape);
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
