//! Read models: built, crashed, parked, built again, and asked.

mod asking;
mod crashing;
mod parking;
mod place;
mod rebuilding;
mod running;
mod seen;
#[allow(dead_code, reason = "what reactors need of it")]
mod store;
mod tables;
mod trail;
