//! Read models: built, crashed, parked, built again, and asked.

mod asking;
mod bus;
mod crashing;
mod inline;
mod parking;
mod place;
#[cfg(feature = "server-tests")]
mod postgres;
mod rebuilding;
mod running;
mod seen;
#[allow(dead_code, reason = "what reactors need of it")]
mod store;
mod tables;
mod trail;
