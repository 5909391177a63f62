//! Many questions at once: each operator at its own pace, all of them side by side.
//!
//! A [`Batch`] holds the questions for the servers of one operator. Batches do not wait for each other: one whose budget is
//! spent holds up no other. Long sweeps (see [`LONG`]) go through sockets of their own ([`Stream`]), without a task for each
//! question; what is not a plain answer there is asked again the careful way.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::answer::Answer;
use super::budget::Bucket;
use super::question::Question;
use super::stream::{Event, Stream};
use super::{Dns, Inner};

/// From so many questions on, a sweep opens sockets of its own.
pub(super) const LONG: usize = 2_000;
/// Turns after which other tasks of this thread get theirs.
const TURNS: usize = 64;

type Permit = Option<OwnedSemaphorePermit>;
type Admission = Pin<Box<dyn Future<Output = Permit> + Send>>;

/// Questions for the servers of one operator, made one by one as they can be sent.
pub struct Batch<'q> {
    operator: Option<Arc<str>>,
    questions: Box<dyn Iterator<Item = Question> + Send + 'q>,
}

impl<'q> Batch<'q> {
    /// Questions that count against the budget of `operator`, if there is one.
    pub fn new(
        operator: Option<&str>,
        questions: impl Iterator<Item = Question> + Send + 'q,
    ) -> Self {
        Self {
            operator: operator.map(Arc::from),
            questions: Box::new(questions),
        }
    }
}

/// A batch under way.
struct Lane<'q> {
    questions: Box<dyn Iterator<Item = Question> + Send + 'q>,
    /// Number of the question that comes next.
    number: usize,
    next: Option<Question>,
    exhausted: bool,
    /// None: no limit.
    bucket: Option<Arc<Bucket>>,
    admission: Option<Admission>,
    /// Admitted, and not used yet.
    admitted: Option<Permit>,
}

impl Lane<'_> {
    fn peek(&mut self) -> Option<&Question> {
        if self.next.is_none() && !self.exhausted {
            self.next = self.questions.next();
            self.exhausted = self.next.is_none();
        }
        self.next.as_ref()
    }

    fn take(&mut self) -> Option<(usize, Question)> {
        let question = self.next.take()?;
        let number = self.number;
        self.number += 1;
        Some((number, question))
    }

    /// Ready when the next question may be sent as far as its operator is concerned.
    fn poll_admitted(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(bucket) = &self.bucket else {
            return Poll::Ready(());
        };
        if self.admitted.is_some() {
            return Poll::Ready(());
        }
        let admission = self.admission.get_or_insert_with(|| {
            let bucket = bucket.clone();
            Box::pin(async move { bucket.admit().await })
        });
        let permit = std::task::ready!(admission.as_mut().poll(cx));
        self.admission = None;
        self.admitted = Some(permit);
        Poll::Ready(())
    }
}

/// What a question comes back as: number of its batch, its own number in it, the answer.
type Done = (usize, usize, Answer);

struct Sweep<'q, 's> {
    inner: Arc<Inner>,
    at: Option<SocketAddr>,
    lanes: Vec<Lane<'q>>,
    /// The lane that has its turn first.
    first: usize,
    stream: Option<Stream<'s>>,
    careful: JoinSet<Done>,
    most_careful: usize,
    delivered: usize,
}

