use watertight_core::{Change, EventKind, Reason};

/// What can happen to a bulkhead.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BulkheadEvent {
    /// A call was refused.
    Refused {
        /// Why.
        reason: Reason,
    },
    /// The limit has changed.
    Resized {
        /// The limit before.
        from: usize,
        /// The limit now.
        to: usize,
    },
}

impl EventKind for BulkheadEvent {
    fn change(&self) -> Change {
        match self {
            Self::Refused { reason } => Change::new("refused").because(reason.as_str()),
            Self::Resized { from, to } => {
                Change::new("resized").between(from.to_string(), to.to_string())
            }
        }
    }
}
