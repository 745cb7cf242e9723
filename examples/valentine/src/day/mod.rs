//! The day: its acts, how they are played, what came of them.

mod act;
mod play;
mod played;

pub(crate) use self::{
    act::{Act, STORM},
    play::play,
    played::{Played, Sample},
};
