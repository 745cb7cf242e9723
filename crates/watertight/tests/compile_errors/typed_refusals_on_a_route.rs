use axum::{Router, routing::get};
use tower::Layer;
use watertight::{CircuitBreaker, CircuitBreakerLayer};

fn main() {
    let breaker = CircuitBreaker::builder("roses").build().unwrap();
    let roses = CircuitBreakerLayer::new(breaker).layer(get(async || "roses"));
    // A route has no errors: `for_http` makes a response of a refusal.
    let _: Router = Router::new().route_service("/", roses);
}
