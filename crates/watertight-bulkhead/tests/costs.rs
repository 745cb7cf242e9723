//! What a call costs, in exact counts.

use std::{convert::Infallible, future::ready, hint::black_box};

use allocation_counter::measure;
use tower::{Layer, Service, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadBuilder, BulkheadLayer, BulkheadPermit};
use watertight_core::KeyLimits;
use watertight_testing::at_once;

fn two() -> BulkheadBuilder {
    Bulkhead::builder("costs").max_concurrent(2)
}

fn inner() -> impl Service<u32, Response = u32, Error = Infallible> + Clone {
    service_fn(|n: u32| ready(Ok(n)))
}

/// The allocations of a hundred calls after the first, which makes what a worker needs once.
fn allocations<S: Service<u32>>(mut service: S) -> u64 {
    let mut calls = |count: u32| {
        for _ in 0..count {
            let _ = black_box(at_once(&mut service, 7));
        }
    };
    calls(1);
    measure(|| calls(100)).count_total
}

fn full(bulkhead: &Bulkhead) -> [BulkheadPermit; 2] {
    [0; 2].map(|_| bulkhead.try_acquire().unwrap())
}

#[test]
fn neither_an_admitted_nor_a_refused_call_allocates() {
    let email = two().build().unwrap();
    let layer = BulkheadLayer::new(email.clone());
    assert_eq!(allocations(layer.layer(inner())), 0);
    let _held = full(&email);
    assert_eq!(allocations(layer.layer(inner())), 0);
    assert_eq!(email.snapshot().full, 101);
}

#[test]
fn a_call_that_need_not_wait_in_the_queue_does_not_allocate() {
    let email = two().queue(5).build().unwrap();
    assert_eq!(
        allocations(BulkheadLayer::new(email.clone()).layer(inner())),
        0
    );
    assert_eq!(email.snapshot().completed, 101);
}

#[test]
fn a_call_that_takes_its_permit_in_poll_ready_does_not_allocate() {
    let email = two().back_pressure().build().unwrap();
    assert_eq!(allocations(BulkheadLayer::new(email).layer(inner())), 0);
}

#[test]
fn an_exempt_call_and_one_that_is_not_do_not_allocate() {
    let email = two().build().unwrap();
    let layer = BulkheadLayer::new(email.exempt(|n: &u32| *n == 7));
    assert_eq!(allocations(layer.layer(inner())), 0);
    let layer = BulkheadLayer::new(email.exempt(|n: &u32| *n == 8));
    assert_eq!(allocations(layer.layer(inner())), 0);
    assert_eq!(email.snapshot().completed, 101);
}

#[test]
fn a_known_key_does_not_allocate_whether_its_share_is_taken_or_not() {
    let shares = two().share_per_key(1);
    let tenants = shares.keyed::<u32>(KeyLimits::default()).unwrap();
    let layer = BulkheadLayer::keyed(tenants.clone(), |n: &u32| *n);
    assert_eq!(allocations(layer.layer(inner())), 0);
    let _held = tenants.get(&7).try_acquire().unwrap();
    assert_eq!(allocations(layer.layer(inner())), 0);
    assert_eq!(tenants.get(&7).whole().snapshot().full, 101);
}

#[test]
fn a_layer_makes_a_service_without_allocating() {
    let layer = BulkheadLayer::new(two().build().unwrap());
    assert_eq!(measure(|| drop(layer.layer(inner()))).count_total, 0);
}
