use std::{
    fmt,
    task::{Context, Poll},
};

use tokio::time::Instant;
use tower_service::Service;
use watertight_core::OnReject;

use crate::{Timeout, TimeoutFuture, event::Phase, future::Due, layer::PerRequest};

/// A service whose responses must come in time.
///
/// # Readiness
///
/// That of the inner service: the wait for it has no limit here.
///
/// # Clone
///
/// A clone shares the timeout.
#[derive(Clone)]
pub struct TimeoutService<S, R, P> {
    inner: S,
    timeout: Timeout,
    on_reject: R,
    per_request: P,
}

impl<S, R, P> TimeoutService<S, R, P> {
    pub(crate) const fn new(inner: S, timeout: Timeout, on_reject: R, per_request: P) -> Self {
        Self {
            inner,
            timeout,
            on_reject,
            per_request,
        }
    }

    pub(crate) const fn timeout(&self) -> &Timeout {
        &self.timeout
    }

    pub(crate) const fn behavior(&self) -> &R {
        &self.on_reject
    }
}

impl<S, R, P, Req> Service<Req> for TimeoutService<S, R, P>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
    P: PerRequest<Req>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = TimeoutFuture<S::Future, R>;

    #[inline(always)]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    #[inline(always)]
    fn call(&mut self, request: Req) -> Self::Future {
        let duration = self.per_request.duration(&request, self.timeout.duration());
        // Time runs from here, however late the future is polled; the timer itself can wait until it is needed.
        let due = duration.map(|limit| Due::after(Instant::now(), limit));
        let future = self.inner.call(request);
        let (timeout, on_reject) = (self.timeout.clone(), self.on_reject.clone());
        TimeoutFuture::new(future, due, timeout, Phase::Response, on_reject)
    }
}

impl<S: fmt::Debug, R, P> fmt::Debug for TimeoutService<S, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutService")
            .field("inner", &self.inner)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
