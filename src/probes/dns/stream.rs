//! The fast way to one server: a few sockets, one table of open questions each, no task and no timer for a question.
//!
//! As hard to spoof as the careful way: connected sockets on ports the system picks at random, replaced after a while, which
//! of them carries a question is random, and so are id and letter case. Only plain answers to the letter of the question
//! are taken; all else (silence, another case, truncation, aliases, failures) is handed back as unclear.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::UdpSocket;
use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit};
use tokio::time::Sleep;

use super::answer::{Answer, Outcome, Transport};
use super::question::Question;
use super::upstream::{Upstream, connect};
use super::wire::{self, Echo, Query};

/// A socket is replaced by one with another port after this many questions.
const SOCKET_QUESTIONS: u32 = 16_384;
/// How often open questions are looked over for silence.
const LOOK_OVER: Duration = Duration::from_millis(50);

/// What comes back.
pub(super) enum Event {
    /// A plain answer to the question with these numbers.
    Answer(usize, usize, Answer),
    /// Nothing that could be taken at once; the permit of its operator goes along.
    Unclear(usize, usize, Question, Option<OwnedSemaphorePermit>),
}

/// An open question.
struct Slot<'s> {
    batch: usize,
    number: usize,
    question: Question,
    query: Query,
    serial: u64,
    sent: Instant,
    asked_at: Timestamp,
    permit: Option<OwnedSemaphorePermit>,
    _place: SemaphorePermit<'s>,
}

struct Port<'s> {
    udp: UdpSocket,
    open: HashMap<u16, Slot<'s>>,
    carried: u32,
}

type Place<'s> = Pin<Box<dyn Future<Output = Option<SemaphorePermit<'s>>> + Send + 's>>;

/// The fast way to one server.
pub(super) struct Stream<'s> {
    server: &'s Upstream,
    ports: Vec<Port<'s>>,
    wanted: usize,
    patience: Duration,
    /// When each question counts as unanswered, oldest first: port, id, serial.
    deadlines: VecDeque<(Instant, usize, u16, u64)>,
    look_over: Option<Pin<Box<Sleep>>>,
    serial: u64,
    waiting_place: Option<Place<'s>>,
    place: Option<SemaphorePermit<'s>>,
    /// The port that the next question goes out by.
    chosen: Option<usize>,
    buffer: Box<[u8; 4096]>,
}

impl<'s> Stream<'s> {
    /// Opens nothing yet. `patience` is how long an answer may take before the question is handed back.
    pub(super) fn new(server: &'s Upstream, sockets: usize, patience: Duration) -> Self {
        Self {
            server,
            ports: Vec::new(),
            wanted: sockets.max(1),
            patience,
            deadlines: VecDeque::new(),
            look_over: None,
            serial: 0,
            waiting_place: None,
            place: None,
            chosen: None,
            buffer: Box::new([0; 4096]),
        }
    }

    /// True when no question is open.
    pub(super) fn is_idle(&self) -> bool {
        self.ports.iter().all(|port| port.open.is_empty())
    }

