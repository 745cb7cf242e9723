use std::time::Duration;

use watertight_core::{Change, EventKind};

/// What took too long.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Phase {
    /// The inner service was not ready in time.
    Readiness,
    /// The head of the response did not come in time.
    Response,
    /// The body paused for too long.
    BodyIdle,
    /// The body did not end in time.
    BodyTotal,
    /// The call was not done by its deadline.
    Total,
    /// The deadline had passed before the call was made.
    Deadline,
}

/// What can happen to a timeout.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TimeoutEvent {
    /// Time was up.
    Elapsed {
        /// What took too long.
        phase: Phase,
    },
    /// The duration has changed.
    Changed {
        /// The duration before.
        from: Duration,
        /// The duration now.
        to: Duration,
    },
}

impl Phase {
    /// Every phase, in the order of declaration.
    pub const ALL: [Self; 6] = [
        Self::Readiness,
        Self::Response,
        Self::BodyIdle,
        Self::BodyTotal,
        Self::Total,
        Self::Deadline,
    ];

    /// The phase as a metric label, in snake case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Readiness => "readiness",
            Self::Response => "response",
            Self::BodyIdle => "body_idle",
            Self::BodyTotal => "body_total",
            Self::Total => "total",
            Self::Deadline => "deadline",
        }
    }
}

impl EventKind for TimeoutEvent {
    fn change(&self) -> Change {
        match self {
            Self::Elapsed { phase } => Change::new("elapsed").because(phase.as_str()),
            Self::Changed { from, to } => {
                Change::new("changed").between(format!("{from:?}"), format!("{to:?}"))
            }
        }
    }
}
