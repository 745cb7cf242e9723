//! Bodies that come too slowly.
#![cfg(feature = "http")]

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tokio::time::{Instant, Interval, interval_at};
use tower::{Layer, ServiceExt, service_fn};
use watertight_core::{Error, Rejected};
use watertight_timeout::{BodyTimeoutLayer, Phase, Timeout, TimeoutBody};

const SECOND: Duration = Duration::from_secs(1);

/// A frame at every interval, so many in all.
struct Steady(Interval, usize);

impl Steady {
    fn every(interval: Duration, frames: usize) -> Self {
        Self(interval_at(Instant::now() + interval, interval), frames)
    }
}

impl Body for Steady {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.1 == 0 {
            return Poll::Ready(None);
        }
        ready!(self.0.poll_tick(cx));
        self.1 -= 1;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"petal")))))
    }
}

async fn limited<B: Body>(
    layer: BodyTimeoutLayer,
    body: impl FnOnce() -> B,
) -> Response<TimeoutBody<B>> {
    let body = std::cell::Cell::new(Some(body()));
    let inner = service_fn(|_: Request<()>| {
        let response = Response::builder()
            .header("kept", "yes")
            .body(body.take().unwrap());
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    layer.layer(inner).oneshot(Request::new(())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_frame_starts_the_pause_anew() {
    let layer = BodyTimeoutLayer::new().idle(SECOND * 2);
    let body = limited(layer, || Steady::every(SECOND, 20))
        .await
        .into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_too_long_is_an_error_that_tells_by_whom() {
    let idle = Timeout::builder("idle")
        .duration(SECOND * 2)
        .build()
        .unwrap();
    let layer = BodyTimeoutLayer::new().idle(&idle);
    let response = limited(layer, || Steady::every(SECOND * 3, 20)).await;
    assert_eq!(response.headers()["kept"], "yes");
    let start = Instant::now();
    let error = response.into_body().collect().await.unwrap_err();
    assert_eq!(start.elapsed(), SECOND * 2);
    assert_eq!(Rejected::find(&error).unwrap().by, "idle");
    assert_eq!(idle.snapshot().elapsed(Phase::BodyIdle), 1);
}

#[tokio::test(start_paused = true)]
async fn steady_frames_do_not_extend_the_total() {
    let total = Timeout::builder("total")
        .duration(SECOND * 10)
        .build()
        .unwrap();
    let layer = BodyTimeoutLayer::new().idle(SECOND * 2).total(&total);
    let body = limited(layer, || Steady::every(SECOND, 1_000))
        .await
        .into_body();
    let start = Instant::now();
    let error = body.collect().await.unwrap_err();
    assert!(matches!(error, Error::Rejected(why) if why.by == "total"));
    assert_eq!(start.elapsed(), SECOND * 10);
    assert_eq!(total.snapshot().elapsed(Phase::BodyTotal), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_and_with_one_that_is_kept_nothing_changes() {
    let body = limited(BodyTimeoutLayer::new(), || {
        Full::new(Bytes::from_static(b"rose"))
    })
    .await;
    assert_eq!(body.body().size_hint().exact(), Some(4));
    assert_eq!(body.into_body().collect().await.unwrap().to_bytes(), "rose");
    let empty = limited(BodyTimeoutLayer::new().total(SECOND), Empty::<Bytes>::new).await;
    assert!(empty.body().is_end_stream());
}
