use std::{fmt, time::Duration};

use tower_layer::Layer;
use watertight_core::{BoxError, Fail, FailWith, Rejected, Respond};

use crate::{ReadinessService, Timeout, TimeoutService};

/// Limits the time from `call` to the head of the response.
///
/// Nothing else: not the time until the inner service is ready ([`with_readiness`](Self::with_readiness)), not the body
/// (`BodyTimeoutLayer`), not several attempts together (`DeadlineLayer`).
///
/// It counts from `call`, however late the future is first polled, and makes a timer only when the inner service is not
/// done at once. A response that is ready when time is up is a response.
///
/// ```
/// use std::{convert::Infallible, future::pending, time::Duration};
/// use tower::{Layer, ServiceExt, service_fn};
/// use watertight_core::Reason;
/// use watertight_timeout::TimeoutLayer;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let hangs = service_fn(|(): ()| pending::<Result<(), Infallible>>());
/// let service = TimeoutLayer::new(Duration::from_millis(5)).layer(hangs);
/// let error = service.oneshot(()).await.unwrap_err();
/// assert_eq!(error.rejected().unwrap().reason, Reason::TimedOut);
/// # });
/// ```
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone)]
pub struct TimeoutLayer<R = Fail, P = Same, W = Outside> {
    timeout: Timeout,
    on_reject: R,
    per_request: P,
    readiness: W,
}

/// Every request has the timeout's own duration. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Same;

/// Says how long a request may take; `None` is without limit. Closures implement it; name their argument type.
pub trait PerRequest<Req> {
    /// The duration for this request, given the timeout's own.
    fn duration(&self, request: &Req, usual: Duration) -> Option<Duration>;
}

/// The wait for readiness is outside of the timeout. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outside;

/// The wait for readiness has a limit of its own. Asks for a `Clone` inner service.
#[derive(Clone, Copy, Debug)]
pub struct Within(pub(crate) Duration);

impl TimeoutLayer {
    /// For any protocol: too late is [`Error::Rejected`](watertight_core::Error).
    pub fn new(timeout: impl Into<Timeout>) -> Self {
        Self::of(timeout.into(), Fail)
    }
}

impl TimeoutLayer<FailWith<fn(Rejected) -> BoxError>> {
    /// For services whose error is [`BoxError`]: it stays `BoxError`.
    pub fn boxed(timeout: impl Into<Timeout>) -> Self {
        Self::of(timeout.into(), FailWith::new(BoxError::from))
    }
}

#[cfg(feature = "http")]
impl TimeoutLayer<watertight_core::http::Problem> {
    /// For axum routers and other HTTP services: too late is a 504 problem, and the error type stays what it was.
    pub fn for_http(timeout: impl Into<Timeout>) -> Self {
        Self::of(timeout.into(), watertight_core::http::Problem::new())
    }
}

#[cfg(feature = "grpc")]
impl TimeoutLayer<watertight_core::http::GrpcStatus> {
    /// For gRPC on both sides: too late is a trailers-only `DEADLINE_EXCEEDED`.
    pub fn for_grpc(timeout: impl Into<Timeout>) -> Self {
        Self::of(timeout.into(), watertight_core::http::GrpcStatus)
    }
}

impl<R> TimeoutLayer<R> {
    const fn of(timeout: Timeout, on_reject: R) -> Self {
        Self {
            timeout,
            on_reject,
            per_request: Same,
            readiness: Outside,
        }
    }
}

impl<R, P, W> TimeoutLayer<R, P, W> {
    /// Answers in another way when time is up.
    pub fn on_reject<R2>(self, on_reject: R2) -> TimeoutLayer<R2, P, W> {
        TimeoutLayer {
            timeout: self.timeout,
            on_reject,
            per_request: self.per_request,
            readiness: self.readiness,
        }
    }

    /// Answers with what the closure makes of it when time is up; the error type stays what it was.
    pub fn respond_with<F, Res>(self, respond: F) -> TimeoutLayer<Respond<F>, P, W>
    where
        F: Fn(Rejected) -> Res,
    {
        self.on_reject(Respond::new(respond))
    }

    /// Fails with what the closure makes of it when time is up.
    pub fn fail_with<F, E2>(self, fail: F) -> TimeoutLayer<FailWith<F>, P, W>
    where
        F: Fn(Rejected) -> E2,
    {
        self.on_reject(FailWith::new(fail))
    }

    /// Lets a closure say how long each request may take, given the timeout's own duration; `None` is without limit.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use watertight_timeout::TimeoutLayer;
    /// let layer = TimeoutLayer::new(Duration::from_secs(1)).per_request(
    ///     |request: &http::Request<()>, usual: Duration| match request.uri().path() {
    ///         "/export" => Some(usual * 10),
    ///         "/events" => None,
    ///         _ => Some(usual),
    ///     },
    /// );
    /// # let _ = layer;
    /// ```
    pub fn per_request<P2>(self, per_request: P2) -> TimeoutLayer<R, P2, W> {
        TimeoutLayer {
            timeout: self.timeout,
            on_reject: self.on_reject,
            per_request,
            readiness: self.readiness,
        }
    }

    /// Also limits the wait until the inner service is ready, by a duration of its own.
    ///
    /// The wait moves into the future, because `poll_ready` has no way to give up; so the inner service must be `Clone`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use watertight_timeout::TimeoutLayer;
    /// // A second for a free connection, and then two for the answer.
    /// let layer = TimeoutLayer::new(Duration::from_secs(2)).with_readiness(Duration::from_secs(1));
    /// # let _ = layer;
    /// ```
    pub fn with_readiness(self, limit: Duration) -> TimeoutLayer<R, P, Within> {
        TimeoutLayer {
            timeout: self.timeout,
            on_reject: self.on_reject,
            per_request: self.per_request,
            readiness: Within(limit),
        }
    }

    /// The handle.
    pub const fn handle(&self) -> &Timeout {
        &self.timeout
    }
}

impl<Req> PerRequest<Req> for Same {
    fn duration(&self, _: &Req, usual: Duration) -> Option<Duration> {
        Some(usual)
    }
}

impl<Req, F> PerRequest<Req> for F
where
    F: Fn(&Req, Duration) -> Option<Duration>,
{
    fn duration(&self, request: &Req, usual: Duration) -> Option<Duration> {
        self(request, usual)
    }
}

impl<S, R: Clone, P: Clone> Layer<S> for TimeoutLayer<R, P, Outside> {
    type Service = TimeoutService<S, R, P>;

    fn layer(&self, inner: S) -> Self::Service {
        let (on_reject, per_request) = (self.on_reject.clone(), self.per_request.clone());
        TimeoutService::new(inner, self.timeout.clone(), on_reject, per_request)
    }
}

impl<S, R: Clone, P: Clone> Layer<S> for TimeoutLayer<R, P, Within> {
    type Service = ReadinessService<S, R, P>;

    fn layer(&self, inner: S) -> Self::Service {
        let (on_reject, per_request) = (self.on_reject.clone(), self.per_request.clone());
        let service = TimeoutService::new(inner, self.timeout.clone(), on_reject, per_request);
        ReadinessService::new(service, self.readiness.0)
    }
}

impl<R, P, W> fmt::Debug for TimeoutLayer<R, P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutLayer")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
