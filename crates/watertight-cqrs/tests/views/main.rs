//! Read models: built, crashed, parked, built again, and asked.

mod asking;
mod crashing;
mod parking;
mod rebuilding;
mod running;
#[allow(dead_code, reason = "what reactors need of it")]
mod store;
mod trail;
