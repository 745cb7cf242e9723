//! What the client stack repeats, when, how often, and what it leaves alone.

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
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use support::{MILLISECOND, Remote, Request, SECOND, attempts, get, refusal};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use watertight::{
    Bulkhead, BulkheadLayer, Error, Reason,
    http::{ClientBuilder, ClientStack, client},
};
use watertight_testing::{Ended, Fault, Ledger, LedgerLayer, Rule};

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
        let (clones, size) = (Arc::clone(&self.clones), self.size.clone());
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
        self.size.clone()
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
    let failing = service_fn(async |_: http::Request<Counted>| {
        Err::<Response<()>, _>(io::Error::other("down"))
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

/// A service that answers 503 and asks its callers to stay away for so many seconds.
fn asks_for(
    seconds: u64,
) -> (
    ClientBuilder,
    Ledger,
    impl Service<Request, Response = Response<()>, Error = io::Error, Future: Send> + Clone,
) {
    let ledger = Ledger::new();
    let busy = service_fn(move |_: Request| {
        let answer = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
        let answer = answer.header(header::RETRY_AFTER, seconds).body(());
        ready(Ok::<_, io::Error>(answer.unwrap()))
    });
    let stack = client("a").retries(|retries| {
        attempts(2)(retries);
        retries.max_delay = SECOND * 2;
    });
    (stack, ledger.clone(), LedgerLayer::new(ledger).layer(busy))
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let (stack, ledger, busy) = asks_for(2);
    let start = Instant::now();
    let answer = stack
        .build()
        .unwrap()
        .layer(busy)
        .oneshot(get())
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), start.elapsed()),
        (503, SECOND * 2)
    );
    ledger.assert_calls(2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_to_be_left_alone_for_longer_is_left_alone() {
    for seconds in [3, 60, u64::MAX] {
        let (stack, ledger, busy) = asks_for(seconds);
        let start = Instant::now();
        let answer = stack
            .build()
            .unwrap()
            .layer(busy)
            .oneshot(get())
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), start.elapsed()),
            (503, Duration::ZERO)
        );
        ledger.assert_calls(1);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_the_longest_less_a_repeatable_jitter() {
    let waits = async |seed| {
        let remote = Remote::new();
        remote.plan.set([Fault::error()]).unwrap();
        let stack = client("a").retries(|retries| {
            retries.attempts = 7;
            retries.delay = MILLISECOND * 100;
            retries.max_delay = SECOND;
            retries.seed = Some(seed);
        });
        let service = stack.build().unwrap().layer(remote.client());
        service.oneshot(get()).await.unwrap();
        let starts = remote.starts();
        starts
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect::<Vec<_>>()
    };
    let drawn = waits(7).await;
    for (wait, longest) in drawn.iter().zip([100, 200, 400, 800, 1_000, 1_000]) {
        let longest = MILLISECOND * longest;
        // tokio's timers are due at whole milliseconds.
        assert!(
            *wait >= longest / 2 && *wait <= longest + MILLISECOND,
            "{drawn:?}"
        );
    }
    assert_eq!(drawn.len(), 6);
    assert_eq!(drawn, waits(7).await);
    assert_ne!(drawn, waits(8).await);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_made_that_the_deadline_would_cut_off_at_once() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let stack = client("a").total(SECOND * 3 + MILLISECOND * 50);
    let service = stack
        .retries(attempts(3))
        .build()
        .unwrap()
        .layer(remote.client());
    let start = Instant::now();
    let why = refusal(service.oneshot(get()).await);
    assert_eq!((why.by, start.elapsed()), ("a.attempt", SECOND * 3));
    remote.ledger.assert_calls(1);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_what_is_left_then() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let stack = client("a").retries(attempts(3)).build().unwrap();
    let why = refusal(stack.layer(remote.client()).oneshot(get()).await);
    assert_eq!(why.reason, Reason::TimedOut);
    let sent = remote
        .ledger
        .labels()
        .into_iter()
        .map(|left| left.parse().unwrap());
    let sent: Vec<_> = sent.map(Duration::from_millis).collect();
    let left = remote.starts().into_iter().map(|start| SECOND * 10 - start);
    assert_eq!(sent, left.collect::<Vec<_>>());
    assert!(sent.len() == 3 && sent[2] < SECOND * 4, "{sent:?}");
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

/// The stack of a service that fails, whose circuit never opens, with so much of a budget.
fn budgeted(remote: &Remote, min_per_second: u32, share: f32) -> (ClientStack, impl AsyncFn()) {
    let stack = client("a")
        .retries(|retries| {
            attempts(2)(retries);
            retries.min_per_second = min_per_second;
            retries.share = share;
        })
        .circuit_breaker(|breaker| breaker.no_failure_rate().consecutive_failures(u32::MAX))
        .build()
        .unwrap();
    let service = stack.layer(remote.client());
    (stack, async move || {
        drop(service.clone().oneshot(get()).await)
    })
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_the_budget_bounds_the_retries() {
    let remote = Remote::new();
    let (_, call) = budgeted(&remote, 1, 0.0);
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..50 {
        call().await;
    }
    // One per second, over ten seconds.
    remote.ledger.assert_calls(50 + 10);
    advance(SECOND * 20).await;
    call().await;
    remote.ledger.assert_calls(62);
}

#[tokio::test(start_paused = true)]
async fn calls_that_succeed_pay_for_retries() {
    let remote = Remote::new();
    let (_, call) = budgeted(&remote, 0, 0.2);
    for _ in 0..10 {
        call().await;
    }
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..10 {
        call().await;
    }
    remote.ledger.assert_calls(10 + 10 + 2);
}

#[tokio::test(start_paused = true)]
async fn refused_calls_do_not_pay_for_retries() {
    let remote = Remote::new();
    let (stack, call) = budgeted(&remote, 0, 1.0);
    stack.circuit_breaker().force_open("maintenance");
    for _ in 0..50 {
        call().await;
    }
    stack.circuit_breaker().reset();
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..10 {
        call().await;
    }
    remote.ledger.assert_calls(10);
}

#[tokio::test(start_paused = true)]
async fn one_permit_is_held_for_all_attempts_and_the_pauses_between_them() {
    let remote = Remote::new();
    remote.plan.set([Rule::new(Fault::error()).nth(1)]).unwrap();
    let stack = client("a")
        .max_concurrent(1)
        .retries(attempts(2))
        .build()
        .unwrap();
    let call = tokio::spawn(stack.layer(remote.client()).oneshot(get()));
    while remote.ledger.ended(Ended::Ok) == 0 {
        tokio::task::yield_now().await;
    }
    remote.ledger.assert_idle();
    assert_eq!(stack.bulkhead().snapshot().in_flight, 1);
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    let seen = stack.bulkhead().snapshot();
    assert_eq!((seen.in_flight, seen.completed), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_between_two_attempts_leaves_nothing_behind() {
    let remote = Remote::new();
    remote.plan.set([Fault::error()]).unwrap();
    let stack = client("a").retries(attempts(3)).build().unwrap();
    let call = tokio::spawn(stack.layer(remote.client()).oneshot(get()));
    while remote.ledger.ended(Ended::Ok) == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(stack.bulkhead().snapshot().in_flight, 0);
    advance(SECOND).await;
    remote.ledger.assert_calls(1);
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
