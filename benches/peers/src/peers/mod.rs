//! Other people's crates, set up to do what ours are measured at.

pub mod failsafe;
pub mod recloser;
pub mod seatbelt;
pub mod tower;
pub mod tower_resilience;
