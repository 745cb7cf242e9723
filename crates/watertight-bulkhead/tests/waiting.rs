//! How long a call waits in the queue, what it needs for that, and what stays when it leaves.
#![cfg(feature = "http")]

use std::{convert::Infallible, future::ready, time::Duration};

use http::{Request, Response};
use http_body_util::Full;
use tokio::time::{Instant, advance, sleep};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadLayer, Queue};
use watertight_core::{
    Deadline, Reason, Rejected, Verdict,
    http::{HttpDeadline, ServerErrors},
};

const SECOND: Duration = Duration::from_secs(1);

fn bulkhead(limit: usize) -> Bulkhead<Queue> {
    let email = Bulkhead::builder("email").max_concurrent(limit).queue(5);
    email.max_wait(SECOND * 10).build().unwrap()
}

fn shop()
-> impl Service<Request<()>, Response = Response<Full<bytes::Bytes>>, Error = Infallible> + Clone {
    service_fn(|_| ready(Ok(Response::new(Full::from("rose")))))
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_trimmed_by_the_deadline_in_the_extensions_of_a_request() {
    let email = bulkhead(1);
    let _held = email.try_acquire().unwrap();
    let layer = BulkheadLayer::for_http(email.deadline_of(HttpDeadline));
    let mut request = Request::new(());
    request.extensions_mut().insert(Deadline::after(SECOND));
    let start = Instant::now();
    let response = layer.layer(shop()).oneshot(request).await.unwrap();
    let why = response.extensions().get::<Rejected>().unwrap();
    assert_eq!(
        (why.reason, start.elapsed()),
        (Reason::DeadlinePassed, SECOND)
    );
    assert_eq!(response.status(), 504);
    let verdict =
        watertight_core::Classify::<_, Infallible>::classify(&ServerErrors::new(), Ok(&response));
    assert_eq!(verdict, Verdict::Ignore, "it was never sent");
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_deadline_has_passed_does_not_wait_at_all() {
    let email = bulkhead(1);
    let _held = email.try_acquire().unwrap();
    let passed = Deadline::after(Duration::ZERO);
    let mut call = task::spawn(passed.scope(email.acquire()));
    let why = assert_ready!(call.poll()).unwrap_err();
    assert_eq!(why.reason, Reason::DeadlinePassed);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_there_when_the_wait_is_over_is_a_permit() {
    let email = bulkhead(1);
    let held = email.try_acquire().unwrap();
    let mut call = task::spawn(email.acquire());
    assert_pending!(call.poll());
    advance(SECOND * 10).await;
    drop(held);
    drop(assert_ready_ok!(call.poll()));
}

#[test]
fn a_queue_without_a_limit_on_the_wait_needs_no_timer() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(5)
        .build()
        .unwrap();
    let held = email.try_acquire().unwrap();
    let mut call = task::spawn(email.acquire());
    assert_pending!(call.poll());
    drop(held);
    drop(assert_ready_ok!(call.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_waiters_that_leave_leave_nothing_behind() {
    let email = bulkhead(1);
    let held = email.try_acquire().unwrap();
    for _ in 0..100_000 {
        let mut call = task::spawn(email.acquire());
        assert_pending!(call.poll());
    }
    let seen = email.snapshot();
    assert_eq!(
        (seen.queued, seen.cancelled, seen.in_flight),
        (0, 100_000, 1)
    );
    drop(held);
    assert!(email.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_next_in_line_is_served_when_a_body_has_ended() {
    let email = bulkhead(1);
    let layer = BulkheadLayer::for_http(email.clone()).until_body_end();
    let service = layer.layer(shop());
    let first = service.clone().oneshot(Request::new(())).await.unwrap();
    let mut second = task::spawn(service.oneshot(Request::new(())));
    assert_pending!(second.poll());
    drop(first);
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn an_exempt_call_overtakes_the_queue_and_takes_no_place_in_it() {
    let email = bulkhead(1);
    let _held = email.try_acquire().unwrap();
    let health = |request: &Request<()>| request.uri().path() == "/healthz";
    let service = BulkheadLayer::for_http(email.exempt(health)).layer(shop());
    let mut waits = task::spawn(service.clone().oneshot(Request::new(())));
    assert_pending!(waits.poll());
    let request = Request::get("/healthz").body(()).unwrap();
    assert_ready_ok!(task::spawn(service.oneshot(request)).poll());
    assert_eq!(email.snapshot().queued, 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_wait_is_told_that_it_is_full() {
    let email = bulkhead(1);
    let _held = email.try_acquire().unwrap();
    assert_eq!(email.try_acquire().unwrap_err().reason, Reason::Full);
    assert_eq!(email.snapshot().full, 1);
}

#[tokio::test(start_paused = true)]
async fn every_refusal_of_a_queue_is_counted_by_its_reason() {
    let email = bulkhead(1);
    let _held = email.try_acquire().unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for seconds in [1, 2, 60, 60, 60] {
        let (email, deadline) = (email.clone(), Deadline::after(SECOND * seconds));
        calls.spawn(deadline.scope(async move { email.acquire().await.map(drop) }));
    }
    tokio::task::yield_now().await;
    email.acquire().await.unwrap_err();
    while let Some(refused) = calls.join_next().await {
        refused.unwrap().unwrap_err();
    }
    let seen = email.snapshot();
    assert_eq!(
        (seen.queue_full, seen.deadline_passed, seen.waited_too_long),
        (1, 2, 3)
    );
    assert_eq!(
        (seen.rejected(), seen.submitted, seen.cancelled, seen.queued),
        (6, 7, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_with_back_pressure_serves_its_waiters_in_order() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .back_pressure()
        .build()
        .unwrap();
    let inner = service_fn(async |n: u32| {
        sleep(SECOND).await;
        Ok::<_, Infallible>(n)
    });
    let service = BulkheadLayer::new(email.clone()).layer(inner);
    let calls = (0..5).map(|n| service.clone().oneshot(n));
    let start = Instant::now();
    let ends = calls.map(|call| async move { (call.await.unwrap(), start.elapsed()) });
    let ends = futures::future::join_all(ends).await;
    let expected: Vec<_> = (0..5).map(|n| (n, SECOND * (n + 1))).collect();
    assert_eq!(ends, expected);
    assert_eq!(email.snapshot().completed, 5);
}

#[tokio::test(start_paused = true)]
async fn a_clone_of_a_ready_service_with_back_pressure_holds_no_permit() {
    let email = Bulkhead::builder("email")
        .max_concurrent(2)
        .back_pressure()
        .build()
        .unwrap();
    let mut service = BulkheadLayer::new(email.clone()).layer(shop());
    service.ready().await.unwrap();
    service.ready().await.unwrap();
    let clone = service.clone();
    assert_eq!(email.snapshot().in_flight, 1);
    drop(service);
    assert_eq!(email.snapshot().in_flight, 0);
    clone.oneshot(Request::new(())).await.unwrap();
}
