use std::time::Duration;

use crate::{
    machine::{
        At, Machine,
        probes::Round,
        ring::Sums,
        word::{State, Word},
    },
    sync::Ordering,
};

/// What there is to see of a machine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// The state.
    pub(crate) state: State,
    /// How often the state has changed.
    pub(crate) generation: u32,
    /// When the state began, or when it is due to end, since the start.
    pub(crate) when: Option<Duration>,
    /// The probes.
    pub(crate) round: Round,
    /// The window.
    pub(crate) sums: Sums,
    /// Openings in a row.
    pub(crate) openings: u32,
}

impl Machine {
    /// The state, its generation, the moment it is about, the probes that are out, and what the window adds up to.
    pub(crate) fn look(&self, at: At<'_>) -> Look {
        let word = Word::unpack(self.state.load(Ordering::Acquire));
        let sums = match at.rules.time() {
            Some(window) => window.sums(word.generation, at.now),
            None => self.calls.sums(word.generation, at.tallies),
        };
        let round = self.probes.round(word.generation);
        Look {
            state: word.state,
            generation: word.generation,
            when: word.when.since_start(),
            round,
            sums,
            openings: self.openings.load(Ordering::Relaxed),
        }
    }
}
