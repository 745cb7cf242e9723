//! Our layers, set up as the cases need them.

pub mod breaker;
pub mod bulkhead;
pub mod fallback;
pub mod stack;
pub mod timeout;

use std::time::Duration;

use crate::{
    lab::Lab,
    service::{Answers, Yields},
    subject::{BARE, Subject},
};

/// Longer than any benchmark: whatever is open stays open, and no timer fires.
pub const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// More than the calls that are ever in flight.
pub const ROOM: usize = 1_000;

/// One of our layers at work.
#[derive(Clone, Copy, Debug)]
pub struct Ours {
    /// What it does.
    pub name: &'static str,
    /// The service underneath, alone.
    pub bare: fn() -> Subject,
    /// The layer around that service.
    pub set_up: fn(&Lab) -> Subject,
}

/// Everything of ours that is measured without anybody else.
pub const ALL: [Ours; 10] = [
    Ours::answers("breaker, closed", |_| breaker::closed()),
    Ours::answers("breaker, slow calls on", |_| breaker::slow_calls()),
    Ours::answers("breaker, window of time", |_| breaker::time_window()),
    Ours::answers("breaker, open", breaker::open),
    Ours::answers("bulkhead, admitted", |_| bulkhead::admitted()),
    Ours::answers("bulkhead, refused", bulkhead::refused),
    Ours::answers("timeout, ready inner", |_| timeout::ready()),
    Ours {
        name: "timeout, inner that yields",
        bare: || Subject::answering(BARE, Yields),
        set_up: |_| timeout::yielding(),
    },
    Ours::answers("fallback, untouched", |_| fallback::untouched()),
    Ours::answers("stack of four", |_| stack::four()),
];

impl Ours {
    const fn answers(name: &'static str, set_up: fn(&Lab) -> Subject) -> Self {
        Self {
            name,
            bare: || Subject::answering(BARE, Answers),
            set_up,
        }
    }
}
