use std::{any::Any, error::Error, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};

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

impl<Tx: 'static> dyn Work<Tx> {
    /// Does it, for stores of your own: a panic is as good as an error.
    ///
    /// # Errors
    ///
    /// What the work says, or that it panicked.
    pub async fn caught(&self, transaction: &mut Tx) -> Result<(), WorkError> {
        let working = AssertUnwindSafe(async { self.run(transaction).await });
        let done = working.catch_unwind().await;
        done.unwrap_or_else(|panic| Err(format!("it panicked: {}", said(&*panic)).into()))
    }
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

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("nothing")
}
