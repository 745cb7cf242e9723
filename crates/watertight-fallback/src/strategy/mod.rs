//! The ways to another answer.

use std::future::Future;

use crate::Failure;

mod backup;
mod chain;
mod recover;
mod value;
mod when;

pub use self::{
    backup::{Backup, BackupFuture},
    chain::{Chain, ChainFuture, Nothing},
    recover::{Recover, RecoverAsync, RespondWith},
    value::Value,
    when::{Only, Predicate, When},
};

/// One way to another answer. A chain of them tries the first that applies.
///
/// The ready-made ones are [`Value`], [`RespondWith`], [`Recover`], [`RecoverAsync`], [`Backup`] and
/// [`Stale`](crate::Stale); each has a method of its own on the layer.
pub trait Strategy<Res, E, K> {
    /// Makes the answer.
    type Future: Future<Output = Result<Res, E>>;

    /// Begins to make the answer.
    ///
    /// # Errors
    ///
    /// The failure itself, when this strategy does not apply to it.
    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>>;
}
