//! The same messages in the logs of different servers.

use jiff::ToSpan;
use jiff::civil::DateTime;

use super::server::{End, From, Message};

/// A mail server, by the logs that it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Software {
    Postfix,
    Exim,
    Sendmail,
    /// Message tracking, and the protocol log of the receiving connector, which has the log-ins.
    Exchange,
}

pub(super) const EVERY: [Software; 4] = [
    Software::Postfix,
    Software::Exim,
    Software::Sendmail,
    Software::Exchange,
];

const TRACKING: &str = "#Log-type: Message Tracking Log\n#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id,recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info\n";
const RECEIVE: &str = "#Log-type: SMTP Receive Protocol Log\n#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n";

impl Software {
    /// The logs of messages in the order of their times; only the first lines where they are cut.
    pub(super) fn logs(self, messages: &[Message], cut: Option<usize>) -> Vec<String> {
        let heads: &[&str] = match self {
            Self::Exchange => &[TRACKING, RECEIVE],
            _ => &[""],
        };
        let mut files: Vec<Vec<(DateTime, String)>> = vec![Vec::new(); heads.len()];
        for message in messages {
            match self {
                Self::Postfix => files[0].extend(postfix(message)),
                Self::Exim => files[0].extend(exim(message)),
                Self::Sendmail => files[0].extend(sendmail(message)),
                Self::Exchange => {
                    files[0].extend(tracking(message));
                    files[1].extend(receive(message));
                }
            }
        }
        let cut = cut.unwrap_or(usize::MAX);
        let file = |(mut lines, head): (Vec<(DateTime, String)>, &&str)| {
            lines.sort_by_key(|(at, _)| *at);
            let lines = lines.iter().take(cut);
            lines.fold((*head).to_owned(), |log, (_, line)| log + line + "\n")
        };
        files.into_iter().zip(heads).map(file).collect()
    }
}

/// The remote host of a message: one network a domain, so that each is an organisation of its own.
fn host(message: &Message) -> (String, String) {
    if let End::Forwarded(_) = message.end {
        return ("mx.freemail.example".to_owned(), "198.51.100.25".to_owned());
    }
    let domain = domain(&message.recipient);
    let net = domain.bytes().fold(7u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(byte))
    });
    let address = format!("203.{}.{}.25", net % 200, (net >> 8) % 250);
    (format!("mx.{domain}"), address)
}

fn domain(address: &str) -> &str {
    address.rsplit('@').next().unwrap_or_default()
}

