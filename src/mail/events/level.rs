//! How much a Windows event log of Exchange 2000 or 2003 could show: its diagnostics logging, told by the kinds of events in it.

use super::model::Event;

/// What Exchange's transport has written into a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Level {
    transport: bool,
    dialogues: bool,
    log_ins: bool,
}

impl Level {
    pub(super) fn add(&mut self, event: &Event<'_>) {
        let source = event.source.as_deref().unwrap_or_default();
        if !source.eq_ignore_ascii_case("MSExchangeTransport") {
            return;
        }
        match event.id {
            Some(7002 | 7004 | 7010) => self.dialogues = true,
            Some(1708) => self.log_ins = true,
            Some(3000..=3031 | 4000..=4007) => {}
            // Later versions of Exchange use other numbers, and the event log for other things.
            _ => return,
        }
        self.transport = true;
    }

    /// What the log cannot show, as nobody had switched it on, and how to switch it on.
    pub(super) fn note(self) -> Option<&'static str> {
        if !self.transport || self.log_ins {
            return None;
        }
        Some(if self.dialogues {
            "no log-in over SMTP (event 1708) is in it: Exchange writes them only while diagnostics logging of MSExchangeTransport, SMTP Protocol, is at Maximum"
        } else {
            "neither replies of other servers (events 7002, 7004) nor log-ins over SMTP (event 1708) are in it: Exchange writes them only while diagnostics logging of MSExchangeTransport, SMTP Protocol, is at Medium and at Maximum"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::events::Place;

    #[test]
    fn what_was_not_switched_on_is_said() {
        let note = |source: &'static str, ids: &[u32]| {
            let mut level = Level::default();
            for id in ids {
                level.add(&Event {
                    source: Some(source.into()),
                    id: Some(*id),
                    ..Event::at(Place {
                        file: "app".into(),
                        first: 1,
                        last: 1,
                    })
                });
            }
            level.note()
        };
        let exchange = "MSExchangeTransport";
        let said = |note: Option<&str>, word: &str| note.is_some_and(|note| note.contains(word));
        assert!(said(note(exchange, &[3018, 4006]), "Medium"));
        assert!(said(note(exchange, &[3018, 7004]), "1708"));
        for (source, ids) in [
            (exchange, vec![3018, 7004, 1708]),
            (exchange, vec![15004]),
            ("MSExchangeIS Public Store", vec![3018]),
            ("postfix", vec![]),
        ] {
            assert_eq!(note(source, &ids), None, "{source} {ids:?}");
        }
    }
}
