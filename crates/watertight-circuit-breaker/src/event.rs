use std::sync::Arc;

use tokio::time::Instant;
use watertight_core::{Change, EventKind};

use crate::machine::{State, Why};

/// What can happen to a circuit breaker.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BreakerEvent {
    /// The state has changed.
    Transition {
        /// The state before.
        from: State,
        /// The state now.
        to: State,
        /// Why.
        why: Why,
        /// What the operator said who forced it.
        note: Option<Arc<str>>,
    },
    /// A circuit that only records would have opened; told once until it is reset.
    WouldOpen {
        /// Why.
        why: Why,
    },
    /// An operator holds a circuit open that was held open already: for another reason, or until another time.
    Held {
        /// What the operator said.
        note: Arc<str>,
        /// Until when, in tokio's time; without, until it is reset.
        until: Option<Instant>,
    },
    /// An operator has reset it: closed, with an empty window.
    Reset {
        /// The state before.
        from: State,
    },
    /// Its configuration has changed.
    Updated,
}

/// When and why a circuit last opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Trip {
    /// Why.
    pub why: Why,
    /// When, in tokio's time.
    pub at: Instant,
}

impl EventKind for BreakerEvent {
    fn change(&self) -> Change {
        match self {
            Self::Transition {
                from,
                to,
                why,
                note,
            } => {
                let why = note.as_deref().unwrap_or(why.as_str());
                Change::new("transition")
                    .between(from.as_str(), to.as_str())
                    .because(why)
            }
            Self::WouldOpen { why } => Change::new("would_open").because(why.as_str()),
            Self::Held { note, .. } => Change::new("held").because(&**note),
            Self::Reset { from } => Change::new("reset").between(from.as_str(), "closed"),
            Self::Updated => Change::new("updated"),
        }
    }
}
