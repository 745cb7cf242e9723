//! What a call that is done at once costs, in exact counts, and what it does not need.

use std::{convert::Infallible, future::ready, hint::black_box, time::Duration};

use allocation_counter::measure;
use tower::{Layer, Service, service_fn};
use watertight_core::Deadline;
use watertight_testing::at_once;
use watertight_timeout::{ClientDeadlineLayer, DeadlineLayer, Local, Timeout, TimeoutLayer};

const SECOND: Duration = Duration::from_secs(1);

fn inner() -> impl Service<u32, Response = u32, Error = Infallible> + Clone {
    service_fn(|n: u32| ready(Ok(n)))
}

/// The allocations of a hundred calls after the first. There is no runtime, so none of them needs a timer either.
fn allocations<S: Service<u32>>(mut service: S) -> u64 {
    let mut calls = |count: u32| {
        for _ in 0..count {
            let _ = black_box(at_once(&mut service, 7));
        }
    };
    calls(1);
    measure(|| calls(100)).count_total
}

#[test]
fn a_timeout_does_not_allocate_whether_it_has_a_name_or_not() {
    assert_eq!(allocations(TimeoutLayer::new(SECOND).layer(inner())), 0);
    let named = Timeout::builder("costs").duration(SECOND).build().unwrap();
    assert_eq!(allocations(TimeoutLayer::new(named).layer(inner())), 0);
}

#[test]
fn a_duration_per_request_does_not_allocate() {
    let layer = TimeoutLayer::new(SECOND).per_request(|_: &u32, usual: Duration| Some(usual * 2));
    assert_eq!(allocations(layer.layer(inner())), 0);
}

#[test]
fn a_deadline_does_not_allocate_on_either_side() {
    assert_eq!(allocations(DeadlineLayer::new(SECOND).layer(inner())), 0);
    assert_eq!(
        allocations(ClientDeadlineLayer::new(SECOND).layer(inner())),
        0
    );
}

#[test]
fn a_call_for_which_nothing_is_left_is_refused_without_allocating() {
    let passed = Deadline::after(Duration::ZERO);
    let wire = Local(move |_: &u32| Some(passed));
    let layer = DeadlineLayer::new(SECOND).wire(wire);
    assert_eq!(allocations(layer.layer(inner())), 0);
    assert_eq!(
        allocations(ClientDeadlineLayer::new(SECOND).wire(wire).layer(inner())),
        0
    );
}

#[test]
fn a_service_that_is_ready_at_once_needs_no_timer_for_its_readiness() {
    let layer = TimeoutLayer::new(SECOND).with_readiness(SECOND);
    assert_eq!(allocations(layer.layer(inner())), 0);
}

#[test]
fn a_runtime_without_time_serves_calls_that_are_done_at_once() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let answer = runtime.block_on(async {
        let mut service = TimeoutLayer::new(SECOND).layer(inner());
        service.call(7).await.unwrap()
    });
    assert_eq!(answer, 7);
}

#[test]
fn a_layer_makes_a_service_without_allocating() {
    let named = Timeout::builder("costs").duration(SECOND).build().unwrap();
    let (timeout, deadline) = (TimeoutLayer::new(&named), DeadlineLayer::new(&named));
    assert_eq!(measure(|| drop(timeout.layer(inner()))).count_total, 0);
    assert_eq!(measure(|| drop(deadline.layer(inner()))).count_total, 0);
}
