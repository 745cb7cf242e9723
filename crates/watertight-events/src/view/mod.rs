//! Read models: where their documents are, and how far they have read.

mod document;
mod error;
mod lease;
mod memory;
mod parked;
mod save;
mod table;
mod versions;

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::watch;
use uuid::Uuid;

pub(crate) use self::memory::Shelf;
pub use self::{
    document::{Document, Find, Found, MAX_DOCUMENT, MAX_INDEXED},
    error::ViewError,
    lease::{Checkpoint, Claimed, Lease, ViewId},
    parked::{Lane, Parked},
    save::{Change, Loaded, Save, Saved},
    table::{TableStore, Work, WorkError},
    versions::{VersionState, Versions},
};
use crate::StoreId;

/// A store of read models: documents of a view, and the checkpoint of what they were made from.
///
/// It need not be the store of the events: a view of events on a server may live in memory. Each method is one transaction.
/// What every store must keep to is written down as tests: `view_store_tests!`, behind the feature `conformance`.
///
/// ```
/// use std::time::Duration;
/// use watertight_events::{
///     Change, Document, EventStore, Find, MemoryStore, Position, Save, ViewError, ViewId, ViewStore, new_id,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let users = ViewId::new("users", 1);
/// let claimed = store.claim(&users, store.id(), new_id(), Duration::from_secs(10)).await?;
///
/// let ada = Document::new("ada", r#"{"domain":"b.example"}"#).indexed("domain", "b.example");
/// let mut save = Save::new(claimed.lease, claimed.checkpoint.position, Position(1));
/// save.changes.push(Change::Put(ada.clone()));
/// store.save(&save).await?;
/// assert!(matches!(store.save(&save).await, Err(ViewError::Fenced { .. })), "nothing is applied twice");
///
/// let found = store.find(&users, &Find::by("domain", "b.example")).await?;
/// assert_eq!(found.documents, [ada]);
/// # Ok::<(), ViewError>(())
/// # }).unwrap();
/// ```
///
/// # Cancellation
///
/// What is dropped is done or not done, never in part.
pub trait ViewStore: Clone + Send + Sync + 'static {
    /// Takes a view for an owner, or keeps it for longer if it is the owner's already.
    ///
    /// A view that is not there begins before the first event; the first version of a name is its active one. Time is the
    /// store's. An owner that comes after another gets a larger epoch, and with it the other is fenced.
    ///
    /// # Errors
    ///
    /// [`ViewError::Held`] by another owner; [`ViewError::OtherStore`] if it was made of other events; a failure of the store.
    fn claim(
        &self,
        view: &ViewId,
        events: StoreId,
        owner: Uuid,
        keep: Duration,
    ) -> impl Future<Output = Result<Claimed, ViewError>> + Send;

    /// Gives a view back, with why it does not go on. A lease that is no longer held is no error.
    ///
    /// # Errors
    ///
    /// A failure of the store.
    fn release(
        &self,
        lease: &Lease,
        why: Option<Arc<str>>,
    ) -> impl Future<Output = Result<(), ViewError>> + Send;

    /// The documents of these lanes that are there, and those lanes that wait for an event that is parked.
    ///
    /// # Errors
    ///
    /// [`ViewError::Unknown`], because a view that was erased is not an empty one; a failure of the store.
    fn load(
        &self,
        view: &ViewId,
        lanes: &[Lane],
    ) -> impl Future<Output = Result<Loaded, ViewError>> + Send;

    /// Writes the changes and moves the checkpoint, if it is where it was left and the lease was not taken over.
    ///
    /// # Errors
    ///
    /// [`ViewError::Fenced`], and nothing is changed; [`ViewError::Invalid`] or [`ViewError::TooLarge`] for a document that no
    /// store could hold; a failure of the store.
    fn save(&self, save: &Save) -> impl Future<Output = Result<Saved, ViewError>> + Send;

    /// Documents in the order of their keys, a page at a time.
    ///
    /// # Errors
    ///
    /// [`ViewError::Unknown`]; a failure of the store.
    fn find(
        &self,
        view: &ViewId,
        find: &Find,
    ) -> impl Future<Output = Result<Found, ViewError>> + Send;

    /// Every version of a view, and which of them is read.
    ///
    /// # Errors
    ///
    /// A failure of the store.
    fn versions(&self, name: &str) -> impl Future<Output = Result<Versions, ViewError>> + Send;

    /// Makes this version the one that is read. The one before stays, to go back to.
    ///
    /// # Errors
    ///
    /// [`ViewError::Behind`] the version that is read now; [`ViewError::Unknown`]; a failure of the store.
    fn promote(&self, view: &ViewId) -> impl Future<Output = Result<(), ViewError>> + Send;

    /// Reads the version again that was read before the last promotion, however far that is, and says which it is.
    ///
    /// # Errors
    ///
    /// [`ViewError::NothingBefore`]; a failure of the store.
    fn roll_back(&self, name: &str) -> impl Future<Output = Result<u32, ViewError>> + Send;

    /// Removes a version with everything that it has. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// [`ViewError::Active`] or [`ViewError::Held`]: somebody reads it, or writes it; a failure of the store.
    fn erase(&self, view: &ViewId) -> impl Future<Output = Result<(), ViewError>> + Send;

    /// Parked events in the order of lanes and positions, those after an event that was listed before.
    ///
    /// # Errors
    ///
    /// [`ViewError::Unknown`]; a failure of the store.
    fn parked(
        &self,
        view: &ViewId,
        after: Option<&Parked>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Parked>, ViewError>> + Send;

    /// Has the parked events of a lane tried again by whoever runs the view, and says how many there are.
    ///
    /// # Errors
    ///
    /// [`ViewError::Unknown`]; a failure of the store.
    fn requeue(
        &self,
        view: &ViewId,
        lane: &Lane,
    ) -> impl Future<Output = Result<u64, ViewError>> + Send;

    /// The first events of one lane that is to be tried again; of none, if there is no such lane.
    ///
    /// # Errors
    ///
    /// [`ViewError::Unknown`]; a failure of the store.
    fn requeued(
        &self,
        view: &ViewId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Parked>, ViewError>> + Send;

    /// Counts what this process has changed in any view.
    ///
    /// A hint to look again, not a promise: another process may have changed more.
    fn changed(&self) -> watch::Receiver<u64>;
}
