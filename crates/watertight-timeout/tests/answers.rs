//! What callers get when time is up, and what an operator sees.
#![cfg(all(feature = "grpc", feature = "metrics"))]

use std::{convert::Infallible, future::pending, time::Duration};

use axum::body::{Body, Bytes};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio_test::task;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use watertight_core::{
    Classify, Deadline, Reason, Registry, Rejected, Value, Verdict, http::ServerErrors,
};
use watertight_testing::Recorded;
use watertight_timeout::{
    BodyTimeoutLayer, ClientDeadlineLayer, DeadlineLayer, Phase, Timeout, TimeoutLayer,
};

const SECOND: Duration = Duration::from_secs(1);

type Answer = Result<Response<Body>, Infallible>;

fn hangs()
-> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|_| pending::<Answer>())
}

fn request() -> Request<Body> {
    Request::new(Body::empty())
}

fn named(name: &str) -> Timeout {
    Timeout::builder(name).duration(SECOND).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_over_http_is_a_504_that_names_nobody() {
    let timeout = TimeoutLayer::for_http(named("payments")).layer(hangs());
    let deadline = DeadlineLayer::for_http(named("payments")).layer(hangs());
    for response in [
        timeout.oneshot(request()).await.unwrap(),
        deadline.oneshot(request()).await.unwrap(),
    ] {
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
        assert!(!response.headers().contains_key("retry-after"));
        let why = response.extensions().get::<Rejected>().unwrap();
        assert_eq!((why.by, why.reason), ("payments", Reason::TimedOut));
        let verdict = ServerErrors::new().classify(Ok::<_, &Infallible>(&response));
        assert_eq!(verdict, Verdict::Failure, "it was sent");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(!body.contains("payments"), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_time_had_passed_is_a_504_that_was_never_sent() {
    let mut late = request();
    late.extensions_mut()
        .insert(Deadline::after(Duration::ZERO));
    let never = service_fn(|_: Request<Body>| -> std::future::Ready<Answer> {
        unreachable!("nothing is left")
    });
    let response = DeadlineLayer::for_http(SECOND)
        .layer(never)
        .oneshot(late)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let verdict = ServerErrors::new().classify(Ok::<_, &Infallible>(&response));
    assert_eq!(verdict, Verdict::Ignore);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_over_grpc_is_deadline_exceeded() {
    let timeout = TimeoutLayer::for_grpc(SECOND).layer(hangs());
    let server = DeadlineLayer::for_grpc(SECOND).layer(hangs());
    let client = ClientDeadlineLayer::for_grpc(SECOND).layer(hangs());
    for response in [
        timeout.oneshot(request()).await.unwrap(),
        server.oneshot(request()).await.unwrap(),
        client.oneshot(request()).await.unwrap(),
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], "4");
    }
}

#[tokio::test(start_paused = true)]
async fn every_phase_is_counted_under_its_own_name() {
    let recorded = Recorded::new();
    let all = Timeout::builder("all")
        .duration(Duration::ZERO)
        .build()
        .unwrap();
    let pending_body = service_fn(async |_: Request<Body>| {
        let frames = futures::stream::pending::<Result<Bytes, Infallible>>();
        Ok::<_, Infallible>(Response::new(Body::from_stream(frames)))
    });
    let idle = BodyTimeoutLayer::new().idle(&all).layer(pending_body);
    let total = BodyTimeoutLayer::new().total(&all).layer(pending_body);
    let (mut idle, mut total) = (
        Box::pin(idle.oneshot(request()).await.unwrap().into_body()),
        Box::pin(total.oneshot(request()).await.unwrap().into_body()),
    );
    let readiness = TimeoutLayer::new(&all).with_readiness(Duration::ZERO);
    let (never_ready, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    handle.allow(0);
    recorded.during(|| {
        let mut late = task::spawn(TimeoutLayer::new(&all).layer(hangs()).oneshot(request()));
        assert!(late.poll().is_ready());
        let mut late = task::spawn(readiness.layer(never_ready).oneshot(request()));
        assert!(late.poll().is_ready());
        assert!(task::spawn(idle.frame()).poll().is_ready());
        assert!(task::spawn(total.frame()).poll().is_ready());
        let refused = DeadlineLayer::for_http(&all).layer(hangs());
        assert!(task::spawn(refused.oneshot(request())).poll().is_ready());
    });
    let seen = recorded.take();
    for phase in Phase::ALL {
        let times = u64::from(phase != Phase::Total);
        assert_eq!(all.snapshot().elapsed(phase), times, "{phase:?}");
        let counter = format!("timeout_elapsed_total{{name=all,phase={}}}", phase.as_str());
        assert_eq!(seen[&counter], times as f64, "{phase:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_shows_the_duration_and_every_phase() {
    let registry = Registry::new();
    let payments = Timeout::builder("payments")
        .duration(SECOND)
        .register(&registry);
    let payments = payments.build().unwrap();
    let service = TimeoutLayer::new(&payments).layer(hangs());
    service.oneshot(request()).await.unwrap_err();
    let seen = &registry.snapshots()[0];
    assert_eq!(seen.field("duration"), Some(&Value::Time(SECOND)));
    assert_eq!(seen.field("response"), Some(&Value::Count(1)));
    assert_eq!(payments.snapshot().elapsed_in_all(), 1);
}
