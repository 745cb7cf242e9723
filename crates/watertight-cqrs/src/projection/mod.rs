//! Read models: folds of events and tables of their own, and who runs them.

pub(crate) mod batch;
mod chores;
mod error;
mod folds;
mod handle;
pub(crate) mod lead;
pub(crate) mod model;
pub(crate) mod patience;
mod run;
mod table;
mod tables;
mod view;

pub use self::{
    error::ProjectionError,
    folds::Folds,
    handle::{ProjectionHandle, ProjectionSnapshot, ProjectionState},
    model::Model,
    run::{OnPoison, Projection, Runner, TableRunner},
    table::TableProjection,
    tables::Tables,
    view::{Fact, View},
};
