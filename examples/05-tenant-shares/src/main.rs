//! A share of the bulkhead for each tenant: one that floods gets 429, the others do not notice.
//!
//! Not solved yet: a rate per tenant (a bulkhead limits what is in flight, not how often somebody asks).

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    routing::get,
};
use futures::future::join_all;
use tokio::{net::TcpListener, sync::Semaphore};
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

    let flood: Vec<_> = (0..FLOOD)
        .map(|_| tokio::spawn(ask(url.clone(), "loud")))
        .collect();
    while flood.iter().filter(|call| call.is_finished()).count() < FLOOD - SHARE {
        tokio::task::yield_now().await;
    }
    // The loud tenant's share is taken and stays so; a quiet one is admitted all the same.
    let quiet: Vec<_> = (0..SHARE)
        .map(|_| tokio::spawn(ask(url.clone(), "quiet")))
        .collect();
    orders.add_permits(2 * SHARE);

    let (loud, quiet) = (statuses(flood).await?, statuses(quiet).await?);
    let refused = loud.iter().filter(|status| **status == 429).count();
    println!(
        "loud: {} of {FLOOD} served, {refused} refused with 429",
        FLOOD - refused
    );
    println!("quiet: {quiet:?}");
    assert_eq!(refused, FLOOD - SHARE);
    assert_eq!(quiet, [200; SHARE]);
    Ok(())
}

async fn ask(url: String, tenant: &'static str) -> Result<u16> {
    let client = reqwest::Client::new();
    let response = client.get(url).header("x-tenant", tenant).send().await?;
    Ok(response.status().as_u16())
}

async fn statuses(calls: Vec<tokio::task::JoinHandle<Result<u16>>>) -> Result<Vec<u16>> {
    join_all(calls)
        .await
        .into_iter()
        .collect::<Result<Result<_>, _>>()?
}

async fn serve(app: Router) -> Result<String> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/orders", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}
