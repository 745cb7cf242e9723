use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_layer::Layer;
use tower_service::Service;
use watertight_core::{Deadline, Error};

use crate::{Timeout, event::Phase};

/// Limits the body of a response: the pause before each frame, and the time from `call` to its end.
///
/// The head is left alone. A body that takes too long ends with an error in whose chain a
/// [`Rejected`](watertight_core::Rejected) tells by whom.
///
/// ```
/// use std::time::Duration;
/// use watertight_timeout::BodyTimeoutLayer;
///
/// let layer = BodyTimeoutLayer::new().idle(Duration::from_secs(10)).total(Duration::from_secs(300));
/// # let _ = layer;
/// ```
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Debug, Default)]
pub struct BodyTimeoutLayer {
    limits: Limits,
}

/// A service whose response bodies must come in time.
#[derive(Clone, Debug)]
pub struct BodyTimeoutService<S> {
    inner: S,
    limits: Limits,
}

#[derive(Clone, Debug, Default)]
struct Limits {
    idle: Option<Timeout>,
    total: Option<Timeout>,
}

impl BodyTimeoutLayer {
    /// Without any limit yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The longest pause before a frame; each frame starts it anew.
    pub fn idle(mut self, timeout: impl Into<Timeout>) -> Self {
        self.limits.idle = Some(timeout.into());
        self
    }

    /// The longest time from `call` to the end of the body, however steadily frames come.
    pub fn total(mut self, timeout: impl Into<Timeout>) -> Self {
        self.limits.total = Some(timeout.into());
        self
    }
}

impl<S> Layer<S> for BodyTimeoutLayer {
    type Service = BodyTimeoutService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyTimeoutService {
            inner,
            limits: self.limits.clone(),
        }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BodyTimeoutService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
{
    type Response = Response<TimeoutBody<ResBody>>;
    type Error = S::Error;
    type Future = BodyTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        let total = self.limits.total.as_ref().map(Timeout::duration);
        let total = total.map(|limit| Deadline::from_start(Instant::now(), limit).instant());
        BodyTimeoutFuture {
            inner: self.inner.call(request),
            total,
            limits: Some(self.limits.clone()),
        }
    }
}

pin_project! {
    /// The response future of [`BodyTimeoutService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct BodyTimeoutFuture<F> {
        #[pin]
        inner: F,
        total: Option<Instant>,
        limits: Option<Limits>,
    }
}

impl<F, B, E> Future for BodyTimeoutFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<TimeoutBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let limits = this.limits.take().expect("polled after completion");
        Poll::Ready(Ok(response.map(|body| TimeoutBody {
            body,
            pause: limits
                .idle
                .as_ref()
                .map(|idle| Deadline::after(idle.duration()).instant()),
            total: *this.total,
            timer: None,
            limits,
        })))
    }
}

pin_project! {
    /// A response body that must come in time.
    pub struct TimeoutBody<B> {
        #[pin]
        body: B,
        pause: Option<Instant>,
        total: Option<Instant>,
        #[pin]
        timer: Option<Sleep>,
        limits: Limits,
    }
}

impl<B: Body> Body for TimeoutBody<B> {
    type Data = B::Data;
    type Error = Error<B::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        let mut this = self.project();
        // A frame that is there when time is up is a frame, but steady frames do not extend the total.
        let over = this.total.is_some_and(|total| total <= Instant::now());
        if !over && let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) {
            if let Some(idle) = &this.limits.idle {
                *this.pause = Some(Deadline::after(idle.duration()).instant());
                this.timer.set(None);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Error::Inner)));
        }
        let Some(until) = earlier(*this.pause, *this.total) else {
            return Poll::Pending;
        };
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(until)));
        }
        if !over && let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(cx));
        }
        let (timeout, phase) = if *this.total == Some(until) {
            (&this.limits.total, Phase::BodyTotal)
        } else {
            (&this.limits.idle, Phase::BodyIdle)
        };
        let Some(timeout) = timeout else {
            return Poll::Pending;
        };
        let why = timeout.elapsed(phase);
        Poll::Ready(Some(Err(Error::Rejected(why))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<F> fmt::Debug for BodyTimeoutFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyTimeoutFuture").finish_non_exhaustive()
    }
}

impl<B: fmt::Debug> fmt::Debug for TimeoutBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutBody")
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
