//! When appended events are on disk.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use tokio::sync::oneshot;

use super::StoreError;
use crate::record::Event;

/// Events that were appended.
#[derive(Debug)]
pub struct Submitted {
    /// As they were written.
    pub events: Vec<Event>,
    /// When they are on disk. Nobody may be told of them before.
    pub durable: Durable,
}

/// When appended events are on disk.
#[derive(Debug)]
#[must_use = "nothing may be done before the events are on disk"]
pub enum Durable {
    /// They are.
    Now,
    /// As soon as this tells.
    Later(oneshot::Receiver<Result<(), StoreError>>),
}

impl Durable {
    /// Waits without a thread.
    ///
    /// # Errors
    /// When they could not be written or synced.
    pub async fn wait(self) -> Result<(), StoreError> {
        match self {
            Durable::Now => Ok(()),
            // The writer only goes away without an answer when its thread broke off.
            Durable::Later(told) => told.await.unwrap_or_else(|_| {
                Err(StoreError::Poisoned {
                    path: "shared".into(),
                })
            }),
        }
    }

    /// Waits, and the thread with it.
    pub(super) fn block(self) -> Result<(), StoreError> {
        if matches!(self, Durable::Now) {
            return Ok(());
        }
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut wait = pin!(self.wait());
        loop {
            match wait.as_mut().poll(&mut context) {
                Poll::Ready(told) => return told,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
