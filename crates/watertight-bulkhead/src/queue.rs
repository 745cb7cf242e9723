use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;
use watertight_core::{
    AdmissionFuture, Classify, CurrentDeadline, DeadlineOf, Hold, Keep, OnReject, Rejected,
};

use crate::{
    Bulkhead, BulkheadPermit,
    admit::{Exempt, Nobody},
    mode::Queue,
    wait::{Entry, Waiting},
};

/// A service behind a bulkhead with a queue.
///
/// A waiting call owns the instance that was readied for it, so the inner service must be `Clone`.
///
/// # Clone
///
/// A clone shares the bulkhead, and is not ready.
pub struct QueueService<S, C, R, U, X = Nobody, D = CurrentDeadline> {
    inner: S,
    ready: bool,
    bulkhead: Bulkhead<Queue>,
    asks: (X, D),
    parts: (C, R, U),
}

pin_project! {
    /// The response future of [`QueueService`].
    ///
    /// # Cancellation
    ///
    /// Dropped in the queue, it leaves its place; dropped later, the call counts as cancelled.
    #[must_use = "futures do nothing unless polled"]
    pub struct QueueFuture<S: Service<Req>, Req, C, R: Keep<Req>, U> {
        #[pin]
        state: State<S, Req, C, R, U, S::Future, R::Kept>,
    }
}

type Admitted<F, C, R, U, K> = AdmissionFuture<F, Option<BulkheadPermit<Queue>>, C, R, U, K>;

pin_project! {
    #[project = StateProj]
    enum State<S, Req, C, R, U, F, K> {
        Waits { waiting: Waiting, call: Option<(S, Req, (C, R, U))> },
        Answers { #[pin] future: Admitted<F, C, R, U, K> },
    }
}

impl<S, C, R, U, X, D> QueueService<S, C, R, U, X, D> {
    pub(crate) const fn new(
        inner: S,
        bulkhead: Bulkhead<Queue>,
        asks: (X, D),
        parts: (C, R, U),
    ) -> Self {
        Self {
            inner,
            ready: false,
            bulkhead,
            asks,
            parts,
        }
    }
}

impl<S, C, R, U, X, D, Req> Service<Req> for QueueService<S, C, R, U, X, D>
where
    S: Service<Req> + Clone,
    C: Classify<S::Response, S::Error> + Clone,
    R: Keep<Req> + OnReject<S::Response, S::Error, <R as Keep<Req>>::Kept> + Clone,
    U: Hold<R::Response, Option<BulkheadPermit<Queue>>> + Clone,
    X: Exempt<Req>,
    D: DeadlineOf<Req>,
{
    type Response = U::Response;
    type Error = R::Error;
    type Future = QueueFuture<S, Req, C, R, U>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if !self.ready {
            ready!(self.inner.poll_ready(cx)).map_err(R::error)?;
            self.ready = true;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (exempt, deadline_of) = &self.asks;
        let entry = if exempt.is_exempt(&request) {
            Ok(None)
        } else {
            match self.bulkhead.enter(|| deadline_of.deadline_of(&request)) {
                Entry::Permit(permit) => Ok(Some(permit)),
                Entry::Refused(why) => return self.refused(why, request),
                Entry::Wait(waiting) => Err(waiting),
            }
        };
        self.ready = false;
        let parts = self.parts.clone();
        let state = match entry {
            Ok(permit) => State::Answers {
                future: AdmissionFuture::called(&mut self.inner, request, permit, parts),
            },
            Err(waiting) => {
                // The instance that was readied waits with the request; its clone is readied for the next one.
                let clone = self.inner.clone();
                let readied = mem::replace(&mut self.inner, clone);
                let call = Some((readied, request, parts));
                State::Waits { waiting, call }
            }
        };
        QueueFuture { state }
    }
}

impl<S, C, R, U, X, D> QueueService<S, C, R, U, X, D> {
    fn refused<Req>(&self, why: Rejected, request: Req) -> QueueFuture<S, Req, C, R, U>
    where
        S: Service<Req>,
        C: Clone,
        R: Keep<Req> + Clone,
        U: Clone,
    {
        let (_, on_reject, hold) = self.parts.clone();
        let kept = on_reject.keep(request);
        let future = AdmissionFuture::refused(why, kept, on_reject, hold);
        QueueFuture {
            state: State::Answers { future },
        }
    }
}

impl<S, Req, C, R, U> Future for QueueFuture<S, Req, C, R, U>
where
    S: Service<Req>,
    C: Classify<S::Response, S::Error>,
    R: Keep<Req> + OnReject<S::Response, S::Error, <R as Keep<Req>>::Kept>,
    U: Hold<R::Response, Option<BulkheadPermit<Queue>>>,
{
    type Output = Result<U::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let answers = match state.as_mut().project() {
                StateProj::Answers { future } => return future.poll(cx),
                StateProj::Waits { waiting, call } => {
                    let entry = ready!(Pin::new(waiting).poll(cx));
                    let (mut inner, request, parts) = call.take().expect("polled after a panic");
                    match entry {
                        Ok(permit) => {
                            AdmissionFuture::called(&mut inner, request, Some(permit), parts)
                        }
                        Err(why) => {
                            let (_, on_reject, hold) = parts;
                            let kept = on_reject.keep(request);
                            AdmissionFuture::refused(why, kept, on_reject, hold)
                        }
                    }
                }
            };
            state.set(State::Answers { future: answers });
        }
    }
}

impl<S: Clone, C: Clone, R: Clone, U: Clone, X: Clone, D: Clone> Clone
    for QueueService<S, C, R, U, X, D>
{
    fn clone(&self) -> Self {
        let (inner, bulkhead) = (self.inner.clone(), self.bulkhead.clone());
        // Readiness belongs to the instance that was polled.
        Self::new(inner, bulkhead, self.asks.clone(), self.parts.clone())
    }
}

impl<S: fmt::Debug, C, R, U, X, D> fmt::Debug for QueueService<S, C, R, U, X, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueService")
            .field("inner", &self.inner)
            .field("ready", &self.ready)
            .field("bulkhead", &self.bulkhead)
            .finish_non_exhaustive()
    }
}

impl<S: Service<Req>, Req, C, R: Keep<Req>, U> fmt::Debug for QueueFuture<S, Req, C, R, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFuture").finish_non_exhaustive()
    }
}
