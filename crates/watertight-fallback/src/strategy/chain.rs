use std::{
    fmt,
    future::{Future, Ready},
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::{Failure, Strategy};

/// Applies to no failure: where a chain begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

/// Tries one strategy, and the next where that one does not apply. What is skipped is never polled.
#[derive(Clone, Copy, Debug)]
pub struct Chain<A, B>(pub(crate) A, pub(crate) B);

impl<Res, E, K> Strategy<Res, E, K> for Nothing {
    type Future = Ready<Result<Res, E>>;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        Err(failure)
    }
}

impl<A, B, Res, E, K> Strategy<Res, E, K> for Chain<A, B>
where
    A: Strategy<Res, E, K>,
    B: Strategy<Res, E, K>,
{
    type Future = ChainFuture<A::Future, B::Future>;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        let state = match self.0.answer(failure) {
            Ok(future) => State::First { future },
            Err(failure) => {
                let future = self.1.answer(failure)?;
                State::Second { future }
            }
        };
        Ok(ChainFuture { state })
    }
}

pin_project! {
    /// The answer of one of two strategies.
    #[must_use = "futures do nothing unless polled"]
    pub struct ChainFuture<A, B> {
        #[pin]
        state: State<A, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<A, B> {
        First { #[pin] future: A },
        Second { #[pin] future: B },
    }
}

impl<A: Future, B: Future<Output = A::Output>> Future for ChainFuture<A, B> {
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        match self.project().state.project() {
            StateProj::First { future } => future.poll(cx),
            StateProj::Second { future } => future.poll(cx),
        }
    }
}

impl<A, B> fmt::Debug for ChainFuture<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainFuture").finish_non_exhaustive()
    }
}
