//! What a refusal looks like to HTTP and gRPC callers.
#![cfg(feature = "grpc")]

mod support;

use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use support::Gate;
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_core::{
    AdmissionLayer, Classify, Reason, Rejected, Verdict,
    http::{GrpcErrors, GrpcStatus, Problem, ServerErrors, host_of},
};

type Answer = Response<Full<Bytes>>;

fn inner() -> impl Service<(), Response = Answer, Error = Infallible> {
    service_fn(async |(): ()| Ok(Response::new(Full::from("roses"))))
}

#[tokio::test]
async fn an_http_refusal_is_a_problem_that_names_no_dependency() {
    let gate = Gate::default();
    gate.shut(true);
    let response = AdmissionLayer::for_http(gate)
        .layer(inner())
        .oneshot(())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.extensions().get::<Rejected>().unwrap().by, "gate");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(
        body.contains(r#""status":503"#) && !body.contains("gate"),
        "{body}"
    );
}

#[tokio::test]
async fn an_admitted_response_passes_untouched() {
    let service = AdmissionLayer::for_http(Gate::default()).layer(inner());
    let response = service.oneshot(()).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert!(!response.body().is_end_stream());
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "roses"
    );
}

#[test]
fn retry_after_is_rounded_up_to_whole_seconds_and_left_out_when_unknown() {
    let open = Rejected::new("pay", Reason::Open);
    for (after, header) in [(0, "0"), (1, "1"), (999, "1"), (1_000, "1"), (1_001, "2")] {
        let why = open.with_retry_after(Duration::from_millis(after));
        let response = Problem::new().respond::<Full<Bytes>>(why);
        assert_eq!(
            response.headers()[header::RETRY_AFTER],
            header,
            "{after} ms"
        );
    }
    let hostile = open.with_retry_after(Duration::MAX);
    let _ = Problem::new().respond::<Full<Bytes>>(hostile);
    let unknown = Problem::new().respond::<Full<Bytes>>(open);
    assert!(!unknown.headers().contains_key(header::RETRY_AFTER));
}

#[test]
fn the_status_says_whether_we_are_overloaded_or_out_of_time() {
    for reason in Reason::ALL {
        let expected = match reason {
            Reason::TimedOut | Reason::NotReady | Reason::DeadlinePassed => 504,
            _ => 503,
        };
        let why = Rejected::new("pay", reason);
        let response = Problem::new().respond::<Full<Bytes>>(why);
        assert_eq!(response.status(), expected, "{reason:?}");
        let custom = Problem::new().status(StatusCode::TOO_MANY_REQUESTS);
        let response = custom.respond::<Full<Bytes>>(why);
        let expected = if expected == 504 { 504 } else { 429 };
        assert_eq!(response.status(), expected, "{reason:?}");
    }
}

#[tokio::test]
async fn every_problem_body_is_json_with_its_own_status() {
    for status in [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::from_u16(599).unwrap(),
    ] {
        let why = Rejected::new("pay", Reason::Full);
        let response = Problem::new().status(status).respond::<Full<Bytes>>(why);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["status"], status.as_u16());
        assert!(body["title"].is_string() && body["detail"].is_string());
    }
}

#[test]
fn a_grpc_refusal_is_a_trailers_only_status() {
    for (reason, code) in [
        (Reason::Open, "14"),
        (Reason::ForcedOpen, "14"),
        (Reason::ProbesTaken, "14"),
        (Reason::Full, "8"),
        (Reason::QueueFull, "8"),
        (Reason::WaitedTooLong, "8"),
        (Reason::DeadlinePassed, "4"),
        (Reason::NotReady, "4"),
        (Reason::TimedOut, "4"),
    ] {
        let why = Rejected::new("pay", reason).with_retry_after(Duration::from_micros(1_500));
        let response = GrpcStatus.respond::<Full<Bytes>>(why);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], code, "{reason:?}");
        assert_eq!(response.headers()["grpc-retry-pushback-ms"], "2");
        assert!(response.body().is_end_stream());
    }
}

#[test]
fn our_own_refusal_is_ignored_further_out_but_a_service_that_had_its_time_is_not() {
    let judge = |reason| {
        let response = Problem::new().respond::<Full<Bytes>>(Rejected::new("pay", reason));
        let http = ServerErrors::new().classify(Ok::<_, &Infallible>(&response));
        let response = GrpcStatus.respond::<Full<Bytes>>(Rejected::new("pay", reason));
        (
            http,
            GrpcErrors::new().classify(Ok::<_, &Infallible>(&response)),
        )
    };
    for reason in Reason::ALL {
        let expected = match reason {
            Reason::TimedOut | Reason::NotReady => Verdict::Failure,
            _ => Verdict::Ignore,
        };
        assert_eq!(judge(reason), (expected, expected), "{reason:?}");
    }
}

#[test]
fn a_grpc_answer_that_is_no_http_200_is_a_failure() {
    for (status, expected) in [(200, Verdict::Success), (404, Verdict::Failure)] {
        let response = Response::builder().status(status).body(()).unwrap();
        let verdict = GrpcErrors::new().classify(Ok::<_, &Infallible>(&response));
        assert_eq!(verdict, expected, "{status}");
    }
}

#[test]
fn server_errors_fail_and_client_errors_do_not() {
    for (status, expected) in [
        (200, Verdict::Success),
        (302, Verdict::Success),
        (404, Verdict::Success),
        (429, Verdict::Success),
        (500, Verdict::Failure),
        (503, Verdict::Failure),
        (599, Verdict::Failure),
    ] {
        let response = Response::builder().status(status).body(()).unwrap();
        let verdict = ServerErrors::new().classify(Ok::<_, &Infallible>(&response));
        assert_eq!(verdict, expected, "{status}");
    }
}

#[test]
fn retry_after_is_read_in_seconds_and_as_a_date_relative_to_the_servers_own_clock() {
    let after = |headers: &[(&str, &str)]| {
        let mut response = Response::builder().status(503);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(()).unwrap();
        ServerErrors::new().retry_after(Ok::<_, &Infallible>(&response))
    };
    let date = ("date", "Sun, 14 Feb 2027 08:00:00 GMT");
    let until = ("retry-after", "Sun, 14 Feb 2027 08:01:30 GMT");
    assert_eq!(after(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(after(&[date, until]), Some(Duration::from_secs(90)));
    let endless = [("retry-after", "99999999999999999999999")];
    assert_eq!(after(&endless), Some(Duration::from_secs(u64::MAX)));
    for unknown in ["", "-1", "soon", "1.5"] {
        assert_eq!(after(&[("retry-after", unknown)]), None, "{unknown}");
    }
    assert_eq!(after(&[until]), None);
    assert_eq!(after(&[]), None);
}

#[test]
fn the_host_is_the_key_without_user_and_in_lower_case() {
    let at = |uri: &str| host_of(&Request::get(uri).body(()).unwrap());
    assert_eq!(
        at("http://User:secret@Shop.test:8080/pay").as_str(),
        "shop.test:8080"
    );
    assert_eq!(at("http://shop.test/a"), at("http://SHOP.test/b"));
    for usual in [
        "http://shop.test:80/",
        "https://shop.test:443/",
        "http://shop.test:/",
    ] {
        assert_eq!(at(usual).as_str(), "shop.test", "{usual}");
    }
    assert_eq!(at("https://shop.test:80/").as_str(), "shop.test:80");
    let origin = Request::get("/pay")
        .header("host", "Shop.test")
        .body(())
        .unwrap();
    assert_eq!(host_of(&origin).as_str(), "shop.test");
    assert_eq!(at("/pay").as_str(), "");
}
