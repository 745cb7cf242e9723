//! The order of the client stack: what each layer owes to its place, and what breaks when it swaps places with another.
//!
//! Ours is `watertight::http::client`; the swapped stacks are put together from the plain layers.

mod support;

use std::{io, time::Duration};

use http::{Response, StatusCode};
use support::{Body, Remote, Request, SECOND, attempts, get, refusal};
use tokio::time::{Instant, Sleep, sleep};
use tower::{
    Layer, Service, ServiceBuilder, ServiceExt,
    retry::{Policy, RetryLayer},
};
use watertight::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerLayer,
    DeadlineLayer, Error, Fallback, FallbackLayer, Flat, Queue, Reason, State, TimeoutLayer,
    http::{ClientBuilder, ServerErrors, client},
};
use watertight_testing::{Ended, Fault, Rule};

const TOTAL: Duration = Duration::from_secs(4);

type Answer = Result<Response<Body>, Error<io::Error>>;

/// The simplest policy there is: so many attempts, a pause of a tenth of a second between them.
#[derive(Clone)]
struct Again(u32);

impl Policy<Request, Response<Body>, Error<io::Error>> for Again {
    type Future = Sleep;

    fn retry(&mut self, _: &mut Request, result: &mut Answer) -> Option<Sleep> {
        let failed = result
            .as_ref()
            .map_or(true, |answer| !answer.status().is_success());
        self.0 -= u32::from(failed);
        (failed && self.0 > 0).then(|| sleep(SECOND / 10))
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        Some(request.clone())
    }
}

/// A client that makes one attempt per call, of three seconds, with four in all.
fn ours() -> ClientBuilder {
    client("roses").total(TOTAL).retries(attempts(1))
}

fn one_at_a_time() -> Bulkhead<Queue> {
    let roses = Bulkhead::builder("roses").max_concurrent(1).queue(10);
    roses.build().unwrap()
}

fn three_in_a_row(breaker: CircuitBreakerBuilder) -> CircuitBreakerBuilder {
    breaker.no_failure_rate().consecutive_failures(3)
}

fn breaker() -> CircuitBreaker {
    let breaker = CircuitBreaker::builder("roses");
    three_in_a_row(breaker).build().unwrap()
}

fn ask_us<T>(_: T) -> Response<Body> {
    let answer = Response::builder().status(StatusCode::NON_AUTHORITATIVE_INFORMATION);
    answer.body(Body::from("ask us")).unwrap()
}

async fn timed<S>(service: S, request: Request) -> (Answer, Duration)
where
    S: Service<Request, Response = Response<Body>, Error = Error<io::Error>>,
{
    let start = Instant::now();
    (service.oneshot(request).await, start.elapsed())
}

/// How long the last of five calls takes that come at once.
async fn last_of_five<S>(service: S) -> Duration
where
    S: Service<Request, Response = Response<Body>, Error = Error<io::Error>> + Clone,
{
    let calls = [(); 5].map(|()| timed(service.clone(), get()));
    let ends = futures::future::join_all(calls).await;
    ends.into_iter().map(|(_, took)| took).max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn with_the_fallback_inside_the_total_nobody_answers_when_time_is_up() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let fallback = || FallbackLayer::new(Fallback::default()).respond_with(ask_us);
    let ours = ours()
        .attempt(TOTAL)
        .build()
        .unwrap()
        .with_fallback(fallback());
    let (answer, took) = timed(ours.layer(remote.client()), get()).await;
    assert_eq!((answer.unwrap().status().as_u16(), took), (203, TOTAL));

    let swapped = ServiceBuilder::new()
        .layer(DeadlineLayer::new(TOTAL))
        .layer(fallback())
        .service(remote.client());
    let (answer, took) = timed(swapped, get()).await;
    assert_eq!((refusal(answer).reason, took), (Reason::TimedOut, TOTAL));
}

#[tokio::test(start_paused = true)]
async fn with_the_fallback_inside_the_bulkhead_nobody_answers_for_a_full_one() {
    let remote = Remote::new();
    let fallback = || FallbackLayer::new(Fallback::default()).respond_with(ask_us);
    let ours = ours()
        .max_concurrent(0)
        .build()
        .unwrap()
        .with_fallback(fallback());
    let (answer, _) = timed(ours.layer(remote.client()), get()).await;
    assert_eq!(answer.unwrap().status(), 203);

    let full = Bulkhead::builder("roses")
        .max_concurrent(0)
        .build()
        .unwrap();
    let swapped = ServiceBuilder::new()
        .layer(BulkheadLayer::new(full))
        .layer(fallback())
        .service(remote.client());
    let (answer, _) = timed(swapped, get()).await;
    assert_eq!(refusal(answer).reason, Reason::Full);
}

#[tokio::test(start_paused = true)]
async fn with_the_total_inside_the_bulkhead_the_wait_is_not_bounded() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let ours = ours().max_concurrent(1).build().unwrap();
    assert_eq!(last_of_five(ours.layer(remote.client())).await, TOTAL);

    let swapped = ServiceBuilder::new()
        .layer(BulkheadLayer::new(one_at_a_time()).on_reject(Flat))
        .layer(DeadlineLayer::new(TOTAL))
        .service(remote.client());
    assert_eq!(last_of_five(swapped).await, TOTAL * 5);
}

