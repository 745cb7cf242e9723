//! Reactors: side effects at least once, emitted events exactly once.

mod emitting;
mod leading;
mod parking;
#[allow(unused, reason = "what views need of it")]
#[path = "../views/place.rs"]
mod place;
mod reacting;
mod shop;
#[allow(dead_code, reason = "what views need of it")]
#[path = "../views/store.rs"]
mod store;
