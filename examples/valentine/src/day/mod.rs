//! The day: its acts, how they are played, what came of them.

mod accounts;
mod act;
mod play;
mod played;
mod pulse;

pub(crate) use self::{
    accounts::Accounts,
    act::{Act, STORM},
    play::play,
    played::{Played, Sample, Visits},
};
#[cfg(test)]
pub(crate) use self::{accounts::Stock, played::tests::played};
