//! Requests per second of an axum router, bare and under layers.

mod load;
mod routers;

pub use self::{
    load::Load,
    routers::{ONE_LAYER, OURS, routers},
};
