use std::time::Duration;

use tokio::time::Instant;

/// One call as a [`Ledger`](crate::Ledger) saw it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// Which call it was, counted from 1 in the order the calls were made.
    pub number: u64,
    /// What the layer's `label` closure made of the request; empty without one.
    pub label: String,
    /// When it was made, in tokio's time.
    pub start: Instant,
    /// When and how it ended; `None` while it is in flight.
    pub end: Option<(Instant, Ended)>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Ended {
    /// With a response.
    Ok,
    /// With an error.
    Err,
    /// The caller dropped it.
    Cancelled,
    /// The service panicked, in `call` or when its future was polled.
    Panicked,
}

impl Record {
    /// How the call ended; `None` while it is in flight.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.end.map(|(_, how)| how)
    }

    /// How long it took; `None` while it is in flight.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.end.map(|(end, _)| end - self.start)
    }
}