    /// Ready when the server may be sent one more question, and a socket takes it.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::task::ready!(self.poll_place(cx));
        if self.chosen.is_none() {
            self.chosen = self.port();
        }
        // A new socket counts as full until the runtime has looked at it. Where the runtime has one thread, that is not
        // before we let it: without waiting here, every question would go the careful way.
        if let Some(index) = self.chosen
            && std::task::ready!(self.ports[index].udp.poll_send_ready(cx)).is_err()
        {
            self.chosen = None;
        }
        Poll::Ready(())
    }

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.place.is_some() {
            return Poll::Ready(());
        }
        if self.waiting_place.is_none() {
            if let Some(place) = self.server.try_place() {
                self.place = Some(place);
                return Poll::Ready(());
            }
            self.waiting_place = Some(Box::pin(self.server.place()));
        }
        if let Some(waiting) = &mut self.waiting_place {
            self.place = std::task::ready!(waiting.as_mut().poll(cx));
            self.waiting_place = None;
        }
        Poll::Ready(())
    }

    /// Sends a question for which there is room.
    ///
    /// # Errors
    ///
    /// Gives the question back when it cannot be sent this way.
    pub(super) fn send(
        &mut self,
        batch: usize,
        number: usize,
        question: Question,
        permit: Option<OwnedSemaphorePermit>,
        asked_at: Timestamp,
    ) -> Result<(), (Question, Option<OwnedSemaphorePermit>)> {
        // What came for a secret name is blotted out on the careful way.
        let Some(place) = self.place.take_if(|_| !question.is_redacted()) else {
            return Err((question, permit));
        };
        let Some(index) = self.chosen.take() else {
            return Err((question, permit));
        };
        let port = &mut self.ports[index];
        let mut id: u16 = rand::random();
        while port.open.contains_key(&id) {
            id = rand::random();
        }
        let (scatter, edns) = (self.server.keeps_case(), self.server.takes_edns());
        let encoded = wire::encode(id, question.secret_name(), question.kind(), scatter, edns);
        let Ok(query) = encoded else {
            return Err((question, permit));
        };
        if port.udp.try_send(&query.packet).is_err() {
            return Err((question, permit));
        }
        port.carried += 1;
        let sent = Instant::now();
        self.serial += 1;
        let slot = Slot {
            batch,
            number,
            question,
            query,
            serial: self.serial,
            sent,
            asked_at,
            permit,
            _place: place,
        };
        port.open.insert(id, slot);
        self.deadlines
            .push_back((sent + self.patience, index, id, self.serial));
        Ok(())
    }

    /// A port at random; None when no socket can be had.
    fn port(&mut self) -> Option<usize> {
        if self.ports.len() < self.wanted {
            let udp = connect(self.server.address()).ok()?;
            self.ports.push(Port {
                udp,
                open: HashMap::new(),
                carried: 0,
            });
            return Some(self.ports.len() - 1);
        }
        let index = rand::random_range(0..self.ports.len());
        let port = &mut self.ports[index];
        if port.carried >= SOCKET_QUESTIONS
            && port.open.is_empty()
            && let Ok(udp) = connect(self.server.address())
        {
            port.udp = udp;
            port.carried = 0;
        }
        Some(index)
    }

    /// Takes all that has come and hands it over; true when there was something.
    pub(super) fn poll_events(
        &mut self,
        cx: &mut Context<'_>,
        mut hand_over: impl FnMut(Event),
    ) -> bool {
        let mut moved = false;
        for port in &mut self.ports {
            if port.open.is_empty() {
                continue;
            }
            loop {
                match port.udp.try_recv(&mut self.buffer[..]) {
                    Ok(length) => {
                        moved = true;
                        let packet = &self.buffer[..length];
                        if let Some(event) = accept(self.server, &mut port.open, packet) {
                            hand_over(event);
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if port.udp.poll_recv_ready(cx).is_pending() {
                            break;
                        }
                    }
                    // The port is closed or there is no way: the careful way finds out which.
                    Err(_) => {
                        moved = true;
                        for (_, slot) in port.open.drain() {
                            hand_over(slot.unclear());
                        }
                        break;
                    }
                }
            }
        }
        moved | self.poll_silence(cx, &mut hand_over)
    }

    /// Hands back questions that nobody answered.
    fn poll_silence(&mut self, cx: &mut Context<'_>, hand_over: &mut impl FnMut(Event)) -> bool {
        let mut moved = false;
        loop {
            if self.is_idle() {
                self.deadlines.clear();
                self.look_over = None;
                return moved;
            }
            let timer = self
                .look_over
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(LOOK_OVER)));
            if timer.as_mut().poll(cx).is_pending() {
                return moved;
            }
            self.look_over = None;
            let now = Instant::now();
            while let Some(&(due, port, id, serial)) = self.deadlines.front() {
                let open = &mut self.ports[port].open;
                let same = open.get(&id).is_some_and(|slot| slot.serial == serial);
                if same && due > now {
                    break;
                }
                self.deadlines.pop_front();
                if same && let Some(slot) = open.remove(&id) {
                    moved = true;
                    self.server.note_silence();
                    hand_over(slot.unclear());
                }
            }
        }
    }
}

impl Slot<'_> {
    fn unclear(self) -> Event {
        Event::Unclear(self.batch, self.number, self.question, self.permit)
    }
}

/// What a packet means for the question that is open under its id; None when it is not for us.
fn accept(server: &Upstream, open: &mut HashMap<u16, Slot<'_>>, packet: &[u8]) -> Option<Event> {
    let id = u16::from_be_bytes(packet.get(..2)?.try_into().ok()?);
    let exact = match wire::echo(&open.get(&id)?.query, packet) {
        Echo::Foreign => return None,
        Echo::Exact => true,
        Echo::OtherCase => false,
    };
    let slot = open.remove(&id)?;
    if !exact || wire::is_truncated(packet) {
        return Some(slot.unclear());
    }
    let decoded = wire::decode_plain(&slot.query, packet)
        .unwrap_or_else(|| wire::decode(slot.question.secret_name(), slot.question.kind(), packet));
    let plain = decoded.chain.is_empty()
        && matches!(
            decoded.outcome,
            Outcome::Records(_) | Outcome::NxDomain | Outcome::NoData | Outcome::Refused
        );
    if !plain {
        return Some(slot.unclear());
    }
    server.note_answer();
    let answer = Answer {
        question: slot.question,
        outcome: decoded.outcome,
        chain: Vec::new(),
        server: Some(server.address()),
        transport: Transport::Udp,
        asked_at: slot.asked_at,
        duration: slot.sent.elapsed(),
        tries: 1,
        ttl: decoded.ttl,
        truncated: false,
        authoritative: decoded.authoritative,
    };
    Some(Event::Answer(slot.batch, slot.number, answer))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::probes::dns::RecordKind;

    /// On a runtime of one thread nobody else tells that a new socket can be written to.
    #[tokio::test]
    async fn a_question_goes_out_by_a_new_socket_at_once() {
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let upstream = Upstream::new(silent.local_addr().unwrap(), 4, 100);
        let mut stream = Stream::new(&upstream, 4, Duration::from_secs(1));
        for number in 0..50 {
            poll_fn(|cx| stream.poll_room(cx)).await;
            let question = Question::new(format!("n{number}.example"), RecordKind::A);
            let sent = stream.send(0, number, question, None, Timestamp::UNIX_EPOCH);
            assert!(sent.is_ok(), "question {number} was not sent this way");
        }
        assert!(!stream.is_idle());
    }
}
