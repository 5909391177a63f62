//! The way of a message, read off its header: hops with their delays (RFC 5321 4.4), what the receiver found out about the
//! sender (RFC 8601), and whether it is the message itself or a report about it (RFC 3464).

use std::net::IpAddr;

use jiff::Timestamp;
use mail_parser::{Host, MessageParser, MimeHeaders};
use serde::{Deserialize, Serialize};

/// One Received line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Who handed the message over, as it called itself.
    pub from: Option<String>,
    /// From which address.
    pub address: Option<IpAddr>,
    /// Who took it.
    pub by: Option<String>,
    /// `ESMTPS`, `LMTP`, ...
    pub protocol: Option<String>,
    /// When it was taken.
    pub at: Option<Timestamp>,
    /// Seconds since the hop before, where both clocks are known. Clocks differ: it may be negative.
    pub seconds: Option<i64>,
}

/// One method of an Authentication-Results line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    /// `spf`, `dkim`, `dmarc`, `iprev`, `arc`, ...
    pub method: String,
    /// `pass`, `fail`, `none`, ...
    pub result: String,
    /// The properties behind it: `smtp.mailfrom=example.com`.
    pub properties: Vec<String>,
}

/// What a header tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The Message-ID without brackets.
    pub message_id: Option<String>,
    /// A delivery report or an automatic answer, not a message itself.
    pub report: bool,
    /// Oldest first.
    pub hops: Vec<Hop>,
    /// Who says what follows.
    pub authenticated_by: Option<String>,
    /// The newest Authentication-Results line, which the receiver wrote.
    pub authentication: Vec<Authentication>,
}

impl Trace {
    /// Reads the header of a message; None when there is none.
    pub fn read(message: &[u8]) -> Option<Self> {
        let parsed = MessageParser::default().parse_headers(message)?;
        let mut hops: Vec<Hop> = parsed
            .header_values("Received")
            .filter_map(|value| value.as_received())
            .map(|received| Hop {
                from: received
                    .from
                    .as_ref()
                    .map(name)
                    .or_else(|| received.helo.as_ref().map(name)),
                address: received.from_ip,
                by: received.by.as_ref().map(name),
                protocol: received.with.map(|with| format!("{with:?}")),
                at: received
                    .date
                    .as_ref()
                    .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
                seconds: None,
            })
            .collect();
        hops.reverse();
        for place in 1..hops.len() {
            hops[place].seconds = hops[place - 1]
                .at
                .zip(hops[place].at)
                .map(|(before, at)| at.as_second() - before.as_second());
        }
        let results = parsed
            .headers_raw()
            .find(|(name, _)| name.eq_ignore_ascii_case("Authentication-Results"))
            .map(|(_, value)| value.to_owned());
        let (authenticated_by, authentication) =
            results.as_deref().map(authentication).unwrap_or_default();
        let is_report_type = parsed.content_type().is_some_and(|kind| {
            kind.ctype().eq_ignore_ascii_case("multipart")
                && kind
                    .subtype()
                    .is_some_and(|sub| sub.eq_ignore_ascii_case("report"))
        });
        let answers = parsed.headers_raw().any(|(name, value)| {
            name.eq_ignore_ascii_case("Auto-Submitted")
                && value
                    .trim()
                    .to_ascii_lowercase()
                    .starts_with("auto-replied")
        });
        Some(Self {
            message_id: parsed.message_id().map(str::to_owned),
            report: is_report_type || answers,
            hops,
            authenticated_by,
            authentication,
        })
    }

    /// The address from which the message came to the receiver: the newest hop by SMTP that names a public one. The hand-over
    /// into the mailbox (LMTP) and hops inside a machine are not the way between sites.
    pub fn egress(&self, is_public: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
        self.hops
            .iter()
            .rev()
            .filter(|hop| {
                !hop.protocol
                    .as_deref()
                    .is_some_and(|protocol| protocol.starts_with("LMTP"))
            })
            .find_map(|hop| hop.address.filter(|address| is_public(*address)))
    }

    /// The result of a method; the worst but one counts nothing: `pass` wins, as for several DKIM signatures.
    pub fn result(&self, method: &str) -> Option<&str> {
        let mut results = self
            .authentication
            .iter()
            .filter(|found| found.method == method)
            .map(|found| found.result.as_str());
        let first = results.next()?;
        Some(
            if first == "pass" || results.any(|result| result == "pass") {
                "pass"
            } else {
                first
            },
        )
    }
}

