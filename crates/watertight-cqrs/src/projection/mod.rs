//! Read models: a fold of events, and who runs it.

mod again;
mod batch;
mod chores;
mod error;
mod handle;
mod lead;
mod patience;
mod run;
mod view;

pub use self::{
    error::ProjectionError,
    handle::{ProjectionHandle, ProjectionSnapshot, ProjectionState},
    run::{OnPoison, Projection},
    view::{Fact, View},
};
