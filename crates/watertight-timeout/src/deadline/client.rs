use std::{
    fmt,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tower_service::Service;
use watertight_core::{Deadline, Fail, OnReject};

use crate::{
    Timeout, TimeoutFuture,
    deadline::{
        layer::{Client, Deadlines},
        wire::{Local, Wire},
    },
    event::Phase,
    future::Due,
};

/// Holds a client's calls to the deadline of the request that they are made for, and sends along what is left of it.
///
/// The deadline is the earliest of the one in the request's extensions (HTTP), [`Deadline::current`], what the request's
/// header says already, and the limit set here. A call for which nothing is left is not made. What is sent along is rounded
/// down, though never to nothing; more than a year is as good as no deadline, and is not sent.
///
/// ```
/// use std::time::Duration;
/// use watertight_timeout::ClientDeadlineLayer;
///
/// // Without a limit of its own: only what is inherited.
/// let layer = ClientDeadlineLayer::new(Duration::MAX);
/// # let _ = layer;
/// ```
pub type ClientDeadlineLayer<W = Local, R = Fail> = Deadlines<Client, W, R>;

/// A client whose calls have deadlines.
#[derive(Clone)]
pub struct ClientDeadlineService<S, W, R> {
    inner: S,
    layer: ClientDeadlineLayer<W, R>,
}

/// So much time is no deadline to another service.
const FAR_OFF: Duration = Duration::from_secs(86_400 * 365);

impl ClientDeadlineLayer {
    /// For any request; nothing is sent along until [`wire`](Self::wire) says how.
    pub fn new(limit: impl Into<Timeout>) -> Self {
        Self::of(limit.into(), Local::default(), Fail)
    }
}

#[cfg(feature = "http")]
impl ClientDeadlineLayer<super::Millis> {
    /// For HTTP clients: what is left is sent in `x-request-timeout-ms`, and too late is a typed error.
    pub fn http(limit: impl Into<Timeout>) -> Self {
        Self::of(limit.into(), super::Millis::default(), Fail)
    }
}

#[cfg(feature = "grpc")]
impl ClientDeadlineLayer<super::GrpcTimeout, watertight_core::http::GrpcStatus> {
    /// For gRPC channels: what is left is sent in `grpc-timeout`, and too late is `DEADLINE_EXCEEDED`.
    pub fn for_grpc(limit: impl Into<Timeout>) -> Self {
        Self::of(
            limit.into(),
            super::GrpcTimeout,
            watertight_core::http::GrpcStatus,
        )
    }
}

impl<S, W, R> ClientDeadlineService<S, W, R> {
    pub(super) const fn new(inner: S, layer: ClientDeadlineLayer<W, R>) -> Self {
        Self { inner, layer }
    }
}

impl<S, W, R, Req> Service<Req> for ClientDeadlineService<S, W, R>
where
    S: Service<Req>,
    W: Wire<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = TimeoutFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let ClientDeadlineLayer {
            limit,
            wire,
            on_reject,
            attempt,
            ..
        } = &self.layer;
        let (timeout, on_reject) = (limit.clone(), on_reject.clone());
        let now = Instant::now();
        let left = wire
            .read(&request)
            .map(|left| Deadline::from_start(now, left));
        let known = Deadline::earliest(left, wire.known(&request));
        let own = limit.duration();
        let own = (own != Duration::MAX).then(|| Deadline::from_start(now, own));
        let deadline = Deadline::earliest(known, own);
        let left = deadline.map(|deadline| deadline.instant().saturating_duration_since(now));
        if left.is_some_and(|left| left.is_zero()) {
            return TimeoutFuture::refused(timeout, on_reject);
        }
        let attempt = attempt.as_ref().map(Timeout::duration);
        let told = left.into_iter().chain(attempt).min();
        if let Some(told) = told.filter(|told| *told < FAR_OFF) {
            // An attempt that is given no time may yet be answered at once, and nothing left would forbid that.
            wire.write(&mut request, told.max(Duration::from_nanos(1)));
        }
        let future = self.inner.call(request);
        let due = deadline.map(|deadline| Due::at(deadline.instant()));
        TimeoutFuture::new(future, due, timeout, Phase::Total, on_reject)
            .minded_inside(wire.is_minded_by_clients())
    }
}

impl<S: fmt::Debug, W, R> fmt::Debug for ClientDeadlineService<S, W, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientDeadlineService")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}
