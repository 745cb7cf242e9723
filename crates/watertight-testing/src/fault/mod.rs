#[cfg(feature = "http")]
mod body;
mod future;
mod inject;
mod kind;
mod layer;
mod plan;
mod rule;
mod service;

#[cfg(feature = "http")]
pub use self::body::{FaultBody, InjectedBodyError, Status};
pub use self::{
    future::FaultFuture,
    inject::{BodyFault, Failing, Inject, Responding},
    kind::Fault,
    layer::FaultLayer,
    plan::{FaultPlan, MAX_RULES},
    rule::Rule,
    service::FaultService,
};
