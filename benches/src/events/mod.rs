//! What the programs share that put event stores under load: what they are told, what they answer, and the load itself.
//!
//! Each party is a process of its own, because several of them bring a native library of the same name. So the load must be
//! the same code in all of them.

mod age;
mod answer;
mod ask;
mod load;
mod subject;

pub use self::{
    age::{SAMPLES, Sizes, aged},
    answer::{Answer, answer},
    ask::{Ask, Keeper, Work},
    load::{HOT_EVENTS, distinct, hot},
    subject::{Outcome, Subject, under_load},
};
