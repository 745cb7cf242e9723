use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use watertight_core::Classify;

use crate::{
    Cause, Failure, Failures, Fallback, FindRefusal, Form, Handled, Made, Strategy, parts::Parts,
};

pin_project! {
    /// The response future of a [`FallbackService`](crate::FallbackService).
    ///
    /// # Cancellation
    ///
    /// Dropped at any time it drops whatever runs, the call or the other answer. Nobody else notices.
    #[must_use = "futures do nothing unless polled"]
    pub struct FallbackFuture<F, G, A, D, K, M, T> {
        #[pin]
        state: State<F, G, T>,
        parts: Arc<Parts<A, D, K, M>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, G, T> {
        Calling { #[pin] future: F, captured: Option<T> },
        Answering { #[pin] future: G, attempt: Attempt },
        Over,
    }
}

/// One failed call, counted however it ends.
struct Attempt {
    fallback: Fallback,
    cause: Cause,
    handled: Handled,
}

impl<F, G, A, D, K, M, T> FallbackFuture<F, G, A, D, K, M, T> {
    pub(crate) const fn new(future: F, captured: T, parts: Arc<Parts<A, D, K, M>>) -> Self {
        let captured = Some(captured);
        Self {
            state: State::Calling { future, captured },
            parts,
        }
    }
}

impl<F, A, C, L, K, M, T, Res, E> Future
    for FallbackFuture<F, A::Future, A, Failures<C, L>, K, M, T>
where
    F: Future<Output = Result<Res, E>>,
    A: Strategy<Res, E, T>,
    C: Classify<Res, E>,
    L: FindRefusal<Res, E>,
    M: Form<Res, T>,
{
    type Output = Result<M::Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let parts = &**this.parts;
        if let StateProj::Calling { future, captured } = this.state.as_mut().project() {
            let result = ready!(future.poll(cx));
            let captured = captured.take().expect("polled after completion");
            let Some(cause) = parts.failures.cause(result.as_ref()) else {
                return Poll::Ready(result.map(|response| parts.form.good(response, &captured)));
            };
            // The failed call may hold a permit that the other answer needs.
            this.state.set(State::Over);
            let mut attempt = Attempt::new(parts.fallback.clone(), cause);
            let failure = Failure {
                cause,
                result,
                captured,
            };
            match parts.strategy.answer(failure) {
                Ok(future) => this.state.set(State::Answering { future, attempt }),
                Err(failure) => {
                    attempt.handled = Handled::Passed;
                    return Poll::Ready(failure.result.map(|res| parts.form.untouched(res)));
                }
            }
        }
        let StateProj::Answering { future, attempt } = this.state.as_mut().project() else {
            panic!("polled after completion");
        };
        attempt.handled = Handled::Panicked;
        let polled = future.poll(cx);
        attempt.handled = match &polled {
            Poll::Pending => Handled::Cancelled,
            Poll::Ready(Ok(_)) => Handled::Answered,
            Poll::Ready(Err(_)) => Handled::Failed,
        };
        let made = Made {
            by: parts.fallback.name(),
            cause: attempt.cause,
        };
        let answer = ready!(polled);
        this.state.set(State::Over);
        Poll::Ready(answer.map(|response| parts.form.made(response, made)))
    }
}

impl Attempt {
    // Until something else is known of it, it has ended in a panic.
    const fn new(fallback: Fallback, cause: Cause) -> Self {
        Self {
            fallback,
            cause,
            handled: Handled::Panicked,
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.fallback.record(self.cause, self.handled);
    }
}

impl<F, G, A, D, K, M, T> fmt::Debug for FallbackFuture<F, G, A, D, K, M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackFuture").finish_non_exhaustive()
    }
}
