//! The client stack around reqwest and hyper-util's client, against real axum servers.
#![cfg(feature = "reqwest")]

mod support;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{Router, body::Body, extract::State, routing::any};
use bytes::Bytes;
use futures::stream;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use support::{MILLISECOND, serve};
use tokio::{net::TcpListener, sync::Notify};
use tower::{Layer, ServiceExt};
use watertight::{
    Deadline, Error, Reason,
    http::{ClientBuilder, client, server},
};

/// Three attempts without a pause to speak of.
fn stack() -> ClientBuilder {
    client("roses").retries(|retries| retries.delay = MILLISECOND)
}

/// A server that reads each request to its end, fails, and counts.
async fn failing() -> (SocketAddr, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let fail = async |State(calls): State<Arc<AtomicU64>>, _body: Bytes| {
        calls.fetch_add(1, Ordering::SeqCst);
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let app = Router::new()
        .route("/", any(fail))
        .with_state(Arc::clone(&calls));
    (serve(app).await, calls)
}

fn reqwest_to(
    address: SocketAddr,
    method: Method,
    body: impl Into<reqwest::Body>,
) -> reqwest::Request {
    let mut request = reqwest::Request::new(method, format!("http://{address}/").parse().unwrap());
    *request.body_mut() = Some(body.into());
    request
}

#[tokio::test]
async fn reqwest_sends_a_request_again_only_if_nothing_can_go_wrong_by_it() {
    let streamed = || reqwest::Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>("roses")]));
    let keyed = |mut request: reqwest::Request| {
        request
            .headers_mut()
            .insert("idempotency-key", "order-7".parse().unwrap());
        request
    };
    let attempts = async |request: &dyn Fn(SocketAddr) -> reqwest::Request| {
        let (address, calls) = failing().await;
        let service = stack().build().unwrap().layer(reqwest::Client::new());
        let answer = service.oneshot(request(address)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        calls.load(Ordering::SeqCst)
    };
    assert_eq!(
        attempts(&|to| reqwest_to(to, Method::PUT, "roses")).await,
        3
    );
    assert_eq!(
        attempts(&|to| reqwest_to(to, Method::POST, "roses")).await,
        1
    );
    assert_eq!(
        attempts(&|to| keyed(reqwest_to(to, Method::POST, "roses"))).await,
        3
    );
    assert_eq!(
        attempts(&|to| keyed(reqwest_to(to, Method::PUT, streamed()))).await,
        1
    );
    let large = || vec![b'x'; 64 * 1024 + 1];
    assert_eq!(
        attempts(&|to| reqwest_to(to, Method::PUT, large())).await,
        1
    );
}

#[tokio::test]
async fn hyper_sends_a_request_again_only_if_nothing_can_go_wrong_by_it() {
    let attempts = async |method| {
        let (address, calls) = failing().await;
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://{address}/"));
        let request = request.body(Full::from("roses")).unwrap();
        let service = stack().build().unwrap().layer(client);
        let answer = service.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        calls.load(Ordering::SeqCst)
    };
    assert_eq!(attempts(Method::PUT).await, 3);
    assert_eq!(attempts(Method::POST).await, 1);
}

#[tokio::test]
async fn without_retries_hyper_passes_on_a_body_that_streams() {
    let echo = any(async |body: Bytes| body);
    let address = serve(Router::new().route("/", echo)).await;
    let stack = stack().build().unwrap().without_retries();
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let parts = stream::iter(["red ", "roses"].map(Ok::<_, std::io::Error>));
    let request = http::Request::put(format!("http://{address}/")).body(Body::from_stream(parts));
    let answer = stack
        .layer(client.clone())
        .oneshot(request.unwrap())
        .await
        .unwrap();
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "red roses"
    );

    let (address, calls) = failing().await;
    let request = http::Request::put(format!("http://{address}/")).body(Body::empty());
    stack.layer(client).oneshot(request.unwrap()).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_is_down_and_one_that_answers_500_both_open_the_circuit() {
    let (failing, _) = failing().await;
    let down = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = down.local_addr().unwrap();
    drop(down);
    for address in [failing, gone] {
        let stack = stack().circuit_breaker(|breaker| breaker.consecutive_failures(3));
        let stack = stack.build().unwrap();
        let service = stack.layer(reqwest::Client::new());
        let call = || {
            service
                .clone()
                .oneshot(reqwest_to(address, Method::GET, ""))
        };
        let sent = call().await;
        assert!(!matches!(sent, Err(Error::Rejected(_))), "{sent:?}");
        let refused = call().await.unwrap_err();
        assert_eq!(refused.rejected().unwrap().reason, Reason::Open);
    }
}

/// A router behind the server stack that answers with the milliseconds its handler has left, then those that the next
/// server has left.
fn tells_what_is_left(next: Option<SocketAddr>) -> Router {
    let further = stack().build().unwrap().layer(reqwest::Client::new());
    let handler = any(async move || {
        let here = Deadline::current().unwrap().remaining().as_millis();
        let Some(next) = next else {
            return Ok(here.to_string());
        };
        let answer = further.oneshot(reqwest_to(next, Method::GET, "")).await;
        let answer = answer.map_err(|_| StatusCode::GATEWAY_TIMEOUT)?;
        Ok::<_, StatusCode>(format!("{here} {}", answer.text().await.unwrap()))
    });
    Router::new()
        .route("/", handler)
        .layer(server("shop").build().unwrap())
}

#[tokio::test]
async fn a_deadline_travels_through_server_stack_and_client_stack_and_only_shrinks() {
    let last = serve(tells_what_is_left(None)).await;
    let middle = serve(tells_what_is_left(Some(last))).await;
    let first = serve(tells_what_is_left(Some(middle))).await;
    let mut request = reqwest_to(first, Method::GET, "");
    request
        .headers_mut()
        .insert("x-request-timeout-ms", "5000".parse().unwrap());
    let answer = reqwest::Client::new()
        .execute(request)
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let left: Vec<u64> = answer
        .split(' ')
        .map(|left| left.parse().unwrap())
        .collect();
    assert_eq!(left.len(), 3);
    assert!(
        left[0] <= 5_000 && left.is_sorted_by(|earlier, later| earlier >= later),
        "{answer}"
    );
}

#[tokio::test]
async fn when_time_is_up_the_whole_chain_of_servers_is_let_go() {
    struct Serving(Arc<Notify>);
    impl Drop for Serving {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (calls, gone) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let (called, serving) = (Arc::clone(&calls), Arc::clone(&gone));
    let hangs = any(async move || {
        let _serving = Serving(serving);
        called.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<&str>().await
    });
    // The last server has no deadline of its own: it learns by the closed connection.
    let last = serve(Router::new().route("/", hangs)).await;
    let first = serve(tells_what_is_left(Some(last))).await;
    // On a busy machine time may be up before the last server was reached.
    while calls.load(Ordering::SeqCst) == 0 {
        let mut request = reqwest_to(first, Method::GET, "");
        let headers = request.headers_mut();
        headers.insert("x-request-timeout-ms", "100".parse().unwrap());
        let answer = reqwest::Client::new().execute(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    }
    gone.notified().await;
}
