//! The atomics of the token store: the standard ones, or those of a model checker.

#[cfg(not(watertight_loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(watertight_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
