use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};

use crate::fault::inject::{BodyFault, Inject};

pin_project! {
    /// The response future of a [`FaultService`](crate::FaultService).
    #[must_use = "futures do nothing unless polled"]
    pub struct FaultFuture<F, I> {
        #[pin]
        delay: Option<Sleep>,
        #[pin]
        work: Work<F>,
        inject: I,
    }
}

pin_project! {
    #[project = WorkProj]
    pub(crate) enum Work<F> {
        Called { #[pin] future: F, then: Then },
        Fail,
        Hang,
        Panic,
    }
}

/// What becomes of the answer.
pub(crate) enum Then {
    Answer(Option<BodyFault>),
    Lose,
}

impl<F, I> FaultFuture<F, I> {
    pub(crate) fn new(delay: Option<Duration>, work: Work<F>, inject: I) -> Self {
        let delay = delay.map(sleep);
        Self {
            delay,
            work,
            inject,
        }
    }
}

impl<F> Work<F> {
    pub(crate) const fn called(future: F, then: Then) -> Self {
        Self::Called { future, then }
    }
}

impl<F, I, Res, E> Future for FaultFuture<F, I>
where
    F: Future<Output = Result<Res, E>>,
    I: Inject<Res, E>,
{
    type Output = Result<I::Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(delay) = this.delay.as_mut().as_pin_mut() {
            ready!(delay.poll(cx));
            this.delay.set(None);
        }
        match this.work.project() {
            WorkProj::Called { future, then } => {
                let answer = ready!(future.poll(cx));
                Poll::Ready(match then {
                    Then::Answer(body) => answer.map(|res| this.inject.pass(res, body.take())),
                    Then::Lose => this.inject.fail(),
                })
            }
            WorkProj::Fail => Poll::Ready(this.inject.fail()),
            // Without a waker: nothing will ever come.
            WorkProj::Hang => Poll::Pending,
            WorkProj::Panic => panic!("injected by the fault plan: panic in poll"),
        }
    }
}

impl<F, I> fmt::Debug for FaultFuture<F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultFuture").finish_non_exhaustive()
    }
}
