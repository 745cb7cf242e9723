//! The fallback.

use tower_layer::Layer;
use watertight_fallback::{Fallback, FallbackLayer};

use crate::{
    service::Answers,
    subject::{OURS, Subject},
};

/// Never needed: every call goes well.
#[must_use]
pub fn untouched() -> Subject {
    let layer = FallbackLayer::new(Fallback::default()).value(0);
    Subject::answering(OURS, layer.layer(Answers))
}
