//! The client stack with one circuit breaker per host.
#![cfg(feature = "reqwest")]

mod support;

use allocation_counter::measure;
use axum::{Router, routing::get};
use http::StatusCode;
use support::{SECOND, attempts, serve};
use tower::{Layer, ServiceExt};
use watertight::{
    Admit, KeyLimits, Reason, State,
    http::{Host, PerHost, RequestTarget, client},
};

fn per_host(limits: KeyLimits) -> PerHost {
    client("flowers")
        .build_per_host(limits)
        .unwrap()
        .circuit_breaker()
        .clone()
}

#[tokio::test]
async fn a_host_that_is_down_does_not_close_the_others() {
    let answers = async |status: StatusCode| {
        let address = serve(Router::new().route("/", get(async move || status))).await;
        format!("http://{address}/")
    };
    let (down, well) = (
        answers(StatusCode::BAD_GATEWAY).await,
        answers(StatusCode::OK).await,
    );
    let stack = client("flowers")
        .retries(attempts(1))
        .circuit_breaker(|breaker| breaker.consecutive_failures(3))
        .build_per_host(KeyLimits::default())
        .unwrap();
    let service = stack.layer(reqwest::Client::new());
    let call = |url: &str| {
        let request = reqwest::Request::new(http::Method::GET, url.parse().unwrap());
        (request.host(), service.clone().oneshot(request))
    };
    for _ in 0..3 {
        assert_eq!(
            call(&down).1.await.unwrap().status(),
            StatusCode::BAD_GATEWAY
        );
    }
    let (host, refused) = call(&down);
    assert_eq!(
        refused.await.unwrap_err().rejected().unwrap().reason,
        Reason::Open
    );
    for _ in 0..10 {
        assert_eq!(call(&well).1.await.unwrap().status(), StatusCode::OK);
    }
    let hosts = stack.circuit_breaker().hosts();
    assert_eq!(hosts.len(), 2);
    assert_eq!(hosts.peek(&host).unwrap().state(), State::Open);
    assert_eq!(hosts.peek(&call(&well).0).unwrap().state(), State::Closed);
}

#[tokio::test]
async fn a_host_is_one_host_however_it_is_written() {
    // One host is all there is room for, so every other one counts for the overflow.
    let hosts = per_host(KeyLimits::new("flowers", 1, SECOND).unwrap());
    for (uri, own) in [
        ("http://shop.test/a", true),
        ("http://other.test/", false),
        ("http://SHOP.test/b", true),
        ("http://rose@Shop.Test/", true),
    ] {
        let before = hosts.hosts().overflowed();
        let request = http::Request::get(uri).body(()).unwrap();
        assert!(hosts.admit(&request).is_ok());
        let request = reqwest::Request::new(http::Method::GET, uri.parse().unwrap());
        assert!(hosts.admit(&request).is_ok());
        assert_eq!(hosts.hosts().overflowed() == before, own, "{uri}");
    }
    let shop = hosts.hosts().peek(&Host::from("shop.test")).unwrap();
    assert_eq!(shop.snapshot().counts.cancelled, 6);
}

#[tokio::test]
async fn hosts_beyond_the_limit_share_one_circuit() {
    let hosts = per_host(KeyLimits::new("flowers", 2, SECOND).unwrap());
    for host in 0..100 {
        let request = http::Request::get(format!("http://{host}.test/"))
            .body(())
            .unwrap();
        assert!(hosts.admit(&request).is_ok());
    }
    assert_eq!(hosts.hosts().len(), 2);
    assert_eq!(hosts.hosts().overflow().snapshot().counts.cancelled, 98);
}

#[tokio::test]
async fn a_host_that_is_known_is_found_without_allocating() {
    let hosts = per_host(KeyLimits::default());
    let hyper = http::Request::get("http://shop.test:8080/")
        .body(())
        .unwrap();
    let url = "http://shop.test:8080/".parse().unwrap();
    let reqwest = reqwest::Request::new(http::Method::GET, url);
    let admit = || drop((hosts.admit(&hyper), hosts.admit(&reqwest)));
    admit();
    assert_eq!(measure(|| (0..100).for_each(|_| admit())).count_total, 0);
    assert_eq!(hosts.hosts().len(), 1);
}
