//! The bulkhead.

use tower_layer::Layer;
use watertight_bulkhead::{Bulkhead, BulkheadLayer};

use super::ROOM;
use crate::{
    lab::Lab,
    service::Answers,
    subject::{OURS, Subject, occupy},
};

/// With room for every call.
#[must_use]
pub fn admitted() -> Subject {
    Subject::answering(OURS, layer(ROOM).layer(Answers))
}

/// Full.
#[must_use]
pub fn refused(lab: &Lab) -> Subject {
    let service = layer(1).layer(Answers);
    occupy(lab, &service);
    Subject::refusing(OURS, service)
}

fn layer(limit: usize) -> BulkheadLayer {
    let bulkhead = Bulkhead::builder("benched").max_concurrent(limit).build();
    BulkheadLayer::new(bulkhead.expect("the settings make sense"))
}
