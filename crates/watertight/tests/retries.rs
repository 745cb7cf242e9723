//! What the client stack sends again, and what it leaves alone.

mod support;

use std::{
    convert::Infallible,
    future::ready,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use support::{Remote, attempts, get, refusal};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, limit::ConcurrencyLimit, service_fn};
use watertight::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, Error, Reason,
    http::{Problem, ServerErrors, client},
};
use watertight_testing::{Fault, Ledger, LedgerLayer, Rule};

const MOST: usize = 8;

/// How many attempts a request gets from a service that always fails.
async fn tries(method: Method, headers: HeaderMap, body: usize) -> u64 {
    let remote = Remote::new();
    remote.plan.set([Fault::error()]).unwrap();
    let stack = client("a").retries(|retries| {
        attempts(3)(retries);
        retries.max_body = MOST as u64;
    });
    let mut request = get();
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    *request.body_mut() = Full::from(vec![b'x'; body]);
    let service = stack.build().unwrap().layer(remote.client());
    let answer = service.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    remote.ledger.calls()
}

fn keyed() -> HeaderMap {
    HeaderMap::from_iter([(
        "idempotency-key".parse().unwrap(),
        "order-7".parse().unwrap(),
    )])
}

#[tokio::test(start_paused = true)]
async fn only_a_request_that_may_be_sent_twice_is_sent_twice() {
    let none = HeaderMap::new;
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"] {
        let method = Method::try_from(method).unwrap();
        assert_eq!(tries(method.clone(), none(), MOST).await, 3, "{method}");
    }
    for method in ["POST", "PATCH", "CONNECT", "WATER"] {
        let method = Method::try_from(method).unwrap();
        assert_eq!(tries(method.clone(), none(), MOST).await, 1, "{method}");
        assert_eq!(tries(method.clone(), keyed(), MOST).await, 3, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_to_be_kept_is_sent_once() {
    assert_eq!(tries(Method::PUT, HeaderMap::new(), MOST).await, 3);
    assert_eq!(tries(Method::PUT, HeaderMap::new(), MOST + 1).await, 1);
    assert_eq!(tries(Method::POST, keyed(), MOST + 1).await, 1);
}

/// A body that counts its clones, and perhaps does not know how long it is.
#[derive(Debug)]
struct Counted {
    clones: Arc<AtomicUsize>,
    size: SizeHint,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::SeqCst);
        let (clones, size) = (Arc::clone(&self.clones), self.size);
        Self { clones, size }
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

/// The attempts that a request to a failing service gets, and the clones of its body.
async fn copies(most: u32, size: SizeHint) -> (u64, usize) {
    let clones = Arc::new(AtomicUsize::new(0));
    let body = Counted {
        clones: Arc::clone(&clones),
        size,
    };
    let ledger = Ledger::new();
    let stack = client("a").retries(attempts(most)).build().unwrap();
    let failing = service_fn(|_: http::Request<Counted>| {
        ready(Err::<Response<()>, _>(io::Error::other("down")))
    });
    let service = stack.layer(LedgerLayer::new(ledger.clone()).layer(failing));
    service
        .oneshot(http::Request::put("/").body(body).unwrap())
        .await
        .unwrap_err();
    (ledger.calls(), clones.load(Ordering::SeqCst))
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_is_neither_kept_nor_sent_again() {
    assert_eq!(copies(3, SizeHint::with_exact(7)).await, (3, 3));
    assert_eq!(copies(3, SizeHint::default()).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn where_there_is_one_attempt_nothing_is_copied() {
    assert_eq!(copies(1, SizeHint::with_exact(7)).await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_an_open_circuit_is_not_repeated() {
    let remote = Remote::new();
    let stack = client("a").retries(attempts(3)).build().unwrap();
    stack.circuit_breaker().force_open("maintenance");
    let service = stack.layer(remote.client());
    let start = Instant::now();
    let why = refusal(service.oneshot(get()).await);
    assert_eq!(
        (why.reason, start.elapsed()),
        (Reason::ForcedOpen, Duration::ZERO)
    );
    assert_eq!(stack.circuit_breaker().snapshot().counts.refused, 1);
    remote.ledger.assert_calls(0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_from_further_in_is_not_repeated() {
    let closed = Bulkhead::builder("inner")
        .max_concurrent(0)
        .build()
        .unwrap();
    let remote = Remote::new();
    let stack = client("a").retries(attempts(3)).build().unwrap();
    let service = stack.layer(BulkheadLayer::new(closed.clone()).layer(remote.client()));
    let error = service.oneshot(get()).await.unwrap_err();
    let Error::Inner(Error::Rejected(why)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(why.reason, Reason::Full);
    assert_eq!(closed.snapshot().full, 1);
    assert_eq!(stack.circuit_breaker().snapshot().counts.ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn when_a_later_attempt_is_refused_the_caller_is_told_of_the_one_that_was_sent() {
    let remote = Remote::new();
    let stack = client("a")
        .retries(attempts(3))
        .circuit_breaker(|breaker| breaker.consecutive_failures(1))
        .build()
        .unwrap();
    let service = stack.layer(remote.client());
    remote.plan.set([Fault::lost_answer()]).unwrap();
    // The first failure opens the circuit, which refuses the second attempt; but something was sent.
    let answer = service.clone().oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(stack.circuit_breaker().snapshot().counts.refused, 1);
    let why = refusal(service.clone().oneshot(get()).await);
    assert_eq!(why.reason, Reason::Open);
    stack.circuit_breaker().reset();
    remote.plan.set([Fault::hang()]).unwrap();
    let why = refusal(service.oneshot(get()).await);
    assert!(why.reason.attempted(), "{why}");
    remote.ledger.assert_calls(2);
}

#[tokio::test(start_paused = true)]
async fn a_later_attempt_refused_further_in_hides_no_attempt_that_was_sent() {
    for typed in [true, false] {
        let remote = Remote::new();
        remote.plan.set([Fault::error()]).unwrap();
        let inner = CircuitBreaker::builder("inner").consecutive_failures(1);
        let inner = inner.build().unwrap();
        let stack = client("a").retries(attempts(3)).build().unwrap();
        let answer = if typed {
            let layer = CircuitBreakerLayer::new(inner).classify(ServerErrors::new());
            stack
                .layer(layer.layer(remote.client()))
                .oneshot(get())
                .await
                .unwrap()
        } else {
            let layer =
                CircuitBreakerLayer::for_http(inner.clone()).on_reject(Problem::new().same_body());
            stack
                .layer(layer.layer(remote.client()))
                .oneshot(get())
                .await
                .unwrap()
        };
        assert_eq!(
            answer.status(),
            StatusCode::INTERNAL_SERVER_ERROR,
            "typed: {typed}"
        );
        remote.ledger.assert_calls(1);
    }
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_made_by_a_client_that_was_ready() {
    let remote = Remote::new();
    let stack = client("a").retries(attempts(3)).build().unwrap();
    let limited = ConcurrencyLimit::new(remote.client(), 1);
    let service = stack.layer(limited);
    remote
        .plan
        .set([Rule::new(Fault::error()).calls(1..=2)])
        .unwrap();
    let (one, two) = tokio::join!(service.clone().oneshot(get()), service.oneshot(get()));
    assert_eq!(
        [one.unwrap().status(), two.unwrap().status()],
        [StatusCode::OK; 2]
    );
    remote.ledger.assert_max_in_flight(1);
    remote.ledger.assert_calls(4);
}
