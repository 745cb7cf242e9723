//! Read models: folds of events and tables of their own, and who runs them.

mod batch;
mod chores;
mod error;
mod folds;
mod handle;
mod inline;
mod lead;
mod model;
mod patience;
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
