//! The same layers on both sides of gRPC: a bulkhead on a tonic server, a circuit breaker on a tonic channel.
//!
//! Refusals are trailers-only `grpc-status` responses, so the generated client gets an ordinary `tonic::Status`.
//! Not solved yet: retries; `grpc-retry-pushback-ms` tells clients with a retry policy when to come back.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use tokio::net::TcpListener;
use tonic::{
    Code,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceBuilder;
use watertight::{Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, State, Window};

#[tokio::main]
async fn main() -> Result<()> {
    let server = Bulkhead::builder("health").max_concurrent(1).build()?;
    let channel = connect(serve(server.clone()).await?).await?;
    let breaker = CircuitBreaker::builder("health-client")
        .window(Window::calls(10))
        .minimum_calls(3)
        .open_for(Duration::from_secs(60))
        .build()?;
    let channel = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::for_grpc(breaker.clone()))
        .service(channel);
    let mut client = HealthClient::new(channel);
    let everything = HealthCheckRequest::default;

    let healthy = client.check(everything()).await?;
    println!("healthy: {:?}", healthy.into_inner().status());

    // Somebody else holds the server's only permit. RESOURCE_EXHAUSTED is no failure of the service.
    let permit = server.try_acquire()?;
    for _ in 0..5 {
        let status = client.check(everything()).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
    }
    println!(
        "server full: {:?}, circuit {:?}",
        Code::ResourceExhausted,
        breaker.state()
    );
    assert_eq!(breaker.state(), State::Closed);
    drop(permit);

    // An open circuit answers UNAVAILABLE without sending anything.
    breaker.force_open("maintenance");
    let status = client.check(everything()).await.unwrap_err();
    println!("circuit forced open: {status}");
    assert_eq!(status.code(), Code::Unavailable);
    let submitted = server.snapshot().submitted;
    client.check(everything()).await.unwrap_err();
    assert_eq!(server.snapshot().submitted, submitted);

    breaker.reset();
    client.check(everything()).await?;
    Ok(())
}

async fn serve(bulkhead: Bulkhead) -> Result<SocketAddr> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(BulkheadLayer::for_grpc(bulkhead))
        .add_service(health)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    Ok(address)
}

async fn connect(address: SocketAddr) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?)
}
