//! Runs of views.

use std::{fmt, marker::PhantomData};

use watertight_events::{EventStore, Filter, Lane, Position, Recorded, Save, ViewStore};

use super::{
    View,
    batch::{Batch, Outcome},
    lead::Lead,
    model::Model,
    patience::Halt,
};
use crate::Upcasters;

/// The documents of a view.
pub struct Folds<V>(PhantomData<fn() -> V>);

impl<V> Folds<V> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<V> Clone for Folds<V> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<V> fmt::Debug for Folds<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Folds")
    }
}

impl<V: View, S: ViewStore> Model<S> for Folds<V> {
    fn filter(&self) -> Filter {
        V::filter()
    }

    async fn begin<E: EventStore>(_: &mut Lead<'_, Self, E, S>) -> Result<(), Halt> {
        let fit = Upcasters::check_some::<V::Event>();
        fit.map_err(|error| Halt::Failed(error.into()))
    }

    async fn take<E: EventStore>(
        lead: &mut Lead<'_, Self, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> Result<(), Halt> {
        let batch = Batch::<V>::read(events);
        let loaded = lead.load(&batch.lanes()).await?;
        let outcome = batch.fold(&loaded);
        if let Some(poison) = outcome.poison()
            && lead.stops().await?
        {
            let before = batch.before(poison.position).fold(&loaded);
            let save = lead.change(before, Position(poison.position.0 - 1));
            lead.commit(&save).await?;
            return Err(lead.poisoned(poison.position, poison.why.clone().unwrap_or_default()));
        }
        if outcome.is_empty() {
            lead.position = to;
            return Ok(());
        }
        let save = lead.change(outcome, to);
        lead.commit(&save).await
    }

    async fn try_again<E: EventStore>(lead: &mut Lead<'_, Self, E, S>) -> Result<(), Halt> {
        loop {
            let parked = lead.requeued(lead.runner.batch).await?;
            let Some(first) = parked.first() else {
                return Ok(());
            };
            let lane = first.lane.clone();
            let mut events = Vec::with_capacity(parked.len());
            for parked in &parked {
                events.extend(lead.read_one(parked.position).await?.events);
            }
            let batch = Batch::<V>::read(events).only(&lane);
            // A document's own events were let through by their stream before.
            let lanes = match &lane {
                Lane::Key(_) => vec![lane.clone()],
                Lane::Stream(_) => batch.lanes(),
            };
            let mut loaded = lead.load(&lanes).await?;
            loaded.held.remove(&lane);
            let mut save = lead.change(batch.fold(&loaded), lead.position);
            save.unpark = parked
                .into_iter()
                .map(|it| (it.lane, it.position))
                .collect();
            lead.commit(&save).await?;
        }
    }
}

impl<V: View, E: EventStore, S: ViewStore> Lead<'_, Folds<V>, E, S> {
    fn change(&self, outcome: Outcome, to: Position) -> Save {
        let mut save = self.moved(to);
        save.changes = outcome.changes;
        save.park = outcome.park;
        save
    }
}
