//! The same layers on both sides of gRPC: a bulkhead on a tonic server, a circuit breaker on a tonic channel.
//!
//! Refusals are trailers-only `grpc-status` responses, so the generated client gets an ordinary `tonic::Status`.
//! Not solved yet: retries; `grpc-retry-pushback-ms` tells clients with a retry policy when to come back.

use std::{net::SocketAddr, time::Duration};

use anyhow::Result;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
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
    let (stop, stopped) = oneshot::channel();
    let (address, serving) = serve(server.clone(), stopped).await?;
    let channel = connect(address).await?;
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

    // The server goes away. The circuit opens once half of the last ten calls have failed; a full server is no failure.
    drop(stop);
    serving.await??;
    let mut tried = 0;
    while breaker.state() == State::Closed {
        client.check(everything()).await.unwrap_err();
        tried += 1;
    }
    println!(
        "server gone: circuit {:?} after {tried} calls",
        breaker.state()
    );
    assert_eq!((breaker.state(), tried), (State::Open, 5));

    // An open circuit answers UNAVAILABLE and sends nothing.
    let status = client.check(everything()).await.unwrap_err();
    println!("circuit open: {status}");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(breaker.snapshot().counts.refused, 1);
    Ok(())
}

type Serving = JoinHandle<Result<(), tonic::transport::Error>>;

/// Serves until `stopped`, then ends all connections.
async fn serve(
    bulkhead: Bulkhead,
    stopped: oneshot::Receiver<()>,
) -> Result<(SocketAddr, Serving)> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let (_reporter, health) = tonic_health::server::health_reporter();
    let server = Server::builder()
        .layer(BulkheadLayer::for_grpc(bulkhead))
        .add_service(health)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async {
            let _ = stopped.await;
        });
    Ok((address, tokio::spawn(server)))
}

async fn connect(address: SocketAddr) -> Result<Channel> {
    Ok(Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?)
}
