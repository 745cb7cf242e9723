//! Read models: a fold of events, and who runs it.

mod again;
pub(crate) mod batch;
mod chores;
mod error;
mod folding;
mod handle;
pub(crate) mod lead;
pub(crate) mod patience;
mod run;
pub(crate) mod runner;
mod view;

pub use self::{
    error::ProjectionError,
    handle::{ProjectionHandle, ProjectionSnapshot, ProjectionState},
    run::{OnPoison, Projection},
    view::{Fact, View},
};
