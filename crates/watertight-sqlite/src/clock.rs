use std::time::Duration;

use tokio::time::Instant;

use crate::row;

/// Tells until when a view is held.
///
/// It is wall time, because the file outlives the process, and what is monotonic begins anew with the machine. It is read once
/// and then follows the monotonic clock: setting the wall clock neither ends a lease nor makes it last.
#[derive(Debug)]
pub(crate) struct Clock {
    start: Instant,
    wall: i64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            wall: row::now(),
        }
    }

    /// The time now, in microseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.wall.saturating_add(row::micros(self.start.elapsed()))
    }
}

/// The time from one moment to another.
pub(crate) fn between(from: i64, to: i64) -> Duration {
    Duration::from_micros(u64::try_from(to.saturating_sub(from)).unwrap_or_default())
}
