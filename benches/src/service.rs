//! The services that the layers are put around. The request says what happens.

use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tower_service::Service;

/// The request that fails.
pub const FAIL: u64 = u64::MAX;

/// The request that is never answered.
pub const HANG: u64 = u64::MAX - 1;

/// Answers at the first poll, without a wait.
#[derive(Clone, Copy, Debug)]
pub struct Answers;

/// Answers at the second poll, and wakes its task at once.
#[derive(Clone, Copy, Debug)]
pub struct Yields;

/// What the request [`FAIL`] fails with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault;

/// The response future of [`Answers`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct Answer(u64);

/// The response future of [`Yields`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct LateAnswer {
    answer: Answer,
    yielded: bool,
}

impl Service<u64> for Answers {
    type Response = u64;
    type Error = Fault;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> Answer {
        Answer(request)
    }
}

impl Service<u64> for Yields {
    type Response = u64;
    type Error = Fault;
    type Future = LateAnswer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u64) -> LateAnswer {
        LateAnswer {
            answer: Answer(request),
            yielded: false,
        }
    }
}

impl Future for Answer {
    type Output = Result<u64, Fault>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0 {
            FAIL => Poll::Ready(Err(Fault)),
            HANG => Poll::Pending,
            request => Poll::Ready(Ok(request)),
        }
    }
}

impl Future for LateAnswer {
    type Output = Result<u64, Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.yielded {
            return Pin::new(&mut self.answer).poll(cx);
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the service failed, as it was asked to")
    }
}

impl Error for Fault {}
