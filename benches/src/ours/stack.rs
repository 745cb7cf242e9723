//! All of them in one stack, in the recommended order.

use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_circuit_breaker::CircuitBreakerLayer;
use watertight_core::Flat;
use watertight_fallback::{Fallback, FallbackLayer};
use watertight_timeout::TimeoutLayer;

use super::{NEVER, ROOM, breaker};
use crate::{
    service::Answers,
    subject::{OURS, Subject},
};

/// Fallback, bulkhead, circuit breaker, timeout.
#[must_use]
pub fn four() -> Subject {
    let bulkhead = Bulkhead::builder("benched").max_concurrent(ROOM).build();
    let breaker = breaker::builder().build();
    let timed = TimeoutLayer::new(NEVER).layer(Answers);
    let guarded = CircuitBreakerLayer::new(breaker.expect("the settings make sense"))
        .on_reject(Flat)
        .layer(timed);
    let limited = BulkheadLayer::new(bulkhead.expect("the settings make sense"))
        .on_reject(Flat)
        .layer(guarded);
    let fallback = FallbackLayer::new(Fallback::default()).value(0);
    Subject::answering(OURS, fallback.layer(limited))
}
