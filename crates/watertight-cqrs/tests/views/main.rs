//! Read models: built, crashed, parked, built again, and asked.

mod asking;
mod bus;
mod crashing;
mod parking;
mod rebuilding;
mod running;
mod store;
mod trail;