fn postfix(message: &Message) -> Vec<(DateTime, String)> {
    let (at, id) = (message.at, format!("{:X}", 0xA0_0000 + message.number));
    let mut lines = Vec::new();
    let mut write = |at: DateTime, service: &str, text: String| {
        let stamp = at.strftime("%Y-%m-%dT%H:%M:%S");
        let line = format!("{stamp}.000000+01:00 mail postfix/{service}[77]: {text}");
        lines.push((at, line));
    };
    let Message {
        sender, recipient, ..
    } = message;
    match &message.from {
        From::Refused(ip) => {
            write(
                at,
                "smtpd",
                format!(
                    "NOQUEUE: reject: RCPT from unknown[{ip}]: 454 4.7.1 <{recipient}>: Relay access denied; from=<{sender}> to=<{recipient}> proto=ESMTP helo=<x>"
                ),
            );
            return lines;
        }
        From::Account(user, ip) => write(
            at,
            "smtpd",
            format!("{id}: client=unknown[{ip}], sasl_method=LOGIN, sasl_username={user}"),
        ),
        From::Client(ip) => write(at, "smtpd", format!("{id}: client=unknown[{ip}]")),
        From::Program => write(at, "pickup", format!("{id}: uid=33 from=<{sender}>")),
        From::Bounce => {}
    }
    let number = message.number;
    write(
        at,
        "cleanup",
        format!("{id}: message-id=<{number}@mail.acme.example>"),
    );
    write(
        at,
        "qmgr",
        format!("{id}: from=<{sender}>, size=2048, nrcpt=1 (queue active)"),
    );
    let (name, address) = host(message);
    let peer = format!("{name}[{address}]");
    let sent = "delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent";
    let (service, words) = match &message.end {
        End::Sent => (
            "smtp",
            format!("to=<{recipient}>, relay={peer}:25, {sent} (250 2.0.0 Ok: queued)"),
        ),
        End::Mailbox => (
            "local",
            format!("to=<{recipient}>, relay=local, {sent} (delivered to maildir)"),
        ),
        End::Forwarded(to) => (
            "smtp",
            format!("to=<{to}>, orig_to=<{recipient}>, relay={peer}:25, {sent} (250 2.0.0 Ok)"),
        ),
        End::Said(dsn, reply) => {
            let status = match dsn.starts_with('4') {
                true => "deferred",
                false => "bounced",
            };
            (
                "smtp",
                format!(
                    "to=<{recipient}>, relay={peer}:25, delay=1, delays=0/0/1/0, dsn={dsn}, status={status} (host {peer} said: {reply} (in reply to RCPT TO command))"
                ),
            )
        }
        End::NoName => (
            "smtp",
            format!(
                "to=<{recipient}>, relay=none, delay=30, delays=0/0/30/0, dsn=4.4.3, status=deferred (Host or domain name not found. Name service error for name={} type=MX: Host not found, try again)",
                domain(recipient)
            ),
        ),
        End::NoAnswer => (
            "smtp",
            format!(
                "to=<{recipient}>, relay=none, delay=30, delays=0/0/30/0, dsn=4.4.1, status=deferred (connect to {peer}:25: Connection timed out)"
            ),
        ),
    };
    let later = at.saturating_add(2.seconds());
    write(later, service, format!("{id}: {words}"));
    write(later, "qmgr", format!("{id}: removed"));
    lines
}

fn exim(message: &Message) -> Vec<(DateTime, String)> {
    let at = message.at;
    let mut lines = Vec::new();
    let mut write = |at: DateTime, text: String| {
        lines.push((at, format!("{} {text}", at.strftime("%Y-%m-%d %H:%M:%S"))));
    };
    let Message {
        sender, recipient, ..
    } = message;
    let id = format!("1r{:04}-{:06}-AB", message.number / 10_000, message.number);
    let shown = match sender.as_str() {
        "" => "<>",
        sender => sender,
    };
    let tail = format!("S=2048 id={}@mail.acme.example", message.number);
    match &message.from {
        From::Refused(ip) => {
            write(
                at,
                format!(
                    "H=(x) [{ip}] F=<{sender}> rejected RCPT <{recipient}>: relay not permitted"
                ),
            );
            return lines;
        }
        From::Account(user, ip) => write(
            at,
            format!("{id} <= {shown} H=(pc) [{ip}] P=esmtpsa A=login:{user} {tail}"),
        ),
        From::Client(ip) => write(at, format!("{id} <= {shown} H=(x) [{ip}] P=esmtp {tail}")),
        From::Program => write(at, format!("{id} <= {shown} U=www-data P=local {tail}")),
        From::Bounce => write(
            at,
            format!("{id} <= <> R=1r0000-000000-AB U=Debian-exim P=local {tail}"),
        ),
    }
    let (name, address) = host(message);
    let smtp = format!("R=dnslookup T=remote_smtp H={name} [{address}]");
    let end = match &message.end {
        End::Sent => format!("=> {recipient} {smtp} C=\"250 2.0.0 Ok: queued\""),
        End::Mailbox => format!("=> user <{recipient}> R=local_user T=maildir_home"),
        End::Forwarded(to) => format!("=> {to} <{recipient}> {smtp} C=\"250 2.0.0 Ok\""),
        End::Said(dsn, reply) => {
            let said =
                format!("SMTP error from remote mail server after RCPT TO:<{recipient}>: {reply}");
            match dsn.starts_with('4') {
                true => format!("== {recipient} {smtp} defer (-44): {said}"),
                false => format!("** {recipient} {smtp}: {said}"),
            }
        }
        End::NoName => {
            format!("== {recipient} R=dnslookup defer (-1): host lookup did not complete")
        }
        End::NoAnswer => format!("== {recipient} {smtp} defer (110): Connection timed out"),
    };
    let later = at.saturating_add(2.seconds());
    write(later, format!("{id} {end}"));
    write(later, format!("{id} Completed"));
    lines
}

