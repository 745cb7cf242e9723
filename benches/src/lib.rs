//! What every benchmark needs: services to wrap, interleaved rounds, floors, targets, rows and tables.
//!
//! Absolute figures drift by the hour, so nothing here compares runs: what is compared is measured in turn, in one run,
//! and told as a ratio. The peers are in a workspace of their own, `benches/peers`.

pub mod callgrind;
pub mod events;
pub mod floor;
pub mod lab;
pub mod load;
pub mod options;
pub mod ours;
pub mod report;
pub mod rounds;
pub mod row;
pub mod service;
pub mod stats;
pub mod subject;
pub mod table;
pub mod target;
