//! What a call that went well costs, in exact counts.
#![cfg(feature = "http")]

use std::{future::ready, hint::black_box, io, time::Duration};

use allocation_counter::measure;
use http::Response;
use tower::{Layer, Service, service_fn};
use watertight_fallback::{Fallback, FallbackLayer, Only, Stale, Value};
use watertight_testing::at_once;

/// The allocations of a hundred calls after the first.
fn allocations<S: Service<u32>>(mut service: S) -> u64 {
    let mut calls = |count: u32| {
        for _ in 0..count {
            let _ = black_box(at_once(&mut service, 7));
        }
    };
    calls(1);
    measure(|| calls(100)).count_total
}

fn layer() -> FallbackLayer {
    FallbackLayer::new(Fallback::default())
}

fn up() -> impl Service<u32, Response = u32, Error = io::Error> + Clone {
    service_fn(|n: u32| ready(Ok(n)))
}

#[test]
fn a_call_that_went_well_does_not_allocate() {
    assert_eq!(allocations(layer().value(1).layer(up())), 0);
    let chain = layer()
        .capture(|n: &u32| *n)
        .when(Only::refusals(), Value::new(1))
        .backup(up());
    assert_eq!(allocations(chain.layer(up())), 0);
    let http = service_fn(|_: u32| ready(Ok::<_, io::Error>(Response::new(()))));
    let constant = FallbackLayer::for_http(Fallback::default()).respond_with(|_| Response::new(()));
    assert_eq!(allocations(constant.layer(http)), 0);
}

#[test]
fn a_good_response_that_is_young_enough_is_not_remembered_again() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let stale = Stale::builder(Duration::from_secs(600)).refresh_after(Duration::from_secs(300));
    let remembering = layer().capture(|n: &u32| *n).stale(stale.build().unwrap());
    assert_eq!(allocations(remembering.layer(up())), 0);
}

#[test]
fn an_answer_at_hand_does_not_allocate_either() {
    let down = service_fn(|_: u32| ready(Err::<u32, _>(io::Error::from(io::ErrorKind::Other))));
    assert_eq!(allocations(layer().value(1).layer(down)), 0);
}

#[test]
fn a_layer_makes_a_service_without_allocating() {
    let layer = layer().capture(|n: &u32| *n).backup(up());
    assert_eq!(measure(|| drop(layer.layer(up()))).count_total, 0);
}
