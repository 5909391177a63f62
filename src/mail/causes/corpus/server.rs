//! A server that writes a Postfix log of what happens to it.

use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, ToSpan};

/// Numbers that look random and are the same each time.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

/// How a message came in.
#[derive(Clone)]
pub(super) enum From {
    /// Logged in, from an address.
    Account(String, String),
    /// From an address, without a log-in.
    Client(String),
    /// A program on the server.
    Program,
    /// A bounce that the server made.
    Bounce,
}

/// What became of it.
#[derive(Clone)]
pub(super) enum End {
    Sent,
    /// Delivered to a mailbox here.
    Mailbox,
    /// Sent on to another address than it was addressed to.
    Forwarded(String),
    /// The remote host says this.
    Said(&'static str, &'static str),
    /// No host was reached, for this reason.
    Failed(&'static str, String),
}

pub(super) struct Server {
    pub(super) mailboxes: u64,
    pub(super) dice: Dice,
    lines: Vec<(DateTime, String)>,
    queue: u64,
}

pub(super) const DAYS: i64 = 3;

impl Server {
    pub(super) fn new(mailboxes: u64, seed: u64) -> Self {
        Self {
            mailboxes,
            dice: Dice(seed),
            lines: Vec::new(),
            queue: 0xA0_0000,
        }
    }

    /// A moment: day counted from a Monday, hour, any minute and second.
    pub(super) fn at(&mut self, day: i64, hour: i64) -> DateTime {
        let second = i64::try_from(self.dice.below(3600)).unwrap_or(0);
        let start = date(2024, 3, 4).at(0, 0, 0, 0);
        let span = SignedDuration::from_secs(day * 86_400 + hour * 3600 + second);
        start.saturating_add(span)
    }

    pub(super) fn write(&mut self, at: DateTime, service: &str, text: &str) {
        let line = format!(
            "{}.000000+01:00 mail postfix/{service}[77]: {text}",
            at.strftime("%Y-%m-%dT%H:%M:%S")
        );
        self.lines.push((at, line));
    }

    /// A whole message to one recipient.
    pub(super) fn message(
        &mut self,
        at: DateTime,
        from: &From,
        sender: &str,
        recipient: &str,
        end: &End,
    ) {
        self.queue += 1;
        let id = format!("{:X}", self.queue);
        let number = self.queue;
        let enters = match from {
            From::Account(user, ip) => Some(format!(
                "client=unknown[{ip}], sasl_method=LOGIN, sasl_username={user}"
            )),
            From::Client(ip) => Some(format!("client=unknown[{ip}]")),
            From::Program => {
                self.write(at, "pickup", &format!("{id}: uid=33 from=<{sender}>"));
                None
            }
            From::Bounce => None,
        };
        if let Some(enters) = enters {
            self.write(at, "smtpd", &format!("{id}: {enters}"));
        }
        self.write(
            at,
            "cleanup",
            &format!("{id}: message-id=<{number}@mail.acme.example>"),
        );
        self.write(
            at,
            "qmgr",
            &format!("{id}: from=<{sender}>, size=2048, nrcpt=1 (queue active)"),
        );
        let domain = recipient.rsplit('@').next().unwrap_or_default().to_owned();
        // One network a domain, so that each is an organisation of its own.
        let net = domain.bytes().fold(7u32, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        });
        let host = format!("mx.{domain}[203.{}.{}.25]:25", net % 200, (net >> 8) % 250);
        let (service, words) = match end {
            End::Sent => (
                "smtp",
                format!(
                    "to=<{recipient}>, relay={host}, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued)"
                ),
            ),
            End::Mailbox => (
                "local",
                format!(
                    "to=<{recipient}>, relay=local, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (delivered to maildir)"
                ),
            ),
            End::Forwarded(to) => (
                "smtp",
                format!(
                    "to=<{to}>, orig_to=<{recipient}>, relay=mx.freemail.example[198.51.100.25]:25, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)"
                ),
            ),
            End::Said(dsn, reply) => {
                let status = if dsn.starts_with('4') {
                    "deferred"
                } else {
                    "bounced"
                };
                let named = host.trim_end_matches(":25");
                (
                    "smtp",
                    format!(
                        "to=<{recipient}>, relay={host}, delay=1, delays=0/0/1/0, dsn={dsn}, status={status} (host {named} said: {reply} (in reply to RCPT TO command))"
                    ),
                )
            }
            End::Failed(dsn, reason) => (
                "smtp",
                format!(
                    "to=<{recipient}>, relay=none, delay=30, delays=0/0/30/0, dsn={dsn}, status=deferred ({})",
                    reason.replace("HOST", &host).replace("DOMAIN", &domain)
                ),
            ),
        };
        let later = at.saturating_add(2.seconds());
        self.write(later, service, &format!("{id}: {words}"));
        self.write(later, "qmgr", &format!("{id}: removed"));
    }

    /// The log, in the order of its times; only the first lines where it is cut.
    pub(super) fn log(mut self, cut: Option<usize>) -> String {
        self.lines.sort_by_key(|(at, _)| *at);
        let lines = self.lines.iter().map(|(_, line)| line.as_str());
        lines
            .take(cut.unwrap_or(usize::MAX))
            .fold(String::new(), |log, line| log + line + "\n")
    }
}
