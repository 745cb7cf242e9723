//! The five ways in which a body ends, and what each says about the call.
#![cfg(feature = "grpc")]

mod support;

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use support::{Ended, Gate};
use tokio_test::task;
use tower::{Layer, ServiceExt, service_fn};
use watertight_core::{
    AdmissionLayer, BoxError, Verdict,
    http::{HeldBody, UntilBodyEnd},
};

type Frames = Vec<Result<Frame<Bytes>, BoxError>>;

/// A body of scripted frames that never says of itself that it has ended.
struct Script(std::vec::IntoIter<Result<Frame<Bytes>, BoxError>>);

impl Body for Script {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.0.next() {
            Some(Ok(frame)) if frame.data_ref().is_some_and(Bytes::is_empty) => panic!("body"),
            frame => Poll::Ready(frame),
        }
    }
}

fn script(frames: Frames) -> Script {
    Script(frames.into_iter())
}

fn data() -> Result<Frame<Bytes>, BoxError> {
    Ok(Frame::data(Bytes::from_static(b"petals")))
}

fn trailers(status: &'static str) -> Result<Frame<Bytes>, BoxError> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    Ok(Frame::trailers(trailers))
}

async fn http<B: Body>(gate: &Gate, body: B) -> Response<HeldBody<B, support::Ticket, ()>> {
    let response = std::cell::Cell::new(Some(Response::new(body)));
    let service =
        service_fn(|(): ()| std::future::ready(Ok::<_, Infallible>(response.take().unwrap())));
    let layer = AdmissionLayer::new(gate.clone()).hold(UntilBodyEnd::new());
    layer.layer(service).oneshot(()).await.unwrap()
}

/// Sends a gRPC response through the layer, reads it to its end, and tells how the permit ended.
async fn grpc(head: &[(&'static str, &'static str)], frames: Frames) -> Vec<Ended> {
    let gate = Gate::default();
    let mut response = Response::builder();
    for (name, value) in head {
        response = response.header(*name, *value);
    }
    let response = std::cell::Cell::new(Some(response.body(script(frames)).unwrap()));
    let service =
        service_fn(|(): ()| std::future::ready(Ok::<_, Infallible>(response.take().unwrap())));
    let layered = AdmissionLayer::for_grpc(gate.clone()).layer(service);
    let _ = layered
        .oneshot(())
        .await
        .unwrap()
        .into_body()
        .collect()
        .await;
    gate.ended()
}

#[tokio::test]
async fn the_permit_is_held_until_the_body_says_none() {
    let gate = Gate::default();
    let mut body = http(&gate, script(vec![data()])).await.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(gate.out(), 1);
    assert!(body.frame().await.is_none());
    assert_eq!(gate.ended(), [Ended::HeadThen(Verdict::Success)]);
}

#[tokio::test]
async fn the_permit_ends_when_the_last_frame_says_so() {
    let gate = Gate::default();
    let mut body = http(&gate, Full::new(Bytes::from_static(b"petals")))
        .await
        .into_body();
    assert_eq!(gate.out(), 1);
    body.frame().await.unwrap().unwrap();
    assert_eq!(gate.out(), 0);
}

#[tokio::test]
async fn a_body_that_had_ended_when_it_was_made_holds_nothing() {
    let gate = Gate::default();
    let _response = http(&gate, Empty::<Bytes>::new()).await;
    assert_eq!(gate.ended(), [Ended::With(Verdict::Success)]);
}

#[tokio::test]
async fn a_failing_body_is_a_failure() {
    let gate = Gate::default();
    let response = http(&gate, script(vec![data(), Err("reset".into())])).await;
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(gate.ended(), [Ended::HeadThen(Verdict::Failure)]);
}

#[tokio::test]
async fn the_verdict_of_the_head_stands_when_an_http_body_is_dropped() {
    let gate = Gate::default();
    drop(http(&gate, script(vec![data()])).await);
    assert_eq!(gate.ended(), [Ended::HeadThen(Verdict::Success)]);
}

#[tokio::test]
async fn a_body_that_panics_is_a_failure_at_once() {
    let gate = Gate::default();
    let broken = script(vec![Ok(Frame::data(Bytes::new()))]);
    let mut body = http(&gate, broken).await.into_body();
    let mut frame = task::spawn(body.frame());
    assert!(catch_unwind(AssertUnwindSafe(|| frame.poll())).is_err());
    assert_eq!(gate.ended(), [Ended::HeadThen(Verdict::Failure)]);
}

#[tokio::test]
async fn grpc_trailers_decide_about_a_stream() {
    for (status, verdict) in [
        ("0", Verdict::Success),
        ("5", Verdict::Success),
        ("8", Verdict::Success),
        ("2", Verdict::Failure),
        ("4", Verdict::Failure),
        ("13", Verdict::Failure),
        ("14", Verdict::Failure),
        ("15", Verdict::Failure),
        ("petal", Verdict::Failure),
    ] {
        let ended = grpc(&[], vec![data(), trailers(status)]).await;
        assert_eq!(ended, [Ended::HeadThen(verdict)], "status {status}");
    }
}

#[tokio::test]
async fn a_grpc_stream_without_a_status_is_a_failure() {
    assert_eq!(
        grpc(&[], vec![data()]).await,
        [Ended::HeadThen(Verdict::Failure)]
    );
}

#[tokio::test]
async fn a_trailers_only_grpc_response_is_decided_by_its_head() {
    let ended = grpc(&[("grpc-status", "14")], vec![]).await;
    assert_eq!(ended, [Ended::With(Verdict::Failure)]);
    let ended = grpc(&[("grpc-status", "0")], vec![]).await;
    assert_eq!(ended, [Ended::With(Verdict::Success)]);
}

#[tokio::test]
async fn a_grpc_stream_that_is_dropped_was_cancelled() {
    let gate = Gate::default();
    let service =
        service_fn(async |(): ()| Ok::<_, Infallible>(Response::new(script(vec![data()]))));
    let layered = AdmissionLayer::for_grpc(gate.clone()).layer(service);
    drop(layered.oneshot(()).await.unwrap());
    assert_eq!(gate.ended(), [Ended::Cancelled]);
}