fn name(host: &Host<'_>) -> String {
    match host {
        Host::Name(name) => name.to_string(),
        Host::IpAddr(address) => address.to_string(),
    }
}

/// Who wrote the line, and its methods. Comments are left out (RFC 5322 3.2.2).
fn authentication(value: &str) -> (Option<String>, Vec<Authentication>) {
    let value = without_comments(value);
    let mut parts = value.split(';').map(str::trim);
    let server = parts
        .next()
        .and_then(|server| server.split_whitespace().next())
        .map(str::to_owned);
    let methods = parts
        .filter_map(|part| {
            let mut words = part.split_whitespace();
            let (method, result) = words.next()?.split_once('=')?;
            // A method may carry its version: `dkim/1`.
            let method = method.split('/').next().unwrap_or(method);
            Some(Authentication {
                method: method.to_ascii_lowercase(),
                result: result.to_ascii_lowercase(),
                properties: words.map(str::to_owned).collect(),
            })
        })
        .collect();
    (server, methods)
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_u32;
    let mut quoted = false;
    text.chars()
        .filter(|c| match c {
            '"' if depth == 0 => {
                quoted = !quoted;
                true
            }
            '(' if !quoted => {
                depth += 1;
                false
            }
            ')' if !quoted && depth > 0 => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"Return-Path: <office@site.example>\r\n\
Received: from mx.outside.example ([192.0.2.9])\r\n\tby store.outside.example with LMTP\r\n\tid x; Tue, 24 Nov 2026 09:00:07 +0100\r\n\
Authentication-Results: mx.outside.example; spf=pass (ok; really) smtp.mailfrom=site.example;\r\n\tdkim=fail header.d=a.example; dkim=pass header.d=site.example; dmarc=none\r\n\
Authentication-Results: forged.example; spf=fail\r\n\
Received: from out.relay.example (out.relay.example [203.0.113.9])\r\n\tby mx.outside.example (Postfix) with ESMTPS id ABC\r\n\tfor <in@outside.example>; Tue, 24 Nov 2026 09:00:05 +0100 (CET)\r\n\
Received: from mail.site.example ([203.0.113.25])\r\n\tby out.relay.example with ESMTPSA id 1; Tue, 24 Nov 2026 08:00:00 +0000\r\n\
Message-ID: <mailmedic.abc@tester.example>\r\nSubject: x\r\n\r\nbody\r\n";

    #[test]
    fn hops_are_read_oldest_first_with_their_delays() {
        let trace = Trace::read(MESSAGE).unwrap();
        let seen: Vec<_> = trace
            .hops
            .iter()
            .map(|hop| (hop.by.as_deref().unwrap(), hop.seconds))
            .collect();
        assert_eq!(
            seen,
            [
                ("out.relay.example", None),
                ("mx.outside.example", Some(5)),
                ("store.outside.example", Some(2))
            ]
        );
        let public = |address: IpAddr| !address.is_loopback();
        assert_eq!(trace.egress(public), Some("203.0.113.9".parse().unwrap()));
        assert_eq!(
            trace.message_id.as_deref(),
            Some("mailmedic.abc@tester.example")
        );
        assert!(!trace.report);
    }

    #[test]
    fn the_receivers_own_line_counts_and_comments_do_not() {
        let trace = Trace::read(MESSAGE).unwrap();
        assert_eq!(
            trace.authenticated_by.as_deref(),
            Some("mx.outside.example")
        );
        for (method, result) in [
            ("spf", Some("pass")),
            ("dkim", Some("pass")),
            ("dmarc", Some("none")),
            ("arc", None),
        ] {
            assert_eq!(trace.result(method), result, "{method}");
        }
        assert_eq!(
            trace.authentication[0].properties,
            ["smtp.mailfrom=site.example"]
        );
    }

    #[test]
    fn reports_are_told_from_messages() {
        for (header, report) in [
            (
                "Content-Type: multipart/report; report-type=delivery-status; boundary=x",
                true,
            ),
            ("Auto-Submitted: auto-replied (vacation)", true),
            ("Auto-Submitted: auto-generated", false),
            ("Content-Type: text/plain", false),
        ] {
            let message = format!("Subject: x\r\n{header}\r\n\r\nbody\r\n");
            assert_eq!(
                Trace::read(message.as_bytes()).unwrap().report,
                report,
                "{header}"
            );
        }
        assert_eq!(Trace::read(b""), None);
    }
}
