//! Fallbacks on an axum router: other answers with their bodies, marks, the last good response.
#![cfg(feature = "http")]

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::{BodyExt, Full};
use tokio::time::advance;
use tower::{Layer, ServiceExt, service_fn};
use watertight_core::{
    Reason, Rejected,
    http::{OwnBody, Problem},
};
use watertight_fallback::{CauseKind, Fallback, FallbackLayer, Handled, Made, http::HttpStale};

const MINUTE: Duration = Duration::from_secs(60);

const MOST: usize = 64;

type Down = Arc<AtomicBool>;

async fn price(State(down): State<Down>, Path(flower): Path<String>) -> Response {
    if down.load(Ordering::SeqCst) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match flower.as_str() {
        "secret" => ([(header::CACHE_CONTROL, "max-age=9, no-store")], "7").into_response(),
        "cached" => ([(header::AGE, "15")], "from a cache").into_response(),
        "ancient" => ([(header::AGE, "61")], "too old").into_response(),
        "endless" => ([(header::AGE, "9".repeat(30))], "too old").into_response(),
        "strange" => ([(header::AGE, "-5")], "of no age").into_response(),
        "listed" => ([(header::AGE, "20, 50")], "twice").into_response(),
        "cookie" => ([(header::SET_COOKIE, "session=1")], "8").into_response(),
        "large" => "9".repeat(MOST + 1).into_response(),
        "exact" => "9".repeat(MOST).into_response(),
        "empty" => Body::empty().into_response(),
        "stream" => Body::from_stream(whole_stream()).into_response(),
        "limited" => StatusCode::TOO_MANY_REQUESTS.into_response(),
        "moved" => Redirect::to("/rose").into_response(),
        "part" => (StatusCode::PARTIAL_CONTENT, "ro").into_response(),
        "cut" => ([(header::CONTENT_LENGTH, "9")], Body::empty()).into_response(),
        "trailers" => Body::new(with_trailers()).into_response(),
        "broken" => Body::from_stream(futures_stream()).into_response(),
        _ => format!("{flower}: 3").into_response(),
    }
}

fn with_trailers() -> impl http_body::Body<Data = Bytes, Error = Infallible> {
    let trailers = async { Some(Ok(HeaderMap::new())) };
    Full::new(Bytes::from("rose")).with_trailers(trailers)
}

/// Two frames, and an end that nobody knows before it is there.
fn whole_stream() -> impl futures::Stream<Item = Result<Bytes, Infallible>> {
    futures::stream::iter(["ro", "se"].map(|part| Ok(Bytes::from(part))))
}

/// One frame, then an error.
fn futures_stream() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::iter([
        Ok(Bytes::from("half")),
        Err(std::io::Error::other("broken")),
    ])
}

fn shop(down: &Down) -> (Router, HttpStale<String>) {
    let stale = HttpStale::builder(MINUTE).max_body(MOST).build().unwrap();
    let layer = FallbackLayer::for_http(Fallback::builder("prices").build().unwrap())
        .mark_header(HeaderName::from_static("x-fallback"))
        .capture(|request: &Request| request.uri().path().to_owned())
        .stale(stale.clone());
    let app = Router::new()
        .route("/{flower}", get(price))
        .layer(layer)
        .with_state(down.clone());
    (app, stale)
}

