//! What one report says about one message, as far as it must be known to judge who refused it.

use mail_parser::MessageParser;

use super::{envelope, older, status};
use crate::mail::events::{Event, Place};

/// What a report says about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What became of it.
    pub fate: Fate,
    /// For whom it was, as the server has rewritten it (Final-Recipient).
    pub recipient: Option<String>,
    /// The server that wrote the report (Reporting-MTA), as it calls itself.
    pub reporter: Option<String>,
    /// The server that it had tried to hand the message to (Remote-MTA).
    pub remote: Option<String>,
    /// The enhanced status code: `5.1.1`.
    pub status: Option<String>,
    /// The words of the refusal.
    pub reply: Option<String>,
    /// The words were a reply of SMTP, so another server said them.
    pub by_smtp: bool,
}

/// The field Action (RFC 3464 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Given up.
    Failed,
    /// Still in the queue of the server that reports.
    Delayed,
    /// Delivered, relayed or expanded.
    Passed,
}

/// What a message says about others that were not delivered: a delivery status notification (RFC 3464), or a report in the older
/// text of Exchange. Empty when it is no such report.
pub fn notices(message: &[u8]) -> Vec<Notice> {
    let Some(message) = MessageParser::new().parse(message) else {
        return Vec::new();
    };
    status::notices(&message).unwrap_or_else(|| {
        let nowhere = Place {
            file: "".into(),
            first: 0,
            last: 0,
        };
        let about = envelope(&message, Event::at(nowhere));
        let told = older::read(&message, &about).into_iter();
        told.map(|event| Notice {
            fate: Fate::Failed,
            recipient: event.recipient.map(Into::into),
            reporter: event.computer.map(Into::into),
            remote: event.remote.map(Into::into),
            status: event.status.map(|status| status.to_string()),
            by_smtp: event.reply.is_some(),
            reply: event.reply.map(Into::into),
        })
        .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dsn(whole: &str, group: &str) -> String {
        [
            "From: postmaster@site.example",
            "Subject: Undeliverable",
            "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"",
            "",
            "--b",
            "Content-Type: text/plain",
            "",
            "It did not work.",
            "--b",
            "Content-Type: message/delivery-status",
            "",
            whole,
            "",
            group,
            "",
            "--b--",
            "",
        ]
        .join("\r\n")
    }

    #[test]
    fn a_notification_tells_who_refused() {
        let text = dsn(
            "Reporting-MTA: dns; mx.site.example",
            "Final-Recipient: rfc822; to@outside.example\r\nAction: failed\r\nStatus: 5.7.1\r\n\
             Remote-MTA: dns; in.outside.example\r\nDiagnostic-Code: smtp; 550 5.7.1 no thanks",
        );
        let told = notices(text.as_bytes());
        assert_eq!(
            told,
            [Notice {
                fate: Fate::Failed,
                recipient: Some("to@outside.example".to_owned()),
                reporter: Some("mx.site.example".to_owned()),
                remote: Some("in.outside.example".to_owned()),
                status: Some("5.7.1".to_owned()),
                reply: Some("550 5.7.1 no thanks".to_owned()),
                by_smtp: true,
            }]
        );
    }

    #[test]
    fn what_is_delayed_or_passed_on_has_not_failed() {
        for (action, fate) in [
            ("delayed", Fate::Delayed),
            ("relayed", Fate::Passed),
            ("FAILED", Fate::Failed),
        ] {
            let group = format!(
                "Final-Recipient: rfc822; a@b.example\r\nAction: {action}\r\nDiagnostic-Code: X-Postfix; words"
            );
            let told = notices(dsn("Reporting-MTA: dns; x", &group).as_bytes());
            assert_eq!((told[0].fate, told[0].by_smtp), (fate, false), "{action}");
        }
    }

    #[test]
    fn older_reports_count_and_automatic_answers_do_not() {
        let older = "From: a@b.example\r\nSubject: Undeliverable\r\n\r\n\
                     to@outside.example on 1/2/2026\r\n   <mail.site.example #5.1.1>\r\n";
        let told = notices(older.as_bytes());
        assert_eq!(told[0].reporter.as_deref(), Some("mail.site.example"));
        assert!(!told[0].by_smtp);
        let away = "From: a@b.example\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nback on Monday\r\n";
        assert_eq!(notices(away.as_bytes()), []);
    }
}
