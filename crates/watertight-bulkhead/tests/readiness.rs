//! The inner service is called when it was readied, and readied once per call.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt};
use tower_test::mock;
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_core::{BoxError, Errors};

/// Counts how often it is readied, and breaks when it is called without.
#[derive(Default)]
struct Strict {
    readied: bool,
    times: Arc<AtomicUsize>,
}

impl Service<()> for Strict {
    type Response = ();
    type Error = BoxError;
    type Future = Ready<Result<(), BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.times.fetch_add(1, Ordering::SeqCst);
        self.readied = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        assert!(std::mem::take(&mut self.readied), "not readied");
        ready(Ok(()))
    }
}

// A clone of a service that was readied is not.
impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            readied: false,
            times: Arc::clone(&self.times),
        }
    }
}

/// Ten calls, each polled ready as often as a careless caller does; how often the inner service was readied.
async fn readied<S: Service<(), Response = ()>>(mut service: S, times: &AtomicUsize) -> usize
where
    S::Error: std::fmt::Debug,
{
    for _ in 0..10 {
        service.ready().await.unwrap();
        service.ready().await.unwrap();
        service.call(()).await.unwrap();
    }
    times.load(Ordering::SeqCst)
}

#[tokio::test]
async fn each_mode_readies_its_inner_service_once_per_call() {
    let one = || Bulkhead::builder("email").max_concurrent(1);
    let strict = Strict::default();
    let times = Arc::clone(&strict.times);
    let refusing = BulkheadLayer::boxed(one().build().unwrap()).layer(strict);
    assert_eq!(readied(refusing, &times).await, 10);
    let strict = Strict::default();
    let times = Arc::clone(&strict.times);
    let layer = BulkheadLayer::boxed(one().queue(1).build().unwrap());
    assert_eq!(readied(layer.layer(strict), &times).await, 10);
}

#[tokio::test]
async fn a_refused_call_leaves_the_inner_service_ready_for_the_next() {
    let strict = Strict::default();
    let times = Arc::clone(&strict.times);
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(1)
        .build()
        .unwrap();
    let layer = BulkheadLayer::boxed(email.clone());
    let mut service = layer.layer(strict);
    let held = email.try_acquire().unwrap();
    let mut waits = task::spawn(email.acquire());
    assert_pending!(waits.poll());
    service.ready().await.unwrap().call(()).await.unwrap_err();
    drop((held, waits));
    service.ready().await.unwrap().call(()).await.unwrap();
    assert_eq!(times.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_bulkhead_with_back_pressure_is_not_ready_before_its_inner_service_is() {
    let email = Bulkhead::builder("email")
        .max_concurrent(2)
        .back_pressure()
        .build()
        .unwrap();
    let layer = BulkheadLayer::new(email.clone()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    handle.allow(0);
    assert_pending!(service.poll_ready());
    assert_eq!(email.snapshot().in_flight, 1, "it has its permit already");
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call("ping"));
    assert_pending!(call.poll());
    handle.next_request().await.unwrap().1.send_response("pong");
    assert_eq!(assert_ready_ok!(call.poll()), "pong");
    assert_eq!(email.snapshot().completed, 1);
}

#[tokio::test]
async fn a_service_that_waits_in_the_queue_is_the_one_that_was_readied() {
    let strict = Strict::default();
    let times = Arc::clone(&strict.times);
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(2)
        .build()
        .unwrap();
    let layer = BulkheadLayer::boxed(email.clone());
    let mut service = layer.layer(strict);
    let held = email.try_acquire().unwrap();
    let mut first = task::spawn(service.ready().await.unwrap().call(()));
    assert_pending!(first.poll());
    let mut second = task::spawn(service.ready().await.unwrap().call(()));
    assert_pending!(second.poll());
    drop(held);
    assert_ready_ok!(first.poll());
    drop(first);
    assert_ready_ok!(second.poll());
    assert_eq!(times.load(Ordering::SeqCst), 2);
}
