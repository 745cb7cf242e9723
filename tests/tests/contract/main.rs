//! The contract suite on every layer there is, and on the stacks made of them.
//!
//! An exception is checked too: a layer that keeps the rule after all fails its test.

mod bulkhead;
mod circuit_breaker;
mod fallback;
mod stacks;
mod timeout;

use std::time::Duration;

/// Longer than anything that the suite lets a call wait.
const LONG: Duration = Duration::from_secs(10);