#[tokio::test(start_paused = true)]
async fn with_the_bulkhead_inside_the_retries_a_call_loses_its_place_between_two_attempts() {
    let slow = || {
        let mut request = get();
        *request.uri_mut() = "http://shop.test/slow".parse().unwrap();
        request
    };
    // The first call fails at first. While it pauses, another one comes, which takes two seconds.
    let remote = || {
        let remote = Remote::new();
        let is_slow = |request: &Request| request.uri().path() == "/slow";
        let rules = [
            Rule::new(Fault::error()).nth(1),
            Rule::new(Fault::latency(SECOND * 2)).when(is_slow),
        ];
        remote.plan.set(rules).unwrap();
        remote
    };
    let here = remote();
    let ours = ours()
        .retries(attempts(2))
        .max_concurrent(1)
        .build()
        .unwrap();
    let service = ours.layer(here.client());
    let ((answer, took), _) = tokio::join!(timed(service.clone(), get()), timed(service, slow()));
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert!(took <= SECOND / 10, "{took:?}");
    assert_eq!(ours.bulkhead().snapshot().submitted, 2);

    let (there, roses) = (remote(), one_at_a_time());
    let swapped = ServiceBuilder::new()
        .layer(RetryLayer::new(Again(2)))
        .layer(BulkheadLayer::new(roses.clone()))
        .service(there.client());
    let ((answer, took), _) = tokio::join!(timed(swapped.clone(), get()), timed(swapped, slow()));
    assert_eq!(answer.unwrap().status(), StatusCode::OK);
    assert!(took >= SECOND * 2, "{took:?}");
    assert_eq!(roses.snapshot().submitted, 3, "two calls");
}

#[tokio::test(start_paused = true)]
async fn with_the_retries_inside_the_circuit_breaker_it_opens_after_many_times_the_failures() {
    let remote = Remote::new();
    remote.plan.set([Fault::error()]).unwrap();
    let ours = ours().retries(attempts(3)).circuit_breaker(three_in_a_row);
    let ours = ours.build().unwrap();
    let service = ours.layer(remote.client());
    while ours.circuit_breaker().state() == State::Closed {
        let _ = service.clone().oneshot(get()).await;
    }
    remote.ledger.assert_calls(3);

    let (remote, breaker) = (Remote::new(), breaker());
    remote.plan.set([Fault::error()]).unwrap();
    let swapped = ServiceBuilder::new()
        .layer(
            CircuitBreakerLayer::new(breaker.clone())
                .classify(ServerErrors::new())
                .on_reject(Flat),
        )
        .layer(RetryLayer::new(Again(3)))
        .layer(TimeoutLayer::new(SECOND))
        .service(remote.client());
    while breaker.state() == State::Closed {
        let _ = swapped.clone().oneshot(get()).await;
    }
    remote.ledger.assert_calls(9);
}

#[tokio::test(start_paused = true)]
async fn with_the_circuit_breaker_inside_the_attempt_timeout_hangs_never_open_it() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let ours = ours().circuit_breaker(three_in_a_row).build().unwrap();
    for _ in 0..30 {
        refusal(timed(ours.layer(remote.client()), get()).await.0);
    }
    assert_ne!(ours.circuit_breaker().state(), State::Closed);
    remote.ledger.assert_calls(3);

    let (remote, breaker) = (Remote::new(), breaker());
    remote.plan.set([Fault::hang()]).unwrap();
    let swapped = ServiceBuilder::new()
        .layer(TimeoutLayer::new(SECOND).on_reject(Flat))
        .layer(CircuitBreakerLayer::new(breaker.clone()))
        .service(remote.client());
    for _ in 0..30 {
        refusal(timed(swapped.clone(), get()).await.0);
    }
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.snapshot().counts.cancelled, 30);
    remote.ledger.assert_calls(30);
}

#[tokio::test(start_paused = true)]
async fn with_the_retries_inside_the_attempt_timeout_a_hang_is_never_tried_again() {
    let hangs_once = || {
        let remote = Remote::new();
        remote.plan.set([Rule::new(Fault::hang()).nth(1)]).unwrap();
        remote
    };
    let remote = hangs_once();
    let ours = ours().retries(attempts(2)).build().unwrap();
    let (answer, _) = timed(ours.layer(remote.client()), get()).await;
    assert_eq!(answer.unwrap().status(), StatusCode::OK);

    let remote = hangs_once();
    let swapped = ServiceBuilder::new()
        .layer(TimeoutLayer::new(SECOND * 3).on_reject(Flat))
        .layer(RetryLayer::new(Again(2)))
        .layer(CircuitBreakerLayer::new(breaker()))
        .service(remote.client());
    let (answer, _) = timed(swapped, get()).await;
    assert_eq!(refusal(answer).reason, Reason::TimedOut);
    assert_eq!(remote.ledger.ended(Ended::Cancelled), 1);
    remote.ledger.assert_calls(1);
}
