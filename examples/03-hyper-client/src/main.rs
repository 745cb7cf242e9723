//! A circuit breaker and an attempt timeout around hyper-util's client: a hang is a failure that opens the circuit.
//!
//! The timeout sits inside the breaker; outside of it, the breaker would only see calls that were given up.
//! Not solved yet: what the caller answers instead (see the example of the payment fallback).

use std::{future::pending, net::SocketAddr, time::Duration};

use anyhow::Result;
use axum::{Router, routing::get};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};
use watertight::{
    CircuitBreaker, CircuitBreakerLayer, Reason, State, TimeoutLayer, Window, http::ServerErrors,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let inventory = CircuitBreaker::builder("inventory")
        .window(Window::calls(10))
        .minimum_calls(3)
        .open_for(Duration::from_secs(60))
        .build()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut client = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(inventory.clone()).classify(ServerErrors::new()))
        .layer(TimeoutLayer::new(Duration::from_secs(5)))
        .service(client);
    let host = serve().await?;

    let request = Request::get(uri(&host, "/stock")?).body(Empty::new())?;
    let response = client.ready().await?.call(request).await?;
    println!("in stock: {}", response.status());
    assert_eq!(response.status(), 200);

    // From here on the clock only moves when everybody waits, and then to the next timeout: nobody waits five seconds.
    tokio::time::pause();
    let mut reasons = Vec::new();
    for _ in 0..5 {
        let request = Request::get(uri(&host, "/hangs")?).body(Empty::new())?;
        let error = client.ready().await?.call(request).await.unwrap_err();
        let error = error.flatten();
        if let Some(why) = error.rejected() {
            println!("hanging: {why}");
        }
        reasons.push(error.rejected().map(|why| why.reason));
    }
    // One good call and two hangs make three calls of which two failed: the circuit opens there.
    let (timed_out, open) = (Some(Reason::TimedOut), Some(Reason::Open));
    assert_eq!(reasons, [timed_out, timed_out, open, open, open]);
    assert_eq!(inventory.state(), State::Open);
    Ok(())
}

fn uri(host: &str, path: &str) -> Result<Uri> {
    Ok(format!("http://{host}{path}").parse()?)
}

async fn serve() -> Result<String> {
    let app = Router::new()
        .route("/stock", get(async || "12 roses"))
        .route("/hangs", get(pending::<()>));
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let host = listener.local_addr()?.to_string();
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(host)
}
