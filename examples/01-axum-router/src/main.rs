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

use anyhow::Result;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use futures::future::join_all;
use tokio::{net::TcpListener, sync::Semaphore};
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
        .layer(TimeoutLayer::for_http(Duration::from_secs(5)));
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

    // One client per connection, all at once, while the handler waits: only the limit gets in.
    let calls = (0..CONNECTIONS).map(|_| tokio::spawn(status(url.clone())));
    let calls: Vec<_> = calls.collect();
    while bulkhead.snapshot().rejected() < (CONNECTIONS - LIMIT) as u64 {
        tokio::task::yield_now().await;
    }
    shop.gate.add_permits(LIMIT);
    let statuses = join_all(calls).await;
    let statuses: Vec<u16> = statuses.into_iter().collect::<Result<Result<_>, _>>()??;
    let served = statuses.iter().filter(|status| **status == 200).count();
    println!("{CONNECTIONS} connections, {served} served, the others refused with 503");
    assert_eq!(served, LIMIT);
    assert_eq!(shop.calls.load(Ordering::SeqCst), LIMIT);

    // The handler breaks: the circuit opens and answers in its place.
    shop.broken.store(true, Ordering::SeqCst);
    for _ in 0..CONNECTIONS {
        status(url.clone()).await?;
    }
    let reached = shop.calls.load(Ordering::SeqCst) - LIMIT;
    println!("broken: {reached} of {CONNECTIONS} calls reached the handler");
    println!("circuit: {:?}", breaker.state());
    assert!(reached < CONNECTIONS);
    let refused = reqwest::get(&url).await?;
    assert_eq!(refused.status(), 503);
    assert_eq!(
        refused.headers()["content-type"],
        "application/problem+json"
    );
    println!("refusal: {}", refused.text().await?);
    Ok(())
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
