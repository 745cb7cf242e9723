use watertight::{CircuitBreaker, CircuitBreakerLayer, KeyLimits};

fn main() {
    let tenants = CircuitBreaker::builder("roses").keyed::<String>(KeyLimits::default()).unwrap();
    // A key closure must name its argument type.
    let _ = CircuitBreakerLayer::keyed(tenants, |request| request.uri().path().to_owned());
}
