use std::{error::Error, future::Future, sync::Arc};

use futures::future::BoxFuture;

use super::{Save, Saved, ViewError, ViewStore};

/// Why work on tables was not done: whatever the code that does it says.
pub type WorkError = Box<dyn Error + Send + Sync>;

/// What is done to tables of a read model's own, in a transaction of the store.
///
/// A store may do it again after a rollback, so it keeps nothing but what is in the transaction.
pub trait Work<Tx>: Send + Sync + 'static {
    /// Does it. The transaction is the store's to commit or to roll back.
    fn run<'a>(&'a self, transaction: &'a mut Tx) -> BoxFuture<'a, Result<(), WorkError>>;
}

/// A [`ViewStore`] in which a read model can have tables of its own instead of documents, or beside them.
///
/// # Cancellation
///
/// As for a [`ViewStore`]: what is dropped is done or not done, never in part.
pub trait TableStore: ViewStore {
    /// What work is done with: a connection that is in a transaction.
    type Transaction: Send + 'static;

    /// A [`save`](ViewStore::save) together with work, in one commit. The work is begun once the checkpoint was found where it
    /// was left, under the lease that holds it: so whatever is sent twice has its effect once.
    ///
    /// # Errors
    ///
    /// [`ViewError::Refused`] where the work fails or panics, and nothing is changed; those of a save. What the store knows for
    /// a passing failure of its own is [`ViewError::Store`], also where the work reports it.
    fn save_with(
        &self,
        save: &Save,
        work: Arc<dyn Work<Self::Transaction>>,
    ) -> impl Future<Output = Result<Saved, ViewError>> + Send;
}
