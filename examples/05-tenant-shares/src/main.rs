//! A share of the bulkhead for each tenant: one that floods gets 429, the others do not notice.
//!
//! Not solved yet: a rate per tenant (a bulkhead limits what is in flight, not how often somebody asks).

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    routing::get,
};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use watertight::{Bulkhead, BulkheadLayer, KeyLimits, http::Problem};

const SHARE: usize = 4;
const FLOOD: usize = 40;

fn app(orders: Arc<Semaphore>) -> Result<Router> {
    let tenants = Bulkhead::builder("tenants")
        .max_concurrent(16)
        .share_per_key(SHARE)
        .keyed::<String>(KeyLimits::default())?;
    let layer = BulkheadLayer::keyed(tenants, |request: &Request| tenant(request))
        .classify(watertight::http::ServerErrors::new())
        .on_reject(Problem::new().status(StatusCode::TOO_MANY_REQUESTS));
    Ok(Router::new()
        .route("/orders", get(order))
        .layer(layer)
        .with_state(orders))
}

fn tenant(request: &Request) -> String {
    let named = request.headers().get("x-tenant");
    named
        .and_then(|name| name.to_str().ok())
        .unwrap_or("nobody")
        .to_owned()
}

async fn order(State(orders): State<Arc<Semaphore>>) -> &'static str {
    let _turn = orders.acquire().await;
    "ordered"
}

#[tokio::main]
async fn main() -> Result<()> {
    let orders = Arc::new(Semaphore::new(0));
    let url = serve(app(orders.clone())?).await?;

    // The loud tenant's calls beyond its share are answered at once; its share is taken and stays so.
    let mut loud = flood(&url, "loud", FLOOD);
    for _ in SHARE..FLOOD {
        assert_eq!(first_of(&mut loud).await?, 429);
    }
    // A quiet tenant is admitted all the same.
    let mut quiet = flood(&url, "quiet", SHARE);
    orders.add_permits(2 * SHARE);
    for _ in 0..SHARE {
        assert_eq!(first_of(&mut quiet).await?, 200);
        assert_eq!(first_of(&mut loud).await?, 200);
    }
    println!(
        "loud:  {SHARE} of {FLOOD} served, {} refused with 429",
        FLOOD - SHARE
    );
    println!("quiet: {SHARE} of {SHARE} served");
    Ok(())
}

/// So many calls of a tenant at once.
fn flood(url: &str, tenant: &'static str, calls: usize) -> JoinSet<Result<u16>> {
    (0..calls).map(|_| ask(url.to_owned(), tenant)).collect()
}

/// The answer that comes first.
async fn first_of(calls: &mut JoinSet<Result<u16>>) -> Result<u16> {
    calls.join_next().await.context("no call is left")??
}

async fn ask(url: String, tenant: &'static str) -> Result<u16> {
    let client = reqwest::Client::new();
    let response = client.get(url).header("x-tenant", tenant).send().await?;
    Ok(response.status().as_u16())
}

async fn serve(app: Router) -> Result<String> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/orders", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}
