use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;
use watertight_core::{Deadline, OnReject};

use crate::{TimeoutFuture, TimeoutService, event::Phase, layer::PerRequest};

/// A service whose wait for readiness has a limit too.
///
/// # Readiness
///
/// Always ready: the future waits for the inner service, with an instance of its own.
#[derive(Clone)]
pub struct ReadinessService<S, R, P> {
    service: TimeoutService<S, R, P>,
    limit: Duration,
}

pin_project! {
    /// The response future of [`ReadinessService`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ReadinessFuture<S: Service<Req>, R, P, Req> {
        #[pin]
        state: State<S, R, P, Req, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, R, P, Req, F> {
        Readies {
            service: TimeoutService<S, R, P>,
            request: Option<Req>,
            until: Instant,
            #[pin]
            timer: Option<Sleep>,
        },
        Calls { #[pin] future: TimeoutFuture<F, R> },
    }
}

impl<S, R, P> ReadinessService<S, R, P> {
    pub(crate) const fn new(service: TimeoutService<S, R, P>, limit: Duration) -> Self {
        Self { service, limit }
    }
}

impl<S, R, P, Req> Service<Req> for ReadinessService<S, R, P>
where
    S: Service<Req> + Clone,
    R: OnReject<S::Response, S::Error> + Clone,
    P: PerRequest<Req> + Clone,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ReadinessFuture<S, R, P, Req>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let until = Deadline::from_start(Instant::now(), self.limit).instant();
        ReadinessFuture {
            state: State::Readies {
                // An instance that nobody has polled: this call readies it and calls it.
                service: self.service.clone(),
                request: Some(request),
                until,
                timer: None,
            },
        }
    }
}

impl<S, R, P, Req> Future for ReadinessFuture<S, R, P, Req>
where
    S: Service<Req>,
    R: OnReject<S::Response, S::Error> + Clone,
    P: PerRequest<Req>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateProj::Calls { future } => return future.poll(cx),
                StateProj::Readies {
                    service,
                    request,
                    until,
                    mut timer,
                } => {
                    if let Poll::Ready(ready) = service.poll_ready(cx) {
                        ready?;
                        service.call(request.take().expect("polled after a panic"))
                    } else {
                        if timer.is_none() {
                            timer.set(Some(sleep_until(*until)));
                        }
                        if let Some(timer) = timer.as_pin_mut() {
                            ready!(timer.poll(cx));
                        }
                        let why = service.timeout().elapsed(Phase::Readiness);
                        return Poll::Ready(service.behavior().reject(why, ()));
                    }
                }
            };
            state.set(State::Calls { future });
        }
    }
}

impl<S: fmt::Debug, R, P> fmt::Debug for ReadinessService<S, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadinessService")
            .field("service", &self.service)
            .field("limit", &self.limit)
            .finish()
    }
}

impl<S: Service<Req>, R, P, Req> fmt::Debug for ReadinessFuture<S, R, P, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadinessFuture").finish_non_exhaustive()
    }
}
