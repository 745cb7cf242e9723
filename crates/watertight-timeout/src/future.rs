use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use watertight_core::{Deadline, OnReject};

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
        due: Option<Due>,
        #[pin]
        timer: Option<Sleep>,
        timeout: Timeout,
        phase: Phase,
        inner_minds: bool,
        on_reject: R,
    }
}

// What tokio's timers are rounded up to, and more than a duration loses on the wire.
const TICK: Duration = Duration::from_millis(1);

/// When time is up; added up only where it is needed, because most calls are done by then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    start: Instant,
    after: Duration,
}

impl Due {
    /// So long after the start.
    #[inline]
    pub(crate) const fn after(start: Instant, after: Duration) -> Self {
        Self { start, after }
    }

    /// At a moment.
    pub(crate) const fn at(instant: Instant) -> Self {
        Self::after(instant, Duration::ZERO)
    }

    fn instant(self) -> Instant {
        Deadline::from_start(self.start, self.after).instant()
    }
}

impl<F, R> TimeoutFuture<F, R> {
    #[inline(always)]
    pub(crate) const fn new(
        inner: F,
        due: Option<Due>,
        timeout: Timeout,
        phase: Phase,
        on_reject: R,
    ) -> Self {
        Self {
            inner: Some(inner),
            due,
            timer: None,
            timeout,
            phase,
            inner_minds: false,
            on_reject,
        }
    }

    /// The inner future knows when time is up, and fails then: such an error is not one of its own.
    pub(crate) const fn minded_inside(mut self, minds: bool) -> Self {
        self.inner_minds = minds;
        self
    }

    /// The future of a call that is refused before it was made.
    pub(crate) const fn refused(timeout: Timeout, on_reject: R) -> Self {
        Self {
            inner: None,
            due: None,
            timer: None,
            timeout,
            phase: Phase::Deadline,
            inner_minds: false,
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

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(inner) = this.inner.as_mut().as_pin_mut() {
            // The inner future first: what is ready when time is up is a response.
            match inner.poll(cx) {
                Poll::Ready(Ok(response)) => return Poll::Ready(Ok(R::response(response))),
                Poll::Ready(Err(_)) if *this.inner_minds && is_up(*this.due) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(R::error(error))),
                Poll::Pending if wait(this.timer, *this.due, cx).is_pending() => {
                    return Poll::Pending;
                }
                Poll::Pending => {}
            }
            this.inner.set(None);
        }
        let why = this.timeout.elapsed(*this.phase);
        Poll::Ready(this.on_reject.reject(why, ()))
    }
}

/// Whether time is up, or will be with the next tick.
fn is_up(due: Option<Due>) -> bool {
    due.is_some_and(|due| due.instant() <= Instant::now() + TICK)
}

/// Waits until time is up, with a timer that is made here.
fn wait(mut timer: Pin<&mut Option<Sleep>>, due: Option<Due>, cx: &mut Context<'_>) -> Poll<()> {
    let Some(due) = due else {
        return Poll::Pending;
    };
    if timer.is_none() {
        timer.set(Some(sleep_until(due.instant())));
    }
    match timer.as_pin_mut() {
        Some(timer) => timer.poll(cx),
        None => Poll::Pending,
    }
}

impl<F, R> fmt::Debug for TimeoutFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutFuture")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
