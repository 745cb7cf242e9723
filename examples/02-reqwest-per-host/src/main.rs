//! One circuit breaker per host around one `reqwest::Client`: a dead host is cut off, its neighbours are not.
//!
//! Not solved yet: retries and a total deadline, which `watertight::http::client` adds.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Result;
use axum::{Router, http::StatusCode, routing::get};
use reqwest::{Client, Method, Request, Response};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt};
use watertight::{
    CircuitBreaker, CircuitBreakerLayer, Error, KeyLimits, State, Window,
    http::{Host, ServerErrors, host_of},
};

const CALLS: usize = 50;
const TRIP_AT: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let hosts = CircuitBreaker::builder("hosts")
        .window(Window::calls(10))
        .minimum_calls(TRIP_AT as u32)
        .open_for(Duration::from_secs(60))
        .keyed::<Host>(KeyLimits::default())?;
    let layer =
        CircuitBreakerLayer::keyed(hosts.clone(), host_of::<Request>).classify(ServerErrors::new());
    let mut client = ServiceBuilder::new().layer(layer).service(Client::new());

    // A 500 arrives as `Ok` from reqwest, and still counts.
    let (dead, dead_calls) = serve(StatusCode::INTERNAL_SERVER_ERROR).await?;
    let (alive, alive_calls) = serve(StatusCode::OK).await?;
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..CALLS {
        match fetch(&mut client, &dead).await {
            Err(Error::Rejected(why)) => {
                assert_eq!(why.by, "hosts");
                refused += 1;
            }
            answer => {
                assert_eq!(answer?.status(), 500);
                answered += 1;
            }
        }
        assert_eq!(fetch(&mut client, &alive).await?.status(), 200);
    }

    println!("dead host: {answered} calls sent, {refused} refused by its open circuit");
    println!(
        "living host: {} of {CALLS} calls sent",
        alive_calls.load(Ordering::SeqCst)
    );
    assert_eq!(dead_calls.load(Ordering::SeqCst), TRIP_AT);
    assert_eq!((answered, refused), (TRIP_AT, CALLS - TRIP_AT));
    assert_eq!(alive_calls.load(Ordering::SeqCst), CALLS);
    for (host, breaker) in hosts.all() {
        println!("{host}: {:?}", breaker.state());
        let expected = if dead.contains(host.as_str()) {
            State::Open
        } else {
            State::Closed
        };
        assert_eq!(breaker.state(), expected);
    }
    Ok(())
}

async fn fetch<S>(client: &mut S, url: &str) -> Result<Response, S::Error>
where
    S: Service<Request, Response = Response>,
{
    let url = url.parse().expect("a URL that this program has made");
    client
        .ready()
        .await?
        .call(Request::new(Method::GET, url))
        .await
}

async fn serve(status: StatusCode) -> Result<(String, Arc<AtomicUsize>)> {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let answer = move || async move {
        counted.fetch_add(1, Ordering::SeqCst);
        status
    };
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, Router::new().route("/", get(answer))).await });
    Ok((url, calls))
}
