//! The timeout.

use tower_layer::Layer;
use watertight_timeout::TimeoutLayer;

use super::NEVER;
use crate::{
    service::{Answers, Yields},
    subject::{OURS, Subject},
};

/// Around a service that answers at once.
#[must_use]
pub fn ready() -> Subject {
    Subject::answering(OURS, TimeoutLayer::new(NEVER).layer(Answers))
}

/// Around a service that answers at the second poll.
#[must_use]
pub fn yielding() -> Subject {
    Subject::answering(OURS, TimeoutLayer::new(NEVER).layer(Yields))
}
