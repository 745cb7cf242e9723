//! What the classifiers make of `reqwest`'s own types.
#![cfg(all(feature = "grpc", feature = "reqwest"))]

use std::time::Duration;

use http::Response;
use watertight_core::{
    Classify, Outcome, Reason, Rejected, Verdict,
    http::{GrpcErrors, ServerErrors, host_of},
};

fn response(build: http::response::Builder) -> Result<reqwest::Response, reqwest::Error> {
    Ok(build.body("").unwrap().into())
}

#[test]
fn a_500_that_reqwest_calls_a_success_is_a_failure() {
    for (status, expected) in [
        (200, Verdict::Success),
        (404, Verdict::Success),
        (500, Verdict::Failure),
    ] {
        let answer = response(Response::builder().status(status));
        let verdict = ServerErrors::new().classify(answer.as_ref());
        assert_eq!(verdict, expected, "{status}");
    }
}

#[test]
fn an_error_of_the_transport_is_a_failure() {
    let error = reqwest::Client::new().get("no url").build().unwrap_err();
    let verdict = ServerErrors::new().classify(Err::<&reqwest::Response, _>(&error));
    assert_eq!(verdict, Verdict::Failure);
}

#[test]
fn its_headers_tell_when_to_come_back() {
    let answer = response(Response::builder().status(503).header("retry-after", "7"));
    let after = ServerErrors::new().retry_after(answer.as_ref());
    let outcome = Outcome::from(Verdict::Failure).retry_after(after);
    assert_eq!(outcome.retry_after, Some(Duration::from_secs(7)));
}

#[test]
fn our_own_refusal_is_known_by_its_extensions() {
    for (reason, expected) in [
        (Reason::Full, Verdict::Ignore),
        (Reason::NotReady, Verdict::Failure),
        (Reason::TimedOut, Verdict::Failure),
    ] {
        let refused = Rejected::new("payments", reason);
        let answer = response(Response::builder().status(503).extension(refused));
        assert_eq!(ServerErrors::new().classify(answer.as_ref()), expected);
    }
}

#[test]
fn a_grpc_status_is_read_from_its_headers() {
    let answer = response(Response::builder().header("grpc-status", "14"));
    assert_eq!(
        GrpcErrors::new().classify(answer.as_ref()),
        Verdict::Failure
    );
}

#[test]
fn its_host_is_a_key_with_the_port_that_is_no_default() {
    let client = reqwest::Client::new();
    for (url, host) in [
        ("http://User:secret@Shop.test/pay", "shop.test"),
        ("https://shop.test:443/pay", "shop.test"),
        ("https://shop.test:8443/pay", "shop.test:8443"),
    ] {
        let request = client.get(url).build().unwrap();
        assert_eq!(host_of(&request).as_str(), host);
    }
}