fn sendmail(message: &Message) -> Vec<(DateTime, String)> {
    let at = message.at;
    let mut lines = Vec::new();
    // A child of its own for each connection.
    let pid = 1_000 + message.number;
    let mut write = |at: DateTime, text: String| {
        let stamp = at.strftime("%Y-%m-%dT%H:%M:%S");
        lines.push((at, format!("{stamp}+01:00 mail sm-mta[{pid}]: {text}")));
    };
    let Message {
        sender, recipient, ..
    } = message;
    let id = format!("4457{:010}", message.number);
    let from = |relay: &str, proto: &str| {
        format!(
            "{id}: from=<{sender}>, size=2048, class=0, nrcpts=1, msgid=<{}@mail.acme.example>, proto={proto}, daemon=MTA, relay={relay}",
            message.number
        )
    };
    match &message.from {
        From::Refused(ip) => {
            write(
                at,
                format!(
                    "ruleset=check_rcpt, arg1=<{recipient}>, relay=[{ip}], reject=550 5.7.1 <{recipient}>... Relaying denied"
                ),
            );
            return lines;
        }
        From::Account(user, ip) => {
            write(
                at,
                format!("AUTH=server, relay=[{ip}], authid={user}, mech=LOGIN, bits=0"),
            );
            write(at, from(&format!("[{ip}]"), "ESMTPA"));
        }
        From::Client(ip) => write(at, from(&format!("[{ip}]"), "ESMTP")),
        From::Program => write(at, from("www-data@localhost", "SMTP")),
        From::Bounce => write(at, from("localhost", "SMTP")),
    }
    let (name, address) = host(message);
    let smtp = format!(
        "delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30000, relay={name}. [{address}]"
    );
    let end = match &message.end {
        End::Sent => format!("to=<{recipient}>, {smtp}, dsn=2.0.0, stat=Sent (Ok: queued)"),
        End::Mailbox => format!(
            "to=<{recipient}>, delay=00:00:01, mailer=local, pri=30000, dsn=2.0.0, stat=Sent"
        ),
        End::Forwarded(to) => format!(
            "to=<{to}>, ctladdr=<{recipient}> (1000/1000), {smtp}, dsn=2.0.0, stat=Sent (Ok)"
        ),
        End::Said(dsn, reply) => {
            let state = match dsn {
                dsn if dsn.starts_with('4') => format!("Deferred: {reply}"),
                &"5.1.1" => "User unknown".to_owned(),
                _ => format!("Service unavailable: {reply}"),
            };
            format!("to=<{recipient}>, {smtp}, dsn={dsn}, stat={state}")
        }
        End::NoName => format!(
            "to=<{recipient}>, delay=00:00:30, mailer=esmtp, pri=30000, relay={}., dsn=4.4.3, stat=Deferred: Name server: {}.: host name lookup failure",
            domain(recipient),
            domain(recipient)
        ),
        End::NoAnswer => {
            format!(
                "to=<{recipient}>, {smtp}, dsn=4.0.0, stat=Deferred: Connection timed out with {name}."
            )
        }
    };
    write(at.saturating_add(2.seconds()), format!("{id}: {end}"));
    lines
}

/// Exchange writes UTC; the office is an hour ahead of it.
fn utc(at: DateTime) -> String {
    at.saturating_sub(1.hour())
        .strftime("%Y-%m-%dT%H:%M:%S.000Z")
        .to_string()
}

