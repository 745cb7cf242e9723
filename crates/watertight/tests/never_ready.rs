//! A service that is never ready, behind a circuit breaker and a timeout that covers readiness.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
    time::Duration,
};

use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use watertight::{
    CauseKind, CircuitBreaker, CircuitBreakerLayer, Classify, Error, Errors, Fallback,
    FallbackLayer, Handled, Only, Reason, State, TimeoutLayer, Verdict,
};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone)]
struct NeverReady;

impl Service<()> for NeverReady {
    type Response = ();
    type Error = Infallible;
    type Future = Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        ready(Ok(()))
    }
}

fn stock() -> CircuitBreaker {
    let stock = CircuitBreaker::builder("stock").consecutive_failures(3);
    stock.build().unwrap()
}

fn in_time() -> impl Layer<
    NeverReady,
    Service: Service<(), Response = (), Error = Error<Infallible>, Future: Send> + Clone,
> + Clone {
    TimeoutLayer::new(SECOND).with_readiness(SECOND)
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_never_ready_opens_the_circuit() {
    let stock = stock();
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(stock.clone()))
        .layer(in_time())
        .service(NeverReady);
    for _ in 0..3 {
        let error = service.clone().oneshot(()).await.unwrap_err().flatten();
        assert_eq!(error.rejected().unwrap().reason, Reason::NotReady);
    }
    assert_eq!(
        (stock.state(), stock.snapshot().counts.failures),
        (State::Open, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn whose_own_limit_keeps_a_service_from_being_ready_can_say_so() {
    let ours = |result: Result<&(), &Error<Infallible>>| match result {
        Err(Error::Rejected(why)) if why.reason == Reason::NotReady => Verdict::Ignore,
        other => Errors::new().classify(other),
    };
    let stock = stock();
    let service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(stock.clone()).classify(ours))
        .layer(in_time())
        .service(NeverReady);
    for _ in 0..10 {
        service.clone().oneshot(()).await.unwrap_err();
    }
    assert_eq!(
        (stock.state(), stock.snapshot().counts.ignored),
        (State::Closed, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn a_fallback_knows_that_nothing_was_sent() {
    let fallback = Fallback::builder("stock").build().unwrap();
    let refused = |_| ();
    let service = ServiceBuilder::new()
        .layer(
            FallbackLayer::new(fallback.clone())
                .when(Only::refusals(), watertight::RespondWith::new(refused)),
        )
        .layer(in_time())
        .service(NeverReady);
    service.oneshot(()).await.unwrap();
    let counted = fallback.snapshot();
    assert_eq!(counted.count(CauseKind::Refused, Handled::Answered), 1);
}
