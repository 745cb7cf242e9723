//! A fault plan on an axum router: statuses and bodies.
#![cfg(feature = "http")]

use std::time::Duration;

use axum::{Router, body::Body, extract::Request, response::IntoResponse, routing::get};
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;
use watertight_testing::{Fault, FaultLayer, FaultPlan, InjectedBodyError, Rule};

fn app(plan: &FaultPlan<Request>) -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/other", get(async || "other"))
        .layer(FaultLayer::http(
            plan.clone(),
            StatusCode::SERVICE_UNAVAILABLE,
        ))
}

fn ask(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_router_answers_with_the_status() {
    let plan = FaultPlan::seeded(1);
    plan.set([Rule::new(Fault::error()).when(|ask: &Request| ask.uri().path() == "/")])
        .unwrap();
    let broken = app(&plan).oneshot(ask("/")).await.unwrap();
    assert_eq!(broken.status(), 503);
    let well = app(&plan).oneshot(ask("/other")).await.unwrap();
    assert_eq!(well.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_closure_makes_the_response() {
    let plan = FaultPlan::<Request>::seeded(1);
    plan.set([Fault::error()]).unwrap();
    let teapot = || StatusCode::IM_A_TEAPOT.into_response();
    let app = Router::new()
        .route("/", get(async || "hello"))
        .layer(FaultLayer::responding(plan, teapot));
    assert_eq!(app.oneshot(ask("/")).await.unwrap().status(), 418);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_comes_late_and_whole() {
    let plan = FaultPlan::seeded(1);
    plan.set([Fault::slow_body(Duration::from_secs(5))])
        .unwrap();
    let start = Instant::now();
    let response = app(&plan).oneshot(ask("/")).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello");
    assert!(start.elapsed() >= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_failing_body_breaks_off_after_its_frames() {
    let plan = FaultPlan::seeded(1);
    plan.set([Fault::failing_body(0)]).unwrap();
    let response = app(&plan).oneshot(ask("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    let error = response.into_body().collect().await.unwrap_err();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        if error.is::<InjectedBodyError>() {
            return;
        }
        cause = error.source();
    }
    panic!("expected the injected error, got {error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hang_on_a_router_is_over_when_the_caller_leaves() {
    let plan = FaultPlan::seeded(1);
    plan.set([Fault::hang()]).unwrap();
    let call = app(&plan).oneshot(ask("/"));
    timeout(Duration::from_secs(60), call).await.unwrap_err();
    assert_eq!(plan.injected(), 1);
}