fn tracking(message: &Message) -> Vec<(DateTime, String)> {
    let at = message.at;
    let mut lines = Vec::new();
    let Message {
        sender, recipient, ..
    } = message;
    let path = match sender.as_str() {
        "" => "<>",
        sender => sender,
    };
    let mut write = |at: DateTime, hosts: String, step: &str, to: &str, status: &str| {
        let (number, stamp) = (message.number, utc(at));
        lines.push((at, format!("{stamp},{hosts},08CC,Default,{step},{number},<{number}@acme.example>,{to},{status},2048,1,,,Hello,{path},{path},")));
    };
    let inside = "10.0.0.2,EX1,,EX1";
    match &message.from {
        From::Refused(_) => return lines,
        From::Account(_, ip) | From::Client(ip) => write(
            at,
            format!("{ip},,10.0.0.2,EX1"),
            "SMTP,RECEIVE",
            recipient,
            "",
        ),
        From::Program => write(at, inside.to_owned(), "STOREDRIVER,RECEIVE", recipient, ""),
        From::Bounce => write(at, inside.to_owned(), "DSN,DSN", recipient, ""),
    }
    let (name, address) = host(message);
    let out = format!("10.0.0.2,EX1,{address},{name}");
    let later = at.saturating_add(2.seconds());
    match &message.end {
        End::Sent => write(later, out, "SMTP,SEND", recipient, "250 2.1.5 Recipient OK"),
        End::Mailbox => write(
            later,
            inside.to_owned(),
            "STOREDRIVER,DELIVER",
            recipient,
            "",
        ),
        End::Forwarded(to) => {
            let redirect = format!("{to},,2048,1,{recipient}");
            let (number, stamp) = (message.number, utc(at));
            lines.push((at, format!("{stamp},,EX1,,EX1,08CC,,ROUTING,REDIRECT,{number},<{number}@acme.example>,{redirect},,Hello,{path},{path},")));
            let number = message.number;
            let stamp = utc(later);
            lines.push((later, format!("{stamp},{out},08CC,Default,SMTP,SEND,{number},<{number}@acme.example>,{to},250 2.1.5 OK,2048,1,,,Hello,{path},{path},")));
        }
        End::Said(dsn, reply) => {
            let step = match dsn.starts_with('4') {
                true => "SMTP,DEFER",
                false => "SMTP,FAIL",
            };
            write(later, out, step, recipient, reply);
        }
        End::NoName => write(
            later,
            inside.to_owned(),
            "DNS,DEFER",
            recipient,
            "451 4.4.0 DNS query failed",
        ),
        End::NoAnswer => write(
            later,
            out,
            "SMTP,DEFER",
            recipient,
            "441 4.4.1 Error encountered while communicating with primary target IP address: Failed to connect",
        ),
    }
    lines
}

fn receive(message: &Message) -> Vec<(DateTime, String)> {
    let at = message.at;
    let stamp = utc(at);
    let mut lines = Vec::new();
    let session = format!("08CC{:08}", message.number);
    let mut step = 0;
    let mut write = |ip: &str, event: &str, data: &str, context: &str| {
        lines.push((at, format!("{stamp},EX1\\Default,{session},{step},10.0.0.2:25,{ip}:40001,{event},{data},{context}")));
        step += 1;
    };
    let Message {
        sender, recipient, ..
    } = message;
    match &message.from {
        From::Account(user, ip) => {
            write(ip, "+", "", "");
            write(ip, "<", "AUTH LOGIN", "");
            write(ip, "*", user, "authenticated");
            write(ip, "-", "", "Remote");
        }
        From::Refused(ip) => {
            write(ip, "+", "", "");
            write(ip, "<", &format!("MAIL FROM:<{sender}>"), "");
            write(ip, ">", "250 2.1.0 Sender OK", "");
            write(ip, "<", &format!("RCPT TO:<{recipient}>"), "");
            write(ip, ">", "550 5.7.1 Unable to relay", "");
            write(ip, "-", "", "Remote");
        }
        From::Client(_) | From::Program | From::Bounce => {}
    }
    lines
}
