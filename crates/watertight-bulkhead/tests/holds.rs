//! Until when a permit is held, in every mode and for every way in which a body ends.
#![cfg(feature = "http")]

use std::{
    convert::Infallible,
    future::ready,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadLayer, Snapshot};
use watertight_core::{KeyLimits, http::Problem};

/// How a body ends.
#[derive(Clone, Copy, Debug)]
enum End {
    None,
    Error,
    LastFrame,
    AtOnce,
    Dropped,
}

const ENDS: [End; 5] = [
    End::None,
    End::Error,
    End::LastFrame,
    End::AtOnce,
    End::Dropped,
];

/// Two frames, and an end.
struct Petals {
    left: usize,
    end: End,
}

impl Body for Petals {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let Some(left) = self.left.checked_sub(1) else {
            return Poll::Ready(match self.end {
                End::Error => Some(Err(std::io::Error::other("reset"))),
                _ => None,
            });
        };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"petal")))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && matches!(self.end, End::LastFrame | End::AtOnce)
    }
}

fn shop(
    end: End,
) -> impl Service<Request<()>, Response = Response<Petals>, Error = Infallible> + Clone {
    service_fn(move |_| {
        let left = if matches!(end, End::AtOnce) { 0 } else { 2 };
        ready(Ok(Response::new(Petals { left, end })))
    })
}

/// Reads a body to its end; what the bulkhead says when the head is there, before the end, and after it.
async fn watch<S, B>(service: S, end: End, seen: impl Fn() -> Snapshot) -> [Snapshot; 3]
where
    S: Service<Request<()>, Response = Response<B>, Error: std::fmt::Debug>,
    B: Body + Unpin,
{
    let mut body = service.oneshot(Request::new(())).await.unwrap().into_body();
    let head = seen();
    let mut next = || Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop()));
    let frames = match end {
        End::None | End::Error => 2,
        End::LastFrame | End::Dropped => 1,
        End::AtOnce => 0,
    };
    (0..frames).for_each(|_| assert!(matches!(next(), Poll::Ready(Some(Ok(_))))));
    let before = seen();
    if matches!(end, End::Dropped) {
        drop(body);
    } else {
        let _ = next();
    }
    [head, before, seen()]
}

fn check(end: End, seen: &[Snapshot; 3]) {
    let ended_at_once = matches!(end, End::AtOnce);
    let expected = [usize::from(!ended_at_once), usize::from(!ended_at_once), 0];
    let in_flight = seen.each_ref().map(|snapshot| snapshot.in_flight);
    assert_eq!(in_flight, expected, "{end:?}");
    let failed = u64::from(matches!(end, End::Error));
    let last = &seen[2];
    assert_eq!(
        (last.completed, last.failed, last.cancelled),
        (1 - failed, failed, 0),
        "{end:?}"
    );
}

#[tokio::test]
async fn a_refusing_bulkhead_holds_until_each_end_of_a_body() {
    for end in ENDS {
        let email = Bulkhead::builder("email")
            .max_concurrent(1)
            .build()
            .unwrap();
        let layer = BulkheadLayer::for_http(email.clone()).until_body_end();
        check(
            end,
            &watch(layer.layer(shop(end)), end, || email.snapshot()).await,
        );
    }
}

#[tokio::test]
async fn a_bulkhead_with_a_queue_holds_until_each_end_of_a_body() {
    for end in ENDS {
        let email = Bulkhead::builder("email")
            .max_concurrent(1)
            .queue(1)
            .build()
            .unwrap();
        let layer = BulkheadLayer::for_http(email.clone()).until_body_end();
        check(
            end,
            &watch(layer.layer(shop(end)), end, || email.snapshot()).await,
        );
    }
}

#[tokio::test]
async fn a_bulkhead_with_back_pressure_holds_until_each_end_of_a_body() {
    for end in ENDS {
        let email = Bulkhead::builder("email")
            .max_concurrent(1)
            .back_pressure()
            .build()
            .unwrap();
        let layer = BulkheadLayer::for_http(email.clone()).until_body_end();
        check(
            end,
            &watch(layer.layer(shop(end)), end, || email.snapshot()).await,
        );
    }
}

#[tokio::test]
async fn a_share_and_the_whole_are_held_until_each_end_of_a_body() {
    for end in ENDS {
        let shares = Bulkhead::builder("tenants")
            .max_concurrent(1)
            .share_per_key(1);
        let tenants = shares.keyed::<u8>(KeyLimits::default()).unwrap();
        let share = tenants.get(&0);
        let layer = BulkheadLayer::keyed(tenants, |_: &Request<()>| 0_u8)
            .on_reject(Problem::new())
            .until_body_end();
        check(
            end,
            &watch(layer.layer(shop(end)), end, || share.whole().snapshot()).await,
        );
        assert_eq!(share.own().snapshot().in_flight, 0);
    }
}

#[tokio::test]
async fn until_the_head_is_the_default() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .build()
        .unwrap();
    let layer = BulkheadLayer::for_http(email.clone());
    let response = layer
        .layer(shop(End::None))
        .oneshot(Request::new(()))
        .await
        .unwrap();
    assert_eq!(email.snapshot().in_flight, 0);
    drop(response);
    assert_eq!(email.snapshot().completed, 1);
}

#[tokio::test]
async fn an_exempt_call_has_no_permit_to_hold() {
    let email = Bulkhead::builder("email")
        .max_concurrent(0)
        .build()
        .unwrap();
    let everybody = email.exempt(|_: &Request<()>| true);
    let layer = BulkheadLayer::for_http(everybody).until_body_end();
    let response = layer
        .layer(shop(End::None))
        .oneshot(Request::new(()))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(email.snapshot().submitted, 0);
}
