//! Bodies that come too slowly.
#![cfg(feature = "http")]

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tokio::time::{Instant, Interval, advance, interval_at};
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
) -> Response<Pin<Box<TimeoutBody<B>>>> {
    let body = std::cell::Cell::new(Some(body()));
    let inner = service_fn(|_: Request<()>| {
        let response = Response::builder()
            .header("kept", "yes")
            .body(body.take().unwrap());
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    let response = layer.layer(inner).oneshot(Request::new(())).await.unwrap();
    response.map(Box::pin)
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

#[tokio::test(start_paused = true)]
async fn a_body_that_ends_when_time_is_up_is_whole() {
    let layer = BodyTimeoutLayer::new().idle(SECOND).total(SECOND * 3);
    let body = limited(layer, || Steady::every(SECOND, 3))
        .await
        .into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 15);
}

#[tokio::test(start_paused = true)]
async fn an_end_that_is_read_late_is_an_end_and_a_frame_in_between_is_not() {
    let total = || BodyTimeoutLayer::new().total(SECOND);
    let mut whole = limited(total(), || Full::new(Bytes::from_static(b"rose"))).await;
    let mut cut = limited(total(), || Steady::every(SECOND, 2)).await;
    advance(SECOND * 2).await;
    let last = whole.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(last.into_data().unwrap(), "rose");
    let error = cut.body_mut().frame().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Rejected(_)));
}

#[tokio::test(start_paused = true)]
async fn a_body_is_dropped_as_soon_as_time_is_up() {
    struct Held {
        _alive: Arc<()>,
    }
    impl Body for Held {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }
    for layer in [
        BodyTimeoutLayer::new().idle(SECOND),
        BodyTimeoutLayer::new().total(SECOND),
    ] {
        let alive = Arc::new(());
        let mut body = limited(layer, || Held {
            _alive: Arc::clone(&alive),
        })
        .await
        .into_body();
        body.frame().await.unwrap().unwrap_err();
        assert_eq!(Arc::strong_count(&alive), 1);
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_slow_to_ask_is_no_pause_of_the_body() {
    let layer = BodyTimeoutLayer::new().idle(SECOND * 2);
    let mut body = limited(layer, || Steady::every(SECOND * 5, 2))
        .await
        .into_body();
    advance(SECOND * 4).await;
    body.frame().await.unwrap().unwrap();
    advance(SECOND * 4).await;
    body.frame().await.unwrap().unwrap();
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn limits_of_zero_and_without_end_do_not_panic() {
    let zero = || {
        BodyTimeoutLayer::new()
            .idle(Duration::ZERO)
            .total(Duration::ZERO)
    };
    let ready = limited(zero(), || Full::new(Bytes::from_static(b"rose"))).await;
    assert_eq!(
        ready.into_body().collect().await.unwrap().to_bytes(),
        "rose"
    );
    let pending = limited(zero(), || Steady::every(SECOND, 1)).await;
    let error = pending.into_body().collect().await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)));
    let never = BodyTimeoutLayer::new()
        .idle(Duration::MAX)
        .total(Duration::MAX);
    let body = limited(never, || Steady::every(SECOND * 86_400, 3)).await;
    assert_eq!(
        body.into_body().collect().await.unwrap().to_bytes().len(),
        15
    );
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_limits_is_the_one_that_is_named() {
    for (idle, total, by, at) in [(1, 2, "idle", 1), (2, 1, "total", 1), (2, 2, "total", 2)] {
        let timeout = |name, seconds| {
            Timeout::builder(name)
                .duration(SECOND * seconds)
                .build()
                .unwrap()
        };
        let layer = BodyTimeoutLayer::new()
            .idle(timeout("idle", idle))
            .total(timeout("total", total));
        let start = Instant::now();
        let body = limited(layer, || Steady::every(SECOND * 9, 1))
            .await
            .into_body();
        let error = body.collect().await.unwrap_err();
        assert_eq!(Rejected::find(&error).unwrap().by, by);
        assert_eq!(start.elapsed(), SECOND * at);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_body_itself_passes_also_when_time_is_up() {
    let broken = http_body_util::StreamBody::new(futures::stream::iter([Err::<Frame<Bytes>, _>(
        std::io::Error::other("reset"),
    )]));
    let layer = BodyTimeoutLayer::new().total(SECOND);
    let mut body = limited(layer, || broken).await.into_body();
    advance(SECOND * 2).await;
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.into_inner().unwrap().to_string(), "reset");
}
