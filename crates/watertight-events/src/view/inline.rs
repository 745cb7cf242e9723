use std::{future::Future, sync::Arc};

use futures::future::BoxFuture;

use super::{Change, Lane, Lease, Loaded, Parked, TableStore, ViewError, ViewId, Work};
use crate::{Filter, Position, Recorded};

/// A read model that is applied in the commit that appends its events.
///
/// It may be asked to do so again for events whose commit was rolled back: it keeps nothing but what is in the transaction.
pub trait Inline<Tx>: Send + Sync + 'static {
    /// The events that it is made of.
    fn filter(&self) -> Filter;

    /// Applies events, at least one. The checkpoint is the store's to move.
    fn apply<'a>(
        &'a self,
        session: &'a mut dyn Session<Tx>,
        events: &'a [Recorded],
    ) -> BoxFuture<'a, Result<(), ViewError>>;
}

/// One read model in a transaction that appends events.
pub trait Session<Tx>: Send {
    /// As [`ViewStore::load`](super::ViewStore::load).
    fn load<'a>(&'a mut self, lanes: &'a [Lane]) -> BoxFuture<'a, Result<Loaded, ViewError>>;

    /// Changes documents, and parks events.
    fn save<'a>(
        &'a mut self,
        changes: &'a [Change],
        park: &'a [Parked],
    ) -> BoxFuture<'a, Result<(), ViewError>>;

    /// Has work done. Where it is [refused](ViewError::Refused), it has changed nothing, and the rest of the transaction stands.
    fn work<'a>(&'a mut self, work: &'a dyn Work<Tx>) -> BoxFuture<'a, Result<(), ViewError>>;
}

/// A [`TableStore`] that has its own events, in whose commits read models can be applied.
pub trait InlineStore: TableStore {
    /// From now on, events are appended together with what they change in this read model, or not at all.
    ///
    /// That stays so in the database: a process that has not attached the model may not append events until it has, or the
    /// model was [retired](Self::retire): [`WriteError::NotAttached`](crate::WriteError::NotAttached).
    ///
    /// # Errors
    ///
    /// [`ViewError::Behind`] if there are many events that the model has not seen, and nothing is changed;
    /// [`ViewError::Fenced`]; [`ViewError::OtherStore`] if its events are of another store; a failure of the store.
    fn attach(
        &self,
        lease: &Lease,
        from: Position,
        model: Arc<dyn Inline<Self::Transaction>>,
    ) -> impl Future<Output = Result<(), ViewError>> + Send;

    /// Lets this process append, too, where another one that shares the store has attached the model, or will.
    ///
    /// By itself it attaches nothing. A store that belongs to one process has nothing to do.
    fn know(&self, _view: &ViewId, _model: Arc<dyn Inline<Self::Transaction>>) {}

    /// Has a read model run beside the events again. One that is not attached is no error.
    ///
    /// # Errors
    ///
    /// [`ViewError::Held`] as long as it is run; a failure of the store.
    fn retire(&self, view: &ViewId) -> impl Future<Output = Result<(), ViewError>> + Send;
}
