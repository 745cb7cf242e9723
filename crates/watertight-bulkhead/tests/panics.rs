//! Whatever panics, only its own call breaks.

use std::{
    convert::Infallible,
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadLayer, Queue};
use watertight_core::{Deadline, KeyLimits, Rejected, Verdict};

const UNLUCKY: u32 = 13;

fn inner() -> impl Service<u32, Response = u32, Error = Infallible, Future: Send> + Clone {
    service_fn(|n: u32| ready(Ok(n)))
}

fn picky(n: &u32) -> bool {
    assert!(*n != UNLUCKY, "unlucky");
    false
}

fn one() -> Bulkhead {
    Bulkhead::builder("email")
        .max_concurrent(1)
        .build()
        .unwrap()
}

fn queued() -> Bulkhead<Queue> {
    let email = Bulkhead::builder("email").max_concurrent(1).queue(1);
    email.build().unwrap()
}

/// Calls with the unlucky number, which panics in `call` or in the first poll, and then with another.
async fn breaks_its_own_call_only<S>(mut service: S)
where
    S: Service<u32, Response = u32, Error: std::fmt::Debug>,
{
    service.ready().await.unwrap();
    let broken = catch_unwind(AssertUnwindSafe(|| {
        task::spawn(service.call(UNLUCKY)).poll().is_ready()
    }));
    broken.unwrap_err();
    assert_eq!(service.oneshot(7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_panicking_exemption_breaks_its_own_call_only() {
    let email = one();
    let layer = BulkheadLayer::new(email.exempt(picky));
    breaks_its_own_call_only(layer.layer(inner())).await;
    let email = queued();
    let layer = BulkheadLayer::new(email.exempt(picky));
    breaks_its_own_call_only(layer.layer(inner())).await;
}

#[tokio::test]
async fn a_panicking_key_breaks_its_own_call_only() {
    let shares = Bulkhead::builder("tenants")
        .max_concurrent(1)
        .share_per_key(1);
    let tenants = shares.keyed::<bool>(KeyLimits::default()).unwrap();
    breaks_its_own_call_only(BulkheadLayer::keyed(tenants, picky).layer(inner())).await;
}

#[tokio::test]
async fn a_panicking_classifier_frees_the_permit_of_its_call() {
    let judge = |result: Result<&u32, &Infallible>| match result {
        Ok(&UNLUCKY) => panic!("unlucky"),
        _ => Verdict::Success,
    };
    let email = one();
    let layer = BulkheadLayer::new(email.clone()).classify(judge);
    breaks_its_own_call_only(layer.layer(inner())).await;
    let seen = email.snapshot();
    assert_eq!((seen.in_flight, seen.ignored, seen.completed), (0, 1, 1));
}

#[tokio::test]
async fn a_panicking_deadline_leaves_its_place_in_the_queue() {
    let email = queued();
    let deadline = |n: &u32| -> Option<Deadline> {
        assert!(*n != UNLUCKY, "unlucky");
        None
    };
    let layer = BulkheadLayer::new(email.deadline_of(deadline));
    let held = email.try_acquire().unwrap();
    let mut service = layer.layer(inner());
    service.ready().await.unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(service.call(UNLUCKY)))).is_err());
    assert_eq!(email.snapshot().queued, 0);
    let mut waits = task::spawn(service.oneshot(7));
    assert_pending!(waits.poll());
    drop(held);
    assert_eq!(waits.await.unwrap(), 7);
}

#[tokio::test]
async fn a_panicking_answer_to_a_refusal_breaks_its_own_call_only() {
    let email = one();
    let held = email.try_acquire().unwrap();
    let layer =
        BulkheadLayer::new(email.clone()).respond_with(|_: Rejected| -> u32 { panic!("unlucky") });
    let mut refused = task::spawn(layer.layer(inner()).oneshot(7));
    catch_unwind(AssertUnwindSafe(|| refused.poll())).unwrap_err();
    drop(held);
    assert_eq!(layer.layer(inner()).oneshot(7).await.unwrap(), 7);
}

#[tokio::test]
async fn a_call_that_panics_after_it_has_waited_frees_its_permit_and_its_place() {
    let email = queued();
    let broken =
        service_fn(|_: u32| -> std::future::Ready<Result<u32, Infallible>> { panic!("in call") });
    let held = email.try_acquire().unwrap();
    let mut waits = task::spawn(BulkheadLayer::new(email.clone()).layer(broken).oneshot(7));
    assert_pending!(waits.poll());
    drop(held);
    catch_unwind(AssertUnwindSafe(|| waits.poll())).unwrap_err();
    assert_eq!(email.snapshot().in_flight, 0);
    drop(waits);
    let seen = email.snapshot();
    assert_eq!((seen.queued, seen.failed, seen.submitted), (0, 1, 2));
}
