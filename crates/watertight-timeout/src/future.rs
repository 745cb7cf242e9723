use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use watertight_core::OnReject;

use crate::{Timeout, event::Phase};

pin_project! {
    /// The response future of a call that must be done in time.
    ///
    /// # Cancellation
    ///
    /// Safe: it holds nothing but the inner future, which it drops as soon as time is up.
    #[must_use = "futures do nothing unless polled"]
    pub struct TimeoutFuture<F, R> {
        #[pin]
        inner: Option<F>,
        until: Option<Instant>,
        #[pin]
        timer: Option<Sleep>,
        timeout: Timeout,
        phase: Phase,
        on_reject: R,
    }
}

impl<F, R> TimeoutFuture<F, R> {
    pub(crate) const fn new(
        inner: F,
        until: Option<Instant>,
        timeout: Timeout,
        phase: Phase,
        on_reject: R,
    ) -> Self {
        Self {
            inner: Some(inner),
            until,
            timer: None,
            timeout,
            phase,
            on_reject,
        }
    }

    /// The future of a call that is refused before it was made.
    pub(crate) const fn refused(timeout: Timeout, on_reject: R) -> Self {
        Self {
            inner: None,
            until: None,
            timer: None,
            timeout,
            phase: Phase::Deadline,
            on_reject,
        }
    }
}

impl<F, R, Res, E> Future for TimeoutFuture<F, R>
where
    F: Future<Output = Result<Res, E>>,
    R: OnReject<Res, E>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(inner) = this.inner.as_mut().as_pin_mut() {
            // The inner future first: what is ready when time is up is a response.
            if let Poll::Ready(result) = inner.poll(cx) {
                return Poll::Ready(result.map(R::response).map_err(R::error));
            }
            let Some(until) = *this.until else {
                return Poll::Pending;
            };
            if this.timer.is_none() {
                this.timer.set(Some(sleep_until(until)));
            }
            let timer = this.timer.as_mut().as_pin_mut();
            if timer.is_some_and(|timer| timer.poll(cx).is_pending()) {
                return Poll::Pending;
            }
            this.inner.set(None);
        }
        let why = this.timeout.elapsed(*this.phase);
        Poll::Ready(this.on_reject.reject(why, ()))
    }
}

impl<F, R> fmt::Debug for TimeoutFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
