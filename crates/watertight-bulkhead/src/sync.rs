//! The atomics of the token store: the standard ones, or those of a model checker.

#[cfg(not(any(watertight_loom, watertight_shuttle)))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(watertight_loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};

#[cfg(watertight_shuttle)]
pub(crate) use shuttle::sync::atomic::{AtomicU64, Ordering};
