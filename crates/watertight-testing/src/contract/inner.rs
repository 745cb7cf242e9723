use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tower::{
    buffer::{Buffer, future::ResponseFuture as BufferFuture},
    limit::{ConcurrencyLimit, RateLimit, concurrency::future::ResponseFuture as LimitFuture},
};
use tower_service::Service;
use watertight_core::BoxError;

use crate::contract::{
    Dialect, ProbeError,
    control::Control,
    probe::{Probe, ProbeFuture},
};

/// What the suite puts behind a layer: its own service, alone or in one of tower's that reserve something when they say
/// that they are ready.
pub struct Inner<D: Dialect>(Kind<D>);

enum Kind<D: Dialect> {
    Alone(Probe<D>),
    Limited(ConcurrencyLimit<Probe<D>>),
    Buffered(Buffer<D::Request, ProbeFuture<D>>),
}

pin_project! {
    /// A call of the suite's inner service.
    #[must_use = "futures do nothing unless polled"]
    pub struct InnerFuture<D: Dialect> {
        #[pin]
        kind: FutureKind<D>,
    }
}

pin_project! {
    #[project = FutureKindProj]
    enum FutureKind<D: Dialect> {
        Alone { #[pin] future: ProbeFuture<D> },
        Limited { #[pin] future: LimitFuture<ProbeFuture<D>> },
        Buffered { #[pin] future: BufferFuture<ProbeFuture<D>> },
    }
}

impl<D: Dialect> Inner<D> {
    pub(crate) fn alone(control: &Control) -> Self {
        Self(Kind::Alone(Probe::new(control)))
    }

    pub(crate) fn in_a_concurrency_limit_of_one(control: &Control) -> Self {
        Self(Kind::Limited(ConcurrencyLimit::new(Probe::new(control), 1)))
    }

    pub(crate) fn in_a_buffer(control: &Control) -> Self {
        Self(Kind::Buffered(Buffer::new(Probe::new(control), 1)))
    }

    /// Buffered too, because a rate limit cannot be cloned.
    pub(crate) fn in_a_rate_limit(control: &Control, per: Duration) -> Self {
        let limit = RateLimit::new(Probe::new(control), tower::limit::rate::Rate::new(1, per));
        Self(Kind::Buffered(Buffer::new(limit, 1)))
    }
}

impl<D: Dialect> Service<D::Request> for Inner<D> {
    type Response = D::Response;
    type Error = D::Error;
    type Future = InnerFuture<D>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), D::Error>> {
        match &mut self.0 {
            Kind::Alone(probe) => probe.poll_ready(cx),
            Kind::Limited(limit) => limit.poll_ready(cx),
            Kind::Buffered(buffer) => buffer.poll_ready(cx).map_err(|error| unbox(&error)),
        }
    }

    fn call(&mut self, request: D::Request) -> InnerFuture<D> {
        let kind = match &mut self.0 {
            Kind::Alone(probe) => FutureKind::Alone {
                future: probe.call(request),
            },
            Kind::Limited(limit) => FutureKind::Limited {
                future: limit.call(request),
            },
            Kind::Buffered(buffer) => FutureKind::Buffered {
                future: buffer.call(request),
            },
        };
        InnerFuture { kind }
    }
}

impl<D: Dialect> Future for InnerFuture<D> {
    type Output = Result<D::Response, D::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().kind.project() {
            FutureKindProj::Alone { future } => ready!(future.poll(cx)),
            FutureKindProj::Limited { future } => ready!(future.poll(cx)),
            FutureKindProj::Buffered { future } => {
                ready!(future.poll(cx)).map_err(|error| unbox(&error))
            }
        })
    }
}

impl<D: Dialect> Clone for Inner<D> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Kind::Alone(probe) => Kind::Alone(probe.clone()),
            Kind::Limited(limit) => Kind::Limited(limit.clone()),
            Kind::Buffered(buffer) => Kind::Buffered(buffer.clone()),
        })
    }
}

impl<D: Dialect> fmt::Debug for Inner<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl<D: Dialect> fmt::Debug for InnerFuture<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InnerFuture").finish_non_exhaustive()
    }
}

/// A buffer boxes every error; the layer above knows only the dialect's.
fn unbox<E: From<ProbeError>>(error: &BoxError) -> E {
    ProbeError(ProbeError::find(&**error).unwrap_or(u32::MAX)).into()
}
