use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_service::Service;
use watertight_core::{Deadline, Fail, OnReject};

use crate::{
    Timeout, TimeoutFuture,
    deadline::{
        layer::{Deadlines, Server},
        wire::{Local, Wire},
    },
    event::Phase,
    future::Due,
};

/// Gives every request a deadline: what its caller has left, or the limit set here, whichever is earlier.
///
/// The deadline is in the request's extensions (HTTP), and it is [`Deadline::current`] while the inner service works on
/// the request, so that client layers inherit it; spawned tasks do not, and neither does a body that is still being
/// produced after the head. A request that has nothing left is refused before it is handled. When the deadline comes,
/// the call is given up.
///
/// ```
/// use std::time::Duration;
/// use watertight_timeout::DeadlineLayer;
///
/// # #[cfg(feature = "http")]
/// let layer = DeadlineLayer::for_http(Duration::from_secs(10));
/// ```
pub type DeadlineLayer<W = Local, R = Fail> = Deadlines<Server, W, R>;

/// A service whose requests have deadlines.
#[derive(Clone)]
pub struct DeadlineService<S, W, R> {
    inner: S,
    layer: DeadlineLayer<W, R>,
}

pin_project! {
    /// The response future of a call that has a deadline.
    #[must_use = "futures do nothing unless polled"]
    pub struct DeadlineFuture<F, R> {
        #[pin]
        future: TimeoutFuture<F, R>,
        deadline: Deadline,
    }
}

impl DeadlineLayer {
    /// For any request: the deadline is that of the running task, or of what [`wire`](Self::wire) finds.
    pub fn new(limit: impl Into<Timeout>) -> Self {
        Self::of(limit.into(), Local::default(), Fail)
    }
}

#[cfg(feature = "http")]
impl DeadlineLayer<super::Millis, watertight_core::http::Problem> {
    /// For axum routers and other HTTP services: the caller's time left is read from `x-request-timeout-ms`, and too
    /// late is a 504 problem.
    pub fn for_http(limit: impl Into<Timeout>) -> Self {
        Self::of(
            limit.into(),
            super::Millis::default(),
            watertight_core::http::Problem::new(),
        )
    }
}

#[cfg(feature = "grpc")]
impl DeadlineLayer<super::GrpcTimeout, watertight_core::http::GrpcStatus> {
    /// For gRPC servers: the caller's time left is read from `grpc-timeout`, and too late is `DEADLINE_EXCEEDED`.
    pub fn for_grpc(limit: impl Into<Timeout>) -> Self {
        Self::of(
            limit.into(),
            super::GrpcTimeout,
            watertight_core::http::GrpcStatus,
        )
    }
}

impl<S, W, R> DeadlineService<S, W, R> {
    pub(super) const fn new(inner: S, layer: DeadlineLayer<W, R>) -> Self {
        Self { inner, layer }
    }
}

impl<S, W, R, Req> Service<Req> for DeadlineService<S, W, R>
where
    S: Service<Req>,
    W: Wire<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = DeadlineFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let DeadlineLayer {
            limit,
            wire,
            on_reject,
            ..
        } = &self.layer;
        let now = Instant::now();
        let left = wire
            .read(&request)
            .map(|left| Deadline::from_start(now, left));
        let known = Deadline::earliest(left, wire.known(&request));
        let own = Deadline::from_start(now, limit.duration());
        let deadline = known.map_or(own, |known| known.min(own));
        let (timeout, on_reject) = (limit.clone(), on_reject.clone());
        let future = if deadline.instant() <= now {
            TimeoutFuture::refused(timeout, on_reject)
        } else {
            wire.keep(&mut request, deadline);
            let inner = &mut self.inner;
            let future = deadline.sync_scope(|| inner.call(request));
            let due = Some(Due::at(deadline.instant()));
            TimeoutFuture::new(future, due, timeout, Phase::Total, on_reject)
        };
        DeadlineFuture { future, deadline }
    }
}

impl<F, R, Res, E> Future for DeadlineFuture<F, R>
where
    F: Future<Output = Result<Res, E>>,
    R: OnReject<Res, E>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.deadline.sync_scope(|| this.future.poll(cx))
    }
}

impl<S: fmt::Debug, W, R> fmt::Debug for DeadlineService<S, W, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

impl<F, R> fmt::Debug for DeadlineFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadlineFuture")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
