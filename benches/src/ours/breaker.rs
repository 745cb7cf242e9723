//! The circuit breaker.

use tower_layer::Layer;
use watertight_circuit_breaker::{
    CircuitBreaker, CircuitBreakerBuilder, CircuitBreakerLayer, CircuitBreakerService, State,
    Window,
};

use super::NEVER;
use crate::{
    lab::Lab,
    service::Answers,
    subject::{OURS, Subject, fail},
};

/// Closed, over the last 100 calls, without a look at the clock.
#[must_use]
pub fn closed() -> Subject {
    Subject::answering(OURS, layer(builder()).layer(Answers))
}

/// Closed, and calls that take long count.
#[must_use]
pub fn slow_calls() -> Subject {
    let breaker = builder().slow_calls(NEVER, 0.5);
    Subject::answering(OURS, layer(breaker).layer(Answers))
}

/// Closed, over a span of time.
#[must_use]
pub fn time_window() -> Subject {
    Subject::answering(OURS, time_window_service())
}

/// The service of [`time_window`].
#[must_use]
pub fn time_window_service() -> CircuitBreakerService<Answers> {
    layer(builder().window(Window::time(NEVER))).layer(Answers)
}

/// Opened by failures.
///
/// # Panics
///
/// It did not open.
#[must_use]
pub fn open(lab: &Lab) -> Subject {
    let layer = layer(builder().open_for(NEVER));
    let service = layer.layer(Answers);
    fail(lab, &service, 100);
    assert_eq!(layer.handle().state(), State::Open);
    Subject::refusing(OURS, service)
}

/// A breaker with the defaults, but for the window.
pub fn builder() -> CircuitBreakerBuilder {
    CircuitBreaker::builder("benched").window(Window::calls(100))
}

fn layer(builder: CircuitBreakerBuilder) -> CircuitBreakerLayer {
    CircuitBreakerLayer::new(builder.build().expect("the settings make sense"))
}
