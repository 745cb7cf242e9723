//! Our layers, set up as the cases need them.

pub mod breaker;
pub mod bulkhead;
pub mod fallback;
pub mod stack;
pub mod timeout;

use std::time::Duration;

/// Longer than any benchmark: whatever is open stays open, and no timer fires.
pub const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// More than the calls that are ever in flight.
pub const ROOM: usize = 1_000;
