use std::future::Future;

use watertight_events::{EventStore, Filter, Position, Recorded, ViewStore};

use super::{lead::Lead, patience::Halt};

/// What a [`Runner`](super::Runner) makes of events. It is a [`View`](super::View) or a
/// [`TableProjection`](super::TableProjection); there are no others.
pub trait Model<S: ViewStore>: Send + Sync + Sized + 'static {
    /// The events that are read for it.
    fn filter(&self) -> Filter;

    /// What is done before the first event of a run.
    fn begin<E: EventStore>(
        lead: &mut Lead<'_, Self, E, S>,
    ) -> impl Future<Output = Result<(), Halt>> + Send;

    /// Applies events, at least one, and moves on to a position.
    fn take<E: EventStore>(
        lead: &mut Lead<'_, Self, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> impl Future<Output = Result<(), Halt>> + Send;

    /// Applies what was requeued, lane by lane, in order. What fails again stays parked, with all that is behind it.
    fn try_again<E: EventStore>(
        lead: &mut Lead<'_, Self, E, S>,
    ) -> impl Future<Output = Result<(), Halt>> + Send;
}
