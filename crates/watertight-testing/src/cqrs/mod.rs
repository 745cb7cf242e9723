//! Given these events, when this is asked, then that happens: for the pure parts of CQRS, without a store and a runtime.
//!
//! - [`decider`]: which events a command comes to, or why it is turned down.
//! - [`view`]: which documents events come to.
//! - [`reactor`]: what is emitted because something has happened.
//!
//! Events are encoded and read again as a store would have it, upcasters included. So what cannot be stored, or does not come
//! back as it was, is found here. What is compared is what is stored: events and documents need neither `PartialEq` nor `Debug`.

mod decider;
mod reactor;
mod stored;
mod story;
mod view;

pub use self::{
    decider::{Decided, DeciderTest, decider},
    reactor::{Reacted, ReactorTest, reactor},
    view::{ViewTest, view},
};
