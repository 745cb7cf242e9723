use tower::{ServiceBuilder, service_fn};
use watertight::{CircuitBreaker, CircuitBreakerLayer, Verdict};

fn main() {
    let breaker = CircuitBreaker::builder("roses").build().unwrap();
    // A classifier closure must name its argument types.
    let _ = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(breaker).classify(|result| match result {
            Ok(_) => Verdict::Success,
            Err(_) => Verdict::Failure,
        }))
        .service(service_fn(async |_: ()| Ok::<(), std::io::Error>(())));
}
