//! The standard server stack on axum routers, over real connections where they matter.

mod support;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::Response, routing::get};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use support::{SECOND, serve};
use tokio::{sync::Semaphore, task::JoinSet, time::Instant};
use tower::ServiceExt;
use watertight::{BuildError, Deadline, Phase, Registry, http::server};

const CONNECTIONS: usize = 20;

fn request(path: &str) -> http::request::Builder {
    Request::get(path)
}

/// Asks over a connection of its own.
async fn ask(address: SocketAddr) -> Response {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let request = request(&format!("http://{address}/")).body(Body::empty());
    client
        .request(request.unwrap())
        .await
        .unwrap()
        .map(Body::new)
}

#[tokio::test]
async fn one_limit_holds_over_all_connections_and_the_rest_gets_a_503_problem() {
    let stack = server("shop").max_concurrent(3).build().unwrap();
    let (bulkhead, open) = (stack.bulkhead().clone(), Arc::new(Semaphore::new(0)));
    let door = Arc::clone(&open);
    let handler = async move || {
        let _passed = door.acquire().await;
        "roses"
    };
    let address = serve(Router::new().route("/", get(handler)).layer(stack)).await;
    let mut calls: JoinSet<_> = (0..CONNECTIONS).map(|_| ask(address)).collect();
    for _ in 3..CONNECTIONS {
        let refused = calls.join_next().await.unwrap().unwrap();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            refused.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let body = refused.into_body().collect().await.unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains("shop"), "{body:?}");
    }
    assert_eq!(bulkhead.snapshot().in_flight, 3);
    open.close();
    while let Some(served) = calls.join_next().await {
        assert_eq!(served.unwrap().status(), StatusCode::OK);
    }
    let seen = bulkhead.snapshot();
    assert_eq!((seen.in_flight, seen.completed, seen.full), (0, 3, 17));
}

#[tokio::test]
async fn health_checks_pass_a_server_that_is_full() {
    let route = |app: Router, path| app.route(path, get(async || "well"));
    let paths = ["/", "/healthz", "/livez", "/readyz", "/metrics", "/ping"];
    let app = || paths.into_iter().fold(Router::new(), route);
    let stack = server("shop").max_concurrent(0);
    let usual = app().layer(stack.clone().build().unwrap());
    let own = app().layer(stack.exempt(["/ping"]).build().unwrap());
    let passed = async |app: &Router| {
        let mut passed = Vec::new();
        for path in paths {
            // A query does not make a path another one.
            let request = request(&format!("{path}?verbose=1")).body(Body::empty());
            let answer = app.clone().oneshot(request.unwrap()).await.unwrap();
            if answer.status() == StatusCode::OK {
                passed.push(path);
            }
        }
        passed
    };
    assert_eq!(
        passed(&usual).await,
        ["/healthz", "/livez", "/readyz", "/metrics"]
    );
    assert_eq!(passed(&own).await, ["/ping"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_has_the_time_of_its_caller_or_the_servers_whichever_is_less() {
    let stack = server("shop").total(SECOND * 10).build().unwrap();
    let (bulkhead, total) = (stack.bulkhead().clone(), stack.total().clone());
    let app: Router = Router::new()
        .route("/", get(async || std::future::pending::<&str>().await))
        .layer(stack);
    let answered = async |left: &str| {
        let request = request("/").header("x-request-timeout-ms", left);
        let start = Instant::now();
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap());
        assert_eq!(answer.await.unwrap().status(), StatusCode::GATEWAY_TIMEOUT);
        start.elapsed()
    };
    assert_eq!(answered("1500").await, Duration::from_millis(1_500));
    assert_eq!(answered("60000").await, SECOND * 10);
    assert_eq!(answered("0").await, Duration::ZERO);
    let seen = total.snapshot();
    assert_eq!(
        (seen.elapsed(Phase::Total), seen.elapsed(Phase::Deadline)),
        (2, 1)
    );
    assert_eq!(bulkhead.snapshot().in_flight, 0);
    total.set(SECOND * 2);
    assert_eq!(answered("60000").await, SECOND * 2);
}

#[tokio::test]
async fn a_server_can_ignore_what_strangers_ask_for() {
    let left = async |request: axum::extract::Request| {
        let left = Deadline::current().unwrap().remaining();
        let passed_on = request.headers().contains_key("x-request-timeout-ms");
        format!("{} {passed_on}", left > SECOND * 10)
    };
    let route = || Router::new().route("/", get(left));
    let trusting = server("shop").build().unwrap();
    let wary = server("shop").ignore_callers_deadline().build().unwrap();
    let total = wary.total().clone();
    let trusting = serve(route().layer(trusting)).await;
    let wary = serve(route().layer(wary)).await;
    let asked = async |address: SocketAddr, left: &str| {
        let request = request(&format!("http://{address}/")).header("x-request-timeout-ms", left);
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        let answer = client.request(request.body(Body::empty()).unwrap()).await;
        let (head, body) = answer.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, String::from_utf8_lossy(&body).into_owned())
    };
    for left in ["0", "9000", "soon"] {
        let own = (StatusCode::OK, "true false".to_owned());
        assert_eq!(asked(wary, left).await, own, "{left}");
    }
    assert_eq!(asked(trusting, "0").await.0, StatusCode::GATEWAY_TIMEOUT);
    let theirs = (StatusCode::OK, "false true".to_owned());
    assert_eq!(asked(trusting, "9000").await, theirs);
    assert_eq!(total.snapshot().elapsed_in_all(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_calls_inherits_its_deadline() {
    let left = get(async || {
        Deadline::current()
            .unwrap()
            .remaining()
            .as_millis()
            .to_string()
    });
    let app: Router = Router::new()
        .route("/", left)
        .layer(server("shop").build().unwrap());
    let answer = app
        .oneshot(request("/").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "30000");
}

#[test]
fn settings_that_make_no_sense_are_errors_that_name_the_field() {
    for (build, field) in [
        (server("shop").total(Duration::ZERO), "total"),
        (server("shop").max_concurrent(usize::MAX), "max_concurrent"),
        (server(""), "name"),
    ] {
        let error = build.build().unwrap_err();
        assert_eq!(error.field(), field, "{error}");
    }
    assert!(server("shop").total(Duration::MAX).build().is_ok());
}

#[test]
fn a_registry_finds_both_parts_and_refuses_a_second_server_of_the_name() {
    let registry = Registry::new();
    let shop = server("shop").register(&registry).build().unwrap();
    let kinds: Vec<_> = registry
        .snapshots()
        .into_iter()
        .map(|part| (part.kind, part.name))
        .collect();
    assert_eq!(
        kinds,
        [
            ("bulkhead", "shop".to_owned()),
            ("timeout", "shop.total".to_owned())
        ]
    );
    let second = server("shop").register(&registry).build();
    assert!(matches!(second, Err(BuildError::DuplicateName { .. })));
    drop(shop);
    assert!(server("shop").register(&registry).build().is_ok());
}