impl Dns {
    /// Asks the questions of all batches at `server` (the resolvers in their order when absent) and hands over each answer
    /// with the number of its batch and its own number in it, as it comes, in any order.
    pub async fn sweep(
        &self,
        server: Option<SocketAddr>,
        batches: Vec<Batch<'_>>,
        mut on_answer: impl FnMut(usize, usize, Answer),
    ) {
        let inner = &self.inner;
        let least = |batch: &Batch<'_>| batch.questions.size_hint().0;
        let long = batches.iter().map(least).fold(0, usize::saturating_add) >= LONG;
        let upstream = inner.order(server).into_iter().next();
        let lanes = batches
            .into_iter()
            .map(|batch| Lane {
                questions: batch.questions,
                number: 0,
                next: None,
                exhausted: false,
                bucket: batch
                    .operator
                    .map(|operator| inner.budgets.bucket(&operator))
                    .filter(|bucket| !bucket.is_unlimited()),
                admission: None,
                admitted: None,
            })
            .collect();
        let stream = upstream
            .as_deref()
            .filter(|_| long)
            .map(|upstream| Stream::new(upstream, inner.settings.sockets, inner.settings.tries[0]));
        let mut sweep = Sweep {
            inner: inner.clone(),
            at: server,
            lanes,
            first: 0,
            stream,
            careful: JoinSet::new(),
            most_careful: inner.settings.max_outstanding.max(1),
            delivered: 0,
        };
        loop {
            if poll_fn(|cx| sweep.poll(cx, &mut on_answer)).await {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Sweep<'_, '_> {
    /// Ready(true) when all is answered, Ready(false) when others should get their turn.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on_answer: &mut impl FnMut(usize, usize, Answer),
    ) -> Poll<bool> {
        for _ in 0..TURNS {
            let mut moved = self.receive(cx, on_answer);
            moved |= self.send(cx, on_answer);
            if self.is_done() {
                return Poll::Ready(true);
            }
            if !moved {
                return Poll::Pending;
            }
        }
        Poll::Ready(false)
    }

    fn is_done(&mut self) -> bool {
        self.careful.is_empty()
            && self.stream.as_ref().is_none_or(Stream::is_idle)
            && self.lanes.iter_mut().all(|lane| lane.peek().is_none())
    }

    /// Takes what has come; true when something has.
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        on_answer: &mut impl FnMut(usize, usize, Answer),
    ) -> bool {
        let mut moved = false;
        while let Poll::Ready(Some(joined)) = self.careful.poll_join_next(cx) {
            moved = true;
            // A task of ours neither panics nor is aborted while the sweep lives.
            if let Ok((batch, number, answer)) = joined {
                self.delivered += 1;
                on_answer(batch, number, answer);
            }
        }
        let Some(stream) = &mut self.stream else {
            return moved;
        };
        let now = self.inner.clock.now();
        let (inner, at) = (&self.inner, self.at);
        let (careful, delivered) = (&mut self.careful, &mut self.delivered);
        // In a sweep longer than the cache, keeping answers would only push out others.
        let capacity = inner.settings.cache_capacity;
        moved |= stream.poll_events(cx, |event| match event {
            Event::Answer(batch, number, answer) => {
                *delivered += 1;
                if *delivered < capacity {
                    inner.cache.put(&answer, at, now);
                }
                on_answer(batch, number, answer);
            }
            Event::Unclear(batch, number, question, permit) => {
                let inner = inner.clone();
                careful.spawn(async move {
                    let answer = inner.resolve_admitted(&question, at, permit).await;
                    (batch, number, answer)
                });
            }
        });
        moved
    }

    /// Sends what may be sent; true when something was.
    fn send(
        &mut self,
        cx: &mut Context<'_>,
        on_answer: &mut impl FnMut(usize, usize, Answer),
    ) -> bool {
        let mut moved = false;
        let count = self.lanes.len();
        let now = self.inner.clock.now();
        self.first = (self.first + 1) % count.max(1);
        for turn in 0..count {
            let index = (self.first + turn) % count;
            loop {
                let lane = &mut self.lanes[index];
                let Some(question) = lane.peek() else { break };
                if let Some(kept) = self.inner.cached(question, self.at, now) {
                    if let Some((number, _)) = lane.take() {
                        on_answer(index, number, kept);
                    }
                    moved = true;
                    continue;
                }
                let room = self.careful.len() < self.most_careful
                    && self
                        .stream
                        .as_mut()
                        .is_none_or(|stream| stream.poll_room(cx).is_ready());
                if !room {
                    return moved;
                }
                if lane.poll_admitted(cx).is_pending() {
                    break;
                }
                let permit = lane.admitted.take().flatten();
                let Some((number, question)) = lane.take() else {
                    break;
                };
                moved = true;
                let refused = match &mut self.stream {
                    Some(stream) => stream.send(index, number, question, permit, now).err(),
                    None => Some((question, permit)),
                };
                if let Some((question, permit)) = refused {
                    let (inner, at) = (self.inner.clone(), self.at);
                    self.careful.spawn(async move {
                        let answer = inner.resolve_admitted(&question, at, permit).await;
                        (index, number, answer)
                    });
                }
            }
        }
        moved
    }
}
