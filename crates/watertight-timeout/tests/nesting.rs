//! Timeouts and deadlines around each other, and around services that mind who was readied.
#![cfg(feature = "http")]

use std::{convert::Infallible, future::pending, time::Duration};

use axum::{body::Body, extract::Request};
use http::Response;
use tokio::time::{Instant, advance, sleep};
use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, limit::ConcurrencyLimit, service_fn};
use tower_test::mock;
use watertight_core::{Deadline, Reason};
use watertight_timeout::{ClientDeadlineLayer, DeadlineLayer, Local, Phase, Timeout, TimeoutLayer};

const SECOND: Duration = Duration::from_secs(1);

fn hangs() -> impl Service<(), Response = (), Error = Infallible, Future: Send> + Clone {
    service_fn(|(): ()| pending::<Result<(), Infallible>>())
}

fn now() -> impl Service<(), Response = Option<Deadline>, Error = Infallible> + Clone {
    service_fn(async |(): ()| Ok(Deadline::current()))
}

#[tokio::test(start_paused = true)]
async fn an_inner_deadline_can_only_be_earlier() {
    let start = Instant::now();
    for (outer, inner, left) in [(1, 9, 1), (9, 1, 1), (1, u64::MAX, 1)] {
        let (outer, inner) = (Duration::from_secs(outer), Duration::from_secs(inner));
        let service = DeadlineLayer::new(outer).layer(DeadlineLayer::new(inner).layer(now()));
        let seen = service.oneshot(()).await.unwrap().unwrap();
        assert_eq!(seen.instant() - start, SECOND * left);
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_does_not_look_at_the_current_deadline_cannot_extend_it() {
    let start = Instant::now();
    let blind = Local(|(): &()| None::<Deadline>);
    let inner = DeadlineLayer::new(SECOND * 9).wire(blind).layer(now());
    let service = DeadlineLayer::new(SECOND).layer(inner);
    let seen = service.oneshot(()).await.unwrap().unwrap();
    assert_eq!(seen.instant() - start, SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_deadline_in_the_extensions_is_kept() {
    let kept = service_fn(async |request: Request| {
        let carried = request.extensions().get::<Deadline>().copied();
        let response = Response::builder().extension(carried.unwrap());
        Ok::<_, Infallible>(response.body(Body::empty()).unwrap())
    });
    let deadline = Deadline::after(SECOND);
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(deadline);
    let service = DeadlineLayer::for_http(SECOND * 9).layer(kept);
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.extensions().get::<Deadline>(), Some(&deadline));
}

#[tokio::test(start_paused = true)]
async fn whichever_of_two_timeouts_is_up_first_is_the_one_that_is_named() {
    for (outer, inner, by) in [(1, 2, "outer"), (2, 1, "inner")] {
        let named = |name, seconds| {
            Timeout::builder(name)
                .duration(SECOND * seconds)
                .build()
                .unwrap()
        };
        let inner = TimeoutLayer::new(named("inner", inner)).layer(hangs());
        let service = TimeoutLayer::new(named("outer", outer)).layer(inner);
        let error = service.oneshot(()).await.unwrap_err().flatten();
        assert_eq!(error.rejected().unwrap().by, by);
    }
}

#[tokio::test(start_paused = true)]
async fn deadlines_of_zero_refuse_and_without_end_do_not_panic() {
    let refused = DeadlineLayer::new(Duration::ZERO)
        .layer(hangs())
        .oneshot(())
        .await
        .unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason, Reason::DeadlinePassed);
    let refused = ClientDeadlineLayer::new(Duration::ZERO)
        .layer(hangs())
        .oneshot(())
        .await
        .unwrap_err();
    assert_eq!(refused.rejected().unwrap().reason, Reason::DeadlinePassed);
    let mut server = task::spawn(DeadlineLayer::new(Duration::MAX).layer(hangs()).oneshot(()));
    let mut client = task::spawn(
        ClientDeadlineLayer::new(Duration::MAX)
            .layer(hangs())
            .oneshot(()),
    );
    assert_pending!(server.poll());
    assert_pending!(client.poll());
    advance(SECOND * 86_400 * 365).await;
    assert_pending!(server.poll());
    assert_pending!(client.poll());
}

#[tokio::test(start_paused = true)]
async fn a_client_gives_up_at_the_inherited_deadline() {
    let total = Timeout::builder("client")
        .duration(SECOND * 60)
        .build()
        .unwrap();
    let client = ClientDeadlineLayer::new(&total).layer(hangs());
    let handler = service_fn(move |(): ()| {
        let client = client.clone();
        async move {
            sleep(SECOND).await;
            Ok::<_, Infallible>(client.oneshot(()).await.unwrap_err())
        }
    });
    let start = Instant::now();
    let mut call = task::spawn(DeadlineLayer::new(SECOND * 3).layer(handler).oneshot(()));
    assert_pending!(call.poll());
    advance(SECOND).await;
    assert_pending!(call.poll());
    advance(SECOND * 2).await;
    let error = assert_ready_ok!(call.poll());
    assert_eq!(error.rejected().unwrap().reason, Reason::TimedOut);
    assert_eq!(
        (start.elapsed(), total.snapshot().elapsed(Phase::Total)),
        (SECOND * 3, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn the_instance_that_was_readied_within_the_limit_is_the_one_that_is_called() {
    let (inner, mut handle) = mock::pair::<&str, &str>();
    handle.allow(0);
    let mut service = TimeoutLayer::boxed(SECOND)
        .with_readiness(SECOND)
        .layer(inner);
    let mut call = task::spawn(service.call("ping"));
    assert_pending!(call.poll());
    handle.allow(1);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, answer) = handle.next_request().await.unwrap();
    assert_eq!(request, "ping");
    answer.send_response("pong");
    assert_eq!(assert_ready_ok!(call.poll()), "pong");
}

#[tokio::test(start_paused = true)]
async fn an_error_of_becoming_ready_is_the_result() {
    let (inner, mut handle) = mock::pair::<(), ()>();
    handle.send_error("gone");
    let mut service = TimeoutLayer::boxed(SECOND)
        .with_readiness(SECOND)
        .layer(inner);
    let error = assert_ready_err!(task::spawn(service.call(())).poll());
    assert_eq!(error.to_string(), "gone");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_readiness_in_vain_frees_nothing_it_does_not_have() {
    let inner = ConcurrencyLimit::new(hangs(), 1);
    let service = TimeoutLayer::new(SECOND * 5)
        .with_readiness(SECOND)
        .layer(inner);
    let mut first = task::spawn(service.clone().oneshot(()));
    assert_pending!(first.poll());
    let start = Instant::now();
    service.clone().oneshot(()).await.unwrap_err();
    assert_eq!(start.elapsed(), SECOND, "the wait for readiness");
    advance(SECOND * 4).await;
    assert_ready_err!(first.poll());
    let start = Instant::now();
    service.oneshot(()).await.unwrap_err();
    assert_eq!(
        start.elapsed(),
        SECOND * 5,
        "the response, for it was ready at once"
    );
}

#[tokio::test(start_paused = true)]
async fn readiness_limits_of_zero_and_without_end_do_not_panic() {
    let at_once = TimeoutLayer::new(SECOND)
        .with_readiness(Duration::ZERO)
        .layer(now());
    at_once.oneshot(()).await.unwrap();
    let (never_ready, mut handle) = mock::pair::<(), ()>();
    handle.allow(0);
    let waits = TimeoutLayer::boxed(SECOND)
        .with_readiness(Duration::MAX)
        .layer(never_ready);
    let mut call = task::spawn(waits.oneshot(()));
    assert_pending!(call.poll());
    advance(SECOND * 86_400 * 365).await;
    assert_pending!(call.poll());
}

#[tokio::test(start_paused = true)]
async fn a_duration_that_is_too_long_to_count_is_without_end() {
    let long = Timeout::builder("long")
        .duration(Duration::MAX)
        .build()
        .unwrap();
    assert_eq!(long.duration(), Duration::MAX);
    long.set(SECOND);
    assert_eq!(long.duration(), SECOND);
    long.set(Duration::from_secs(u64::MAX));
    assert_eq!(long.duration(), Duration::MAX);
    let unnamed = Timeout::from(SECOND);
    unnamed.set(SECOND * 2);
    assert_eq!((unnamed.duration(), unnamed.name()), (SECOND, "timeout"));
}
