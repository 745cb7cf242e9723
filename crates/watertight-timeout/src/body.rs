use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
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

    /// The longest pause before a frame, counted while the reader waits for it; each frame starts it anew.
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

impl<S, Req, B> Service<Req> for BodyTimeoutService<S>
where
    S: Service<Req, Response = Response<B>>,
{
    type Response = Response<TimeoutBody<B>>;
    type Error = S::Error;
    type Future = BodyTimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
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
            body: Some(body),
            total: *this.total,
            timer: None,
            limits,
        })))
    }
}

pin_project! {
    /// A response body that must come in time. Once time is up, the inner body is dropped.
    pub struct TimeoutBody<B> {
        #[pin]
        body: Option<B>,
        total: Option<Instant>,
        #[pin]
        timer: Option<Timer>,
        limits: Limits,
    }
}

pin_project! {
    /// Runs while the reader waits for a frame.
    struct Timer {
        #[pin]
        sleep: Sleep,
        phase: Phase,
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
        let Some(mut body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        // A frame that is there when time is up is a frame. After that its end may still come, but steady frames do
        // not extend the total.
        let over = this.total.is_some_and(|total| total < Instant::now());
        if let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
            let goes_on = matches!(frame, Some(Ok(_))) && !body.is_end_stream();
            if !(over && goes_on) {
                if this.limits.idle.is_some() {
                    this.timer.set(None);
                }
                return Poll::Ready(frame.map(|frame| frame.map_err(Error::Inner)));
            }
        }
        let phase = if over {
            Phase::BodyTotal
        } else {
            // A reader that is slow to ask is no pause of the body.
            if this.timer.is_none() {
                this.timer.set(this.limits.timer(*this.total));
            }
            match this.timer.as_mut().as_pin_mut() {
                Some(timer) => ready!(timer.poll(cx)),
                None => return Poll::Pending,
            }
        };
        let why = this.limits.of(phase).map(|timeout| timeout.elapsed(phase));
        this.body.set(None);
        Poll::Ready(why.map(|why| Err(Error::Rejected(why))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.body.as_ref();
        body.map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Limits {
    /// The timer of whichever limit comes first.
    fn timer(&self, total: Option<Instant>) -> Option<Timer> {
        let idle = self.idle.as_ref().map(Timeout::duration);
        let idle = idle.map(|idle| (Deadline::after(idle).instant(), Phase::BodyIdle));
        let total = total.map(|total| (total, Phase::BodyTotal));
        let (until, phase) = match (idle, total) {
            (Some(idle), Some(total)) if idle.0 < total.0 => idle,
            (idle, total) => total.or(idle)?,
        };
        let sleep = sleep_until(until);
        Some(Timer { sleep, phase })
    }

    const fn of(&self, phase: Phase) -> Option<&Timeout> {
        match phase {
            Phase::BodyIdle => self.idle.as_ref(),
            _ => self.total.as_ref(),
        }
    }
}

impl Future for Timer {
    type Output = Phase;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Phase> {
        let this = self.project();
        this.sleep.poll(cx).map(|()| *this.phase)
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
