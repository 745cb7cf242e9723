//! The pair that is asked for most: a timeout whose other answer is a fallback.

use std::time::Duration;

use axum::{
    Router, body::Body, http::Request, http::StatusCode, response::IntoResponse, routing::get,
};
use http_body_util::BodyExt;
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
use watertight::{
    CauseKind, Fallback, FallbackLayer, Handled, Only, timeout_fallback, timeout_fallback_for_http,
};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_gets_the_other_answer_when_its_time_is_over() {
    let fallback = Fallback::builder("stock").build().unwrap();
    let layer = timeout_fallback(SECOND, FallbackLayer::new(fallback.clone()).value("ask us"));
    let stock = ServiceBuilder::new()
        .layer(layer)
        .service(service_fn(async |wait: Duration| {
            tokio::time::sleep(wait).await;
            Ok::<_, std::io::Error>("3 roses")
        }));
    let start = tokio::time::Instant::now();
    let slow = stock.clone().oneshot(2 * SECOND).await.unwrap();
    assert_eq!((slow, start.elapsed()), ("ask us", SECOND));
    let quick = stock.oneshot(SECOND / 2).await.unwrap();
    assert_eq!(quick, "3 roses");
    let counted = fallback.snapshot();
    assert_eq!(counted.count(CauseKind::TimedOut, Handled::Answered), 1);
    assert_eq!(counted.handled(Handled::Answered), 1);
}

#[tokio::test(start_paused = true)]
async fn only_timeouts_can_be_picked() {
    let fallback = FallbackLayer::new(Fallback::default())
        .when(Only::timeouts(), watertight::FallbackValue::new("ask us"));
    let stock = ServiceBuilder::new()
        .layer(timeout_fallback(SECOND, fallback))
        .service(service_fn(async |fails: bool| match fails {
            true => Err::<&str, _>(std::io::Error::other("no such flower")),
            false => std::future::pending().await,
        }));
    assert_eq!(stock.clone().oneshot(false).await.unwrap(), "ask us");
    let error: BoxError = stock.oneshot(true).await.unwrap_err().into();
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("no such flower")
    );
}

#[tokio::test(start_paused = true)]
async fn on_a_router_the_other_answer_is_a_response_and_what_it_does_not_pick_a_504() {
    let pending = get(async || std::future::pending::<&str>().await);
    let answered =
        FallbackLayer::for_http(Fallback::default()).respond_with(|_| "ask us".into_response());
    let passed = FallbackLayer::for_http(Fallback::default()).when(
        Only::errors(),
        watertight::RespondWith::new(|_| "never".into_response()),
    );
    let app: Router = Router::new()
        .route(
            "/answered",
            pending
                .clone()
                .layer(timeout_fallback_for_http(SECOND, answered)),
        )
        .route(
            "/passed",
            pending.layer(timeout_fallback_for_http(SECOND, passed)),
        );
    let ask = async |path| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        let status = response.status();
        (
            status,
            response.into_body().collect().await.unwrap().to_bytes(),
        )
    };
    let (status, body) = ask("/answered").await;
    assert_eq!((status, &*body), (StatusCode::OK, &b"ask us"[..]));
    assert_eq!(ask("/passed").await.0, StatusCode::GATEWAY_TIMEOUT);
}
