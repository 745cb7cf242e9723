//! What a call costs, in exact counts.

use std::{convert::Infallible, future::ready, hint::black_box, time::Duration};

use allocation_counter::measure;
use tokio_test::task;
use tower::{Layer, Service, service_fn};
use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer, State, Window};

fn allocations(breaker: &CircuitBreaker) -> u64 {
    let inner = service_fn(|(): ()| ready(Ok::<_, Infallible>(())));
    let mut service = CircuitBreakerLayer::new(breaker.clone()).layer(inner);
    let mut call = || {
        let mut task = task::spawn(());
        let ready = task.enter(|cx, _| service.poll_ready(cx));
        assert!(ready.is_ready());
        let mut future = std::pin::pin!(service.call(()));
        black_box(task.enter(|cx, _| future.as_mut().poll(cx)).is_ready());
    };
    // What is made once, at a worker's first call, is no cost per call.
    call();
    let spawned = measure(|| drop(task::spawn(()))).count_total;
    measure(|| (0..100).for_each(|_| call())).count_total - 100 * spawned
}

#[test]
fn no_call_allocates_whether_closed_half_open_or_refused() {
    let closed = CircuitBreaker::builder("closed").build().unwrap();
    assert_eq!(allocations(&closed), 0);
    let slow = CircuitBreaker::builder("slow").slow_calls(Duration::from_secs(1), 0.5);
    assert_eq!(allocations(&slow.build().unwrap()), 0);
    let time = CircuitBreaker::builder("time").window(Window::time(Duration::from_secs(1)));
    assert_eq!(allocations(&time.build().unwrap()), 0);
    let open = CircuitBreaker::builder("open")
        .window(Window::calls(1))
        .build()
        .unwrap();
    open.try_acquire().unwrap().failure();
    assert_eq!(open.state(), State::Open);
    assert_eq!(allocations(&open), 0);
    let forced = CircuitBreaker::builder("forced")
        .forced_open()
        .build()
        .unwrap();
    assert_eq!(allocations(&forced), 0);
}

#[test]
fn a_layer_that_wraps_a_service_allocates_nothing() {
    let breaker = CircuitBreaker::builder("layer").build().unwrap();
    let layer = CircuitBreakerLayer::new(breaker);
    let inner = service_fn(|(): ()| ready(Ok::<_, Infallible>(())));
    let wrapped = measure(|| drop(black_box(layer.layer(inner).clone())));
    assert_eq!(wrapped.count_total, 0);
}

#[test]
fn a_breaker_stays_as_small_as_promised() {
    let bytes = |window| {
        let mut breaker = None;
        let made = measure(|| {
            let built = CircuitBreaker::builder("small")
                .window(window)
                .build()
                .unwrap();
            built.try_acquire().unwrap().success();
            breaker = Some(built);
        });
        made.bytes_current
    };
    // The name is interned once, and the first call makes thread locals.
    bytes(Window::calls(1));
    let (hundred, ten_thousand) = (bytes(Window::calls(100)), bytes(Window::calls(10_000)));
    let cores = watertight_core::stripe_count() as i64;
    // Each core has a slot for its stripe, and metrics have a place for their handles and a word about them.
    let slots = 16 * (cores - 2);
    let metrics = if cfg!(feature = "metrics") { 24 } else { 0 };
    assert!(hundred <= 512 + slots + metrics, "{hundred}");
    // Two bits per call of the window, and nothing else that grows.
    assert!(
        ten_thousand - hundred <= (10_000 - 100) / 4,
        "{ten_thousand}"
    );
    let shards = cores.min(8);
    let time = bytes(Window::time(Duration::from_secs(10)));
    assert!(time <= 1_024 * shards, "{time}");
}
