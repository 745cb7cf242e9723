use std::future::Future;

use watertight_events::{Filter, Position, Recorded, ViewId, WorkError};

/// A read model in tables of the user's own, which are written in the store's transaction: `Tx` is what the store gives, such
/// as `watertight_sqlite::SqliteTransaction`.
///
/// The checkpoint moves in that transaction, compared and fenced, so every event has its effect once, whatever happens. The
/// store may call it again for events that were rolled back: what it keeps is in the tables, and nowhere else. For documents
/// with a key a [`View`](crate::View) is less work, and can be undone event by event.
///
/// Tables belong to one version. What changes them raises [`VERSION`](Self::VERSION), and has other names for them.
pub trait TableProjection<Tx>: Send + Sync + 'static {
    /// Its name, which all versions share, and no view has.
    const NAME: &'static str;
    /// The version of the tables.
    const VERSION: u32;

    /// The events it is made of.
    fn filter(&self) -> Filter {
        Filter::all()
    }

    /// Makes its tables, in a transaction of its own before the first event of every run, which comes after this position.
    ///
    /// At [`Position::START`] there may be tables of an earlier life, whose version was erased: then they are to be emptied.
    ///
    /// # Errors
    ///
    /// The projection does not run.
    fn prepare(
        &self,
        _transaction: &mut Tx,
        _at: Position,
    ) -> impl Future<Output = Result<(), WorkError>> + Send {
        async { Ok(()) }
    }

    /// Applies events, in order. There is at least one, and they may be of many streams.
    ///
    /// It never waits for anything but the transaction: as long as it takes, others wait for it.
    ///
    /// # Errors
    ///
    /// Nothing of the batch is changed. It is tried in halves, and the one event that cannot be applied is parked with what
    /// comes after it in its stream, or stops the projection: see [`OnPoison`](crate::OnPoison). A panic is as good as an error.
    fn apply(
        &self,
        transaction: &mut Tx,
        events: &[Recorded],
    ) -> impl Future<Output = Result<(), WorkError>> + Send;

    /// Its name and version.
    #[must_use]
    fn id() -> ViewId {
        ViewId::new(Self::NAME, Self::VERSION)
    }
}
