//! Read models: built, crashed, parked, built again, and asked.

mod asking;
mod crashing;
mod parking;
mod rebuilding;
mod running;
mod store;
mod trail;
