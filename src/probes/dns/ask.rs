//! One question on its way over the tries and servers, until its answer stands.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::answer::{Answer, Outcome, Transport, Txt, Value};
use super::question::{Question, REDACTED};
use super::upstream::{Exchange, OpenError, Reply, Upstream};
use super::wire;

/// What to do after a try.
pub(super) enum Next {
    /// The answer stands.
    Done,
    /// Silence: use the next try.
    Again,
    /// SERVFAIL, an unreadable answer, or no way there: another server may know better.
    Failed,
}

/// The state of one question over its tries.
pub(super) struct Ask<'q> {
    question: &'q Question,
    answer: Answer,
    started: Instant,
    /// Still open from the try before, so that a late answer counts.
    open: Option<(SocketAddr, Exchange)>,
}

impl<'q> Ask<'q> {
    pub(super) fn new(question: &'q Question, asked_at: Timestamp) -> Self {
        Self {
            question,
            answer: Answer {
                question: question.clone(),
                outcome: Outcome::Timeout,
                chain: Vec::new(),
                server: None,
                transport: Transport::None,
                asked_at,
                duration: Duration::ZERO,
                tries: 0,
                ttl: None,
                truncated: false,
                authoritative: false,
            },
            started: Instant::now(),
            open: None,
        }
    }

    pub(super) fn into_answer(self) -> Answer {
        self.answer
    }

    /// One try at one server, waiting at most `limit` for it.
    pub(super) async fn attempt(&mut self, server: &Upstream, limit: Duration) -> Next {
        let _place = server.place().await;
        if self.answer.tries == 0 {
            // Waiting for a place is ours, not the server's.
            self.started = Instant::now();
        }
        let mut scatter = server.keeps_case();
        let deadline = Instant::now() + limit;
        loop {
            let edns = server.takes_edns();
            let mut exchange = match self.open.take() {
                Some((address, exchange)) if address == server.address() => exchange,
                _ => match self.open(server, scatter, edns) {
                    Ok(exchange) => exchange,
                    Err(next) => return next,
                },
            };
            self.answer.tries = self.answer.tries.saturating_add(1);
            self.answer.server = Some(server.address());
            self.answer.transport = Transport::Udp;
            let left = deadline.saturating_duration_since(Instant::now());
            let reply = exchange.attempt(left).await;
            self.answer.duration = self.started.elapsed();
            match reply {
                None => {
                    server.note_silence();
                    self.answer.outcome = Outcome::Timeout;
                    self.open = Some((server.address(), exchange));
                    return Next::Again;
                }
                Some(Reply::Unreachable(why)) => {
                    self.answer.outcome = Outcome::Unreachable(why);
                    return Next::Failed;
                }
                Some(Reply::OtherCase) => {
                    server.note_answer();
                    server.note_case_change();
                    scatter = false;
                }
                Some(Reply::Packet(packet)) => {
                    server.note_answer();
                    if edns && matches!(wire::rcode(&packet), 1 | 4) {
                        // An old server that does not know EDNS (RFC 6891 section 7).
                        server.note_no_edns();
                        continue;
                    }
                    return self.read(server, &exchange, &packet, limit).await;
                }
            }
        }
    }

    fn open(&mut self, server: &Upstream, scatter: bool, edns: bool) -> Result<Exchange, Next> {
        let name = self.question.secret_name();
        let kind = self.question.kind();
        server
            .open(|id| wire::encode(id, name, kind, scatter, edns))
            .map_err(|error| match error {
                OpenError::Name(why) => {
                    self.answer.outcome = Outcome::NotAsked(why.to_owned());
                    Next::Done
                }
                OpenError::Socket(error) => {
                    self.answer.server = Some(server.address());
                    self.answer.outcome = Outcome::Unreachable(error.to_string());
                    Next::Failed
                }
            })
    }

    async fn read(
        &mut self,
        server: &Upstream,
        exchange: &Exchange,
        packet: &[u8],
        limit: Duration,
    ) -> Next {
        let whole;
        let mut packet = packet;
        if wire::is_truncated(packet) {
            self.answer.truncated = true;
            self.answer.transport = Transport::Tcp;
            let over_tcp = exchange.over_tcp(server.address(), limit).await;
            self.answer.duration = self.started.elapsed();
            match over_tcp {
                Ok(answer) => whole = answer,
                Err(None) => {
                    self.answer.outcome = Outcome::Timeout;
                    return Next::Failed;
                }
                Err(Some(why)) => {
                    self.answer.outcome = Outcome::Unreachable(format!("over TCP: {why}"));
                    return Next::Failed;
                }
            }
            packet = &whole;
        }
        let decoded = wire::decode(self.question.secret_name(), self.question.kind(), packet);
        self.answer.outcome = decoded.outcome;
        self.answer.chain = decoded.chain;
        self.answer.ttl = decoded.ttl;
        self.answer.authoritative = decoded.authoritative;
        match self.answer.outcome {
            Outcome::ServFail | Outcome::Malformed(_) => Next::Failed,
            _ => Next::Done,
        }
    }
}

/// Takes out of an answer what could show the secret name it was asked with.
pub(super) fn redact(answer: &mut Answer) {
    let name = answer.question.secret_name().clone();
    // Keys are long labels; shorter ones are words of the zone that a text may well hold.
    let keys: Vec<&str> = name.split('.').filter(|label| label.len() >= 16).collect();
    for target in &mut answer.chain {
        REDACTED.clone_into(target);
    }
    match &mut answer.outcome {
        Outcome::Records(records) => {
            for record in records {
                REDACTED.clone_into(&mut record.name);
                match &mut record.value {
                    Value::Ptr(target) | Value::Ns(target) | Value::Cname(target) => {
                        REDACTED.clone_into(target);
                    }
                    Value::Txt(txt) => {
                        let text = txt.joined();
                        let lower = text.to_ascii_lowercase();
                        if keys.iter().any(|key| lower.contains(key)) {
                            let cut = keys.iter().fold(lower, |t, key| t.replace(key, REDACTED));
                            *txt = Txt(vec![cut.into_bytes()]);
                        }
                    }
                    Value::Soa(soa) => REDACTED.clone_into(&mut soa.mname),
                    _ => {}
                }
            }
        }
        Outcome::Malformed(why) => "unreadable".clone_into(why),
        _ => {}
    }
}
