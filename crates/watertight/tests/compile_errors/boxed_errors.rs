use tower::{BoxError, Layer, Service, service_fn};
use watertight::{CircuitBreaker, CircuitBreakerLayer};

fn call(_: impl Service<()>) {}

fn main() {
    let breaker = CircuitBreaker::builder("roses").build().unwrap();
    let roses = service_fn(async |_: ()| Ok::<(), BoxError>(()));
    // It is `CircuitBreakerLayer::boxed` for a service whose error is a box.
    call(CircuitBreakerLayer::new(breaker).layer(roses));
}
