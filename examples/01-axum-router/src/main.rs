//! A bulkhead, a circuit breaker and a timeout on an axum router: no `HandleErrorLayer`, refusals are 503 problems.
//!
//! Shows that one limit holds for all connections and that an open circuit answers without calling the handler.
//! Not solved yet: the callers' own deadlines (see the book's page on timeouts).

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tower::ServiceBuilder;
use watertight::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, TimeoutLayer, Window,
};

const CONNECTIONS: usize = 20;
const LIMIT: usize = 2;

/// What the handler does, and what it has seen.
struct Shop {
    broken: AtomicBool,
    calls: AtomicUsize,
    gate: Semaphore,
}

fn app(shop: Arc<Shop>, breaker: CircuitBreaker, bulkhead: Bulkhead) -> Router {
    // The outermost first: what is refused here costs nothing further in.
    let layers = ServiceBuilder::new()
        .layer(BulkheadLayer::for_http(bulkhead))
        .layer(CircuitBreakerLayer::for_http(breaker))
        .layer(TimeoutLayer::for_http(Duration::from_secs(30)));
    Router::new()
        .route("/roses", get(roses))
        .layer(layers)
        .with_state(shop)
}

async fn roses(State(shop): State<Arc<Shop>>) -> Result<&'static str, StatusCode> {
    shop.calls.fetch_add(1, Ordering::SeqCst);
    if shop.broken.load(Ordering::SeqCst) {
        return Err(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let _turn = shop.gate.acquire().await;
    Ok("a dozen roses")
}

#[tokio::main]
async fn main() -> Result<()> {
    let shop = Arc::new(Shop {
        broken: AtomicBool::new(false),
        calls: AtomicUsize::new(0),
        gate: Semaphore::new(0),
    });
    let breaker = CircuitBreaker::builder("roses")
        .window(Window::calls(10))
        .minimum_calls(3)
        .open_for(Duration::from_secs(60))
        .build()?;
    let bulkhead = Bulkhead::builder("shop").max_concurrent(LIMIT).build()?;
    let url = serve(app(shop.clone(), breaker.clone(), bulkhead.clone())).await?;

    // One connection each, all at once, while the handler waits: only the limit gets in, the others are answered first.
    let mut calls = JoinSet::new();
    for _ in 0..CONNECTIONS {
        calls.spawn(status(url.clone()));
    }
    for _ in LIMIT..CONNECTIONS {
        assert_eq!(first_of(&mut calls).await?, 503);
    }
    shop.gate.add_permits(LIMIT);
    for _ in 0..LIMIT {
        assert_eq!(first_of(&mut calls).await?, 200);
    }
    println!("{CONNECTIONS} connections, {LIMIT} served, the others refused with 503");
    assert_eq!(shop.calls.load(Ordering::SeqCst), LIMIT);

    // The handler breaks: after two good calls and two bad ones the circuit opens and answers in its place.
    shop.broken.store(true, Ordering::SeqCst);
    for _ in 0..CONNECTIONS {
        status(url.clone()).await?;
    }
    let reached = shop.calls.load(Ordering::SeqCst) - LIMIT;
    println!("broken: {reached} of {CONNECTIONS} calls reached the handler");
    println!("circuit: {:?}", breaker.state());
    assert_eq!(reached, 2);
    assert_eq!(breaker.state(), watertight::State::Open);
    let refused = reqwest::get(&url).await?;
    assert_eq!(refused.status(), 503);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    println!("refusal: {}", refused.text().await?);
    Ok(())
}

/// The answer that comes first.
async fn first_of(calls: &mut JoinSet<Result<u16>>) -> Result<u16> {
    calls.join_next().await.context("no call is left")??
}

async fn status(url: String) -> Result<u16> {
    Ok(reqwest::Client::new()
        .get(url)
        .send()
        .await?
        .status()
        .as_u16())
}

async fn serve(app: Router) -> Result<String> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/roses", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}
