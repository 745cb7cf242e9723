//! Side effects and process managers: what happens because something has happened.

mod attempt;
mod begin;
mod delivery;
mod emit;
mod once;
mod run;
mod work;

pub use self::{
    delivery::Delivery,
    emit::Emit,
    run::{Reactions, Reactor, Reacts, Start},
};
