//! Layers of others around ours: what they read of a response must be there.
#![cfg(feature = "grpc")]

mod support;

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use support::Gate;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::{
    compression::{CompressionLayer, predicate::SizeAbove},
    trace::TraceLayer,
};
use watertight_core::{
    AdmissionLayer, Classify, Error, Flat, Reason, Rejected, Verdict,
    http::{GrpcStatus, OwnBody, Problem, ServerErrors},
};

type Asked = Request<Empty<Bytes>>;

fn shop() -> impl Service<Asked, Response = Response<Full<Bytes>>, Error = Infallible> + Clone {
    service_fn(async |_| Ok(Response::new(Full::from("rose ".repeat(100)))))
}

fn request() -> Asked {
    Request::builder()
        .header("accept-encoding", "gzip")
        .body(Empty::new())
        .unwrap()
}

#[tokio::test]
async fn a_response_and_a_refusal_pass_a_trace_and_a_compression_layer() {
    let gate = Gate::default();
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(100)))
        .layer(AdmissionLayer::for_http(gate.clone()).until_body_end())
        .service(shop());
    let admitted = service.clone().oneshot(request()).await.unwrap();
    assert_eq!(admitted.headers()["content-encoding"], "gzip");
    assert_eq!(gate.out(), 1);
    let sent = admitted.into_body().collect().await.unwrap().to_bytes();
    assert!(sent.len() < 500);
    assert_eq!(gate.out(), 0);
    gate.shut(true);
    let refused = service.oneshot(request()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.extensions().get::<Rejected>().unwrap().by, "gate");
    assert!(
        !refused
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}

#[tokio::test]
async fn a_body_keeps_its_size_and_its_end_around_ours() {
    let layer = AdmissionLayer::for_http(Gate::default()).until_body_end();
    let full = layer
        .layer(shop())
        .oneshot(request())
        .await
        .unwrap()
        .into_body();
    assert_eq!(full.size_hint().exact(), Some(500));
    assert!(!full.is_end_stream());
    let empty =
        service_fn(async |_: Asked| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
    let empty = layer
        .layer(empty)
        .oneshot(request())
        .await
        .unwrap()
        .into_body();
    assert_eq!(empty.size_hint().exact(), Some(0));
    assert!(empty.is_end_stream());
}

#[tokio::test]
async fn a_problem_says_how_long_it_is_and_when_it_has_ended() {
    let why = Rejected::new("pay", Reason::Full);
    let mut body = Problem::new().respond::<Empty<Bytes>>(why).into_body();
    let announced = body.size_hint().exact().unwrap();
    assert!(!body.is_end_stream());
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame.len() as u64, announced);
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.frame().await.is_none());
    let body = GrpcStatus.respond::<Empty<Bytes>>(why).into_body();
    assert_eq!(
        (body.is_end_stream(), body.size_hint().exact()),
        (true, Some(0))
    );
}

#[tokio::test]
async fn a_problem_has_the_members_of_rfc_9457() {
    for (reason, status, title) in [
        (Reason::Open, 503, "Service Unavailable"),
        (Reason::TimedOut, 504, "Gateway Timeout"),
    ] {
        let response = Problem::new().respond::<Empty<Bytes>>(Rejected::new("pay", reason));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["type"], "about:blank");
        assert_eq!(
            (&body["status"], &body["title"]),
            (&status.into(), &title.into())
        );
        assert!(body["detail"].is_string());
    }
}

#[tokio::test]
async fn a_problem_can_have_the_services_own_body_type() {
    let gate = Gate::default();
    gate.shut(true);
    let layer = AdmissionLayer::for_http(gate).on_reject(Problem::new().same_body());
    let refused: Response<Full<Bytes>> = layer.layer(shop()).oneshot(request()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.extensions().get::<Rejected>().unwrap().by, "gate");
    assert!(refused.body().size_hint().lower() > 0);
}

#[tokio::test]
async fn an_outer_layer_ignores_a_refusal_from_further_in_whatever_form_it_has() {
    let (outer, inner) = (Gate::default(), Gate::default());
    inner.shut(true);
    let service = AdmissionLayer::for_http(outer.clone())
        .layer(AdmissionLayer::for_http(inner.clone()).layer(shop()));
    service.oneshot(request()).await.unwrap();
    let service = AdmissionLayer::new(outer.clone())
        .on_reject(Flat)
        .layer(AdmissionLayer::new(inner).layer(shop()));
    let error: Error<Infallible> = service.oneshot(request()).await.unwrap_err();
    assert!(error.rejected().is_some());
    assert_eq!(outer.ended(), [support::Ended::With(Verdict::Ignore); 2]);
}

#[test]
fn a_503_of_the_dependency_is_no_refusal_of_ours() {
    let theirs = Response::builder()
        .status(503)
        .body(OwnBody::<Empty<Bytes>>::default())
        .unwrap();
    let verdict = ServerErrors::new().classify(Ok::<_, &Infallible>(&theirs));
    assert_eq!(verdict, Verdict::Failure);
}