async fn ask(app: &Router, path: &str) -> Response {
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

async fn read(response: Response) -> Option<Bytes> {
    Some(response.into_body().collect().await.ok()?.to_bytes())
}

#[tokio::test(start_paused = true)]
async fn the_last_good_response_is_given_head_body_and_age() {
    let down = Down::default();
    let (app, _) = shop(&down);
    assert_eq!(read(ask(&app, "/rose").await).await.unwrap(), "rose: 3");
    down.store(true, Ordering::SeqCst);
    advance(Duration::from_secs(20)).await;

    let response = ask(&app, "/rose").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::AGE], "20");
    assert_eq!(response.headers()["x-fallback"], "response");
    assert_eq!(response.extensions().get::<Made>().unwrap().by, "prices");
    assert_eq!(read(response).await.unwrap(), "rose: 3");

    let other = ask(&app, "/lily").await;
    assert_eq!(
        other.status(),
        StatusCode::BAD_GATEWAY,
        "no other key's answer"
    );
    advance(MINUTE).await;
    let old = ask(&app, "/rose").await;
    assert_eq!(old.status(), StatusCode::BAD_GATEWAY, "too old");
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_remembered_is_not() {
    let down = Down::default();
    let (app, stale) = shop(&down);
    let bad = [
        "/secret",
        "/large",
        "/broken",
        "/limited",
        "/moved",
        "/part",
        "/cut",
        "/trailers",
    ];
    for path in bad {
        let _ = read(ask(&app, path).await).await;
    }
    // The caller left before it had read the body.
    drop(ask(&app, "/rose").await);
    assert_eq!(stale.keys(), 0);
    down.store(true, Ordering::SeqCst);
    for path in bad.into_iter().chain(["/rose"]) {
        assert_eq!(
            ask(&app, path).await.status(),
            StatusCode::BAD_GATEWAY,
            "{path}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_body_is_remembered_whichever_way_it_ends() {
    let down = Down::default();
    let (app, _) = shop(&down);
    let all = ["/rose", "/exact", "/empty", "/stream"];
    let mut good = Vec::new();
    for path in all {
        good.push(read(ask(&app, path).await).await.unwrap());
    }
    down.store(true, Ordering::SeqCst);
    for (path, good) in all.into_iter().zip(good) {
        let stale = ask(&app, path).await;
        assert_eq!(stale.status(), StatusCode::OK, "{path}");
        assert_eq!(read(stale).await.unwrap(), good);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_gets_another_ones_cookie() {
    let down = Down::default();
    let (app, _) = shop(&down);
    let fresh = ask(&app, "/cookie").await;
    assert!(fresh.headers().contains_key(header::SET_COOKIE));
    read(fresh).await.unwrap();
    down.store(true, Ordering::SeqCst);
    let stale = ask(&app, "/cookie").await;
    assert!(!stale.headers().contains_key(header::SET_COOKIE));
    assert_eq!(read(stale).await.unwrap(), "8");
}

#[tokio::test]
async fn over_a_real_socket_a_refused_call_gets_the_constant_response() {
    let fallback = Fallback::builder("greeting").build().unwrap();
    let layer = FallbackLayer::for_http(fallback.clone())
        .response(http::Response::new("roses are red".into()));
    let app = Router::new()
        .route("/", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });
    let calls = (0..20).map(|_| reqwest::get(url.clone()));
    for answer in futures::future::join_all(calls).await {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.text().await.unwrap(), "roses are red");
    }
    let counted = fallback.snapshot();
    assert_eq!(counted.count(CauseKind::Response, Handled::Answered), 20);
}

#[tokio::test]
async fn a_refusal_of_a_layer_within_the_same_stack_gets_the_constant_response() {
    let refuses = service_fn(async |_: Request| {
        let rejected = Rejected::new("greeting", Reason::Open);
        Ok::<http::Response<OwnBody<Body>>, Infallible>(Problem::new().respond(rejected))
    });
    let response = FallbackLayer::for_http(Fallback::default())
        .response(http::Response::new("roses are red".into()))
        .layer(refuses)
        .oneshot(Request::default())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.to_bytes(), "roses are red");
}

#[tokio::test(start_paused = true)]
async fn the_age_that_a_response_came_with_is_added_up() {
    let down = Down::default();
    let (app, _) = shop(&down);
    for path in ["/cached", "/strange", "/listed"] {
        read(ask(&app, path).await).await.unwrap();
    }
    down.store(true, Ordering::SeqCst);
    advance(Duration::from_secs(20)).await;
    for (path, age) in [("/cached", "35"), ("/strange", "20"), ("/listed", "40")] {
        assert_eq!(ask(&app, path).await.headers()[header::AGE], age, "{path}");
    }
    advance(Duration::from_secs(25)).await;
    assert_eq!(ask(&app, "/cached").await.headers()[header::AGE], "60");
    advance(Duration::from_secs(1)).await;
    let old = ask(&app, "/cached").await;
    assert_eq!(
        old.status(),
        StatusCode::BAD_GATEWAY,
        "a minute is the most"
    );
    assert_eq!(ask(&app, "/strange").await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_comes_too_old_is_not_remembered() {
    let (app, stale) = shop(&Down::default());
    for path in ["/ancient", "/endless"] {
        read(ask(&app, path).await).await.unwrap();
    }
    assert_eq!(stale.keys(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_as_old_as_its_head() {
    let handler = async || {
        let slow = futures::stream::once(async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            Ok::<_, Infallible>(Bytes::from("slow"))
        });
        Body::from_stream(slow)
    };
    let stale = HttpStale::builder(MINUTE).build::<()>().unwrap();
    let layer = FallbackLayer::for_http(Fallback::default()).stale(stale);
    let app = Router::new().route("/", get(handler)).layer(layer.clone());
    read(ask(&app, "/").await).await.unwrap();
    let fails = Router::new()
        .route("/", get(async || StatusCode::BAD_GATEWAY))
        .layer(layer);
    assert_eq!(ask(&fails, "/").await.headers()[header::AGE], "10");
}
