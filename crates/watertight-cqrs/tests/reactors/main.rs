//! Reactors: side effects at least once, emitted events exactly once.

mod emitting;
mod leading;
mod parking;
mod reacting;
mod shop;
#[allow(dead_code, reason = "what views need of it")]
#[path = "../views/store.rs"]
mod store;
