//! From the 354 to the mailbox: taking the message, its Received line, delivery, and what comes back when
//! there is nobody to deliver to.

use std::io;

use super::Line;
use super::address::Destination;
use super::personality::{Outcome, Personality, Recipients};
use super::policy::is_home;
use super::reply::Reply;
use super::session::Session;
use crate::practice::mailbox::{Carried, rfc5322_now};
use crate::practice::wire::Wire;

impl Session {
    /// Reads up to the final dot and says what became of the message; `None` when the client has gone.
    pub(super) async fn take_message(
        &self,
        wire: &mut Wire,
        personality: &Personality,
    ) -> io::Result<Option<Reply>> {
        let mut message = Vec::new();
        let (mut after_line_end, mut bare) = (true, false);
        loop {
            let Some(line) = wire.line().await? else {
                return Ok(None);
            };
            // Only CR LF . CR LF ends a message: a lone LF before the dot would let one message hide another.
            if line == b".\r\n" && after_line_end {
                break;
            }
            after_line_end = line.ends_with(b"\r\n");
            bare |= !after_line_end;
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        self.note(Line::Data(format!("[message of {} octets]", message.len())));
        if bare {
            return Ok(Some(Reply::new(554, "5.6.0 a line does not end in CR LF")));
        }
        if personality
            .limits
            .size
            .is_some_and(|limit| message.len() as u64 > limit)
        {
            return Ok(Some(Reply::new(
                552,
                "5.3.4 message size exceeds the limit",
            )));
        }
        let id = format!("{:08X}", rand::random::<u32>());
        match &personality.outcome {
            Outcome::RefuseMessage(reply) => return Ok(Some(reply.clone())),
            Outcome::Deliver => self.deliver(personality, &id, &message),
            Outcome::Discard | Outcome::RefuseData(_) => {}
        }
        Ok(Some(Reply::new(
            250,
            &format!("2.0.0 {id} queued for delivery"),
        )))
    }

    fn deliver(&self, personality: &Personality, id: &str, message: &[u8]) {
        let sender = self.sender.as_deref().unwrap_or_default();
        self.inner.mailboxes.edit(|store| {
            for recipient in &self.recipients {
                let (Destination::Local(address) | Destination::Foreign(address)) = recipient;
                let traced = [self.trace(personality, id, address).as_bytes(), message].concat();
                let undeliverable = match recipient {
                    Destination::Local(_) => {
                        // A recipient check has said that the mailbox exists, in this world or out of its sight.
                        !store.deliver(sender, address, &traced)
                            && personality.recipients == Recipients::Anything
                    }
                    Destination::Foreign(_) => {
                        store.carry(sender, address, &traced, &personality.path)
                            == Carried::NoSuchMailbox
                    }
                };
                if undeliverable && personality.bounces && !sender.is_empty() {
                    let remote = match recipient {
                        Destination::Local(_) => None,
                        Destination::Foreign(address) => address.rsplit_once('@'),
                    };
                    let remote = remote.map(|(_, domain)| format!("mx.{domain}"));
                    let report = non_delivery_report(personality, sender, address, remote, &traced);
                    // The report's own sender is null, so that it can never bounce itself.
                    if is_home(sender, personality, self.own) {
                        store.deliver("", sender, report.as_bytes());
                    } else {
                        store.carry("", sender, report.as_bytes(), &personality.path);
                    }
                }
            }
        });
    }

    /// The Received line (RFC 5321 section 4.4; the protocol word by RFC 3848).
    fn trace(&self, personality: &Personality, id: &str, recipient: &str) -> String {
        let mut protocol = if self.extended { "ESMTP" } else { "SMTP" }.to_owned();
        if self.extended && self.tls {
            protocol.push('S');
        }
        if self.extended && self.login.is_some() {
            protocol.push('A');
        }
        let helo = self.helo.as_deref().unwrap_or("unknown");
        format!(
            "Received: from {helo} ([{}])\r\n\tby {} with {protocol} id {id}\r\n\tfor <{recipient}>; {}\r\n",
            self.peer,
            personality.name,
            rfc5322_now()
        )
    }
}

/// A delivery status notification (RFC 3464) with the whole message, as old servers send it. `remote` has refused it, if not the
/// server itself.
fn non_delivery_report(
    personality: &Personality,
    sender: &str,
    recipient: &str,
    remote: Option<String>,
    message: &[u8],
) -> String {
    let boundary = format!("{:016X}", rand::random::<u64>());
    let home = personality.domains.first().unwrap_or(&personality.name);
    let original = String::from_utf8_lossy(message);
    let refused_by = remote.map_or_else(String::new, |remote| {
        format!("Remote-MTA: dns; {remote}\r\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\r\n")
    });
    [
        format!("From: postmaster@{home}"),
        format!("To: {sender}"),
        format!("Date: {}", rfc5322_now()),
        format!("Message-ID: <{boundary}@{}>", personality.name),
        "Subject: Delivery Status Notification (Failure)".to_owned(),
        "Auto-Submitted: auto-replied".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        format!(
            "Content-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\""
        ),
        String::new(),
        format!("--{boundary}"),
        "Content-Type: text/plain; charset=us-ascii".to_owned(),
        String::new(),
        "Your message could not be delivered to:".to_owned(),
        format!("  {recipient}"),
        String::new(),
        format!("--{boundary}"),
        "Content-Type: message/delivery-status".to_owned(),
        String::new(),
        format!("Reporting-MTA: dns; {}", personality.name),
        String::new(),
        format!("Final-Recipient: rfc822; {recipient}"),
        "Action: failed".to_owned(),
        format!("Status: 5.1.1\r\n{refused_by}"),
        format!("--{boundary}"),
        "Content-Type: message/rfc822".to_owned(),
        String::new(),
        original.trim_end().to_owned(),
        String::new(),
        format!("--{boundary}--"),
        String::new(),
    ]
    .join("\r\n")
}
