//! The work of a view: events are folded into its documents.

use std::marker::PhantomData;

use watertight_events::{EventStore, Lane, Loaded, Parked, Position, Recorded, ViewStore};

use super::{
    OnPoison, ProjectionError, View,
    batch::{Batch, Outcome},
    lead::Lead,
    patience::Halt,
    runner::Work,
};
use crate::Upcasters;

pub(super) struct Folding<V> {
    on_poison: Option<OnPoison>,
    view: PhantomData<fn() -> V>,
}

impl<V: View> Folding<V> {
    pub(super) const fn new(on_poison: Option<OnPoison>) -> Self {
        Self {
            on_poison,
            view: PhantomData,
        }
    }

    /// Whether an event that is bad is the end: where nobody reads the view yet, it is better mended first.
    async fn stops<E, S>(&self, lead: &Lead<'_, E, S>) -> Result<bool, Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        if let Some(then) = self.on_poison {
            return Ok(then == OnPoison::Stop);
        }
        let versions = || lead.runner.views.versions(V::NAME);
        let versions = lead.patience.with(versions).await?;
        Ok(versions.active != Some(V::VERSION))
    }
}

impl<V: View, E: EventStore, S: ViewStore> Work<E, S> for Folding<V> {
    async fn begin(&mut self, _: &mut Lead<'_, E, S>) -> Result<(), Halt> {
        let fit = Upcasters::check_some::<V::Event>();
        fit.map_err(|error| Halt::Failed(error.into()))
    }

    async fn take(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> Result<(), Halt> {
        let batch = Batch::<V>::read(events);
        let loaded = lead.load(&batch.lanes()).await?;
        let outcome = batch.fold(&loaded);
        if let Some(poison) = outcome.poison()
            && self.stops(lead).await?
        {
            let error = ProjectionError::Poison {
                view: lead.lease.view.clone(),
                position: poison.position,
                why: poison.why.clone().unwrap_or_default(),
            };
            let before = batch.before(poison.position).fold(&loaded);
            save(lead, before, Position(poison.position.0 - 1)).await?;
            return Err(Halt::Failed(error));
        }
        if outcome.is_empty() {
            lead.position = to;
            return Ok(());
        }
        save(lead, outcome, to).await
    }

    async fn again(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        parked: Vec<Parked>,
        events: Vec<Recorded>,
    ) -> Result<(), Halt> {
        let Some(lane) = parked.first().map(|first| first.lane.clone()) else {
            return Ok(());
        };
        let batch = Batch::<V>::read(events).only(&lane);
        // A document's own events were let through by their stream before.
        let lanes = match &lane {
            Lane::Key(_) => vec![lane.clone()],
            Lane::Stream(_) => batch.lanes(),
        };
        let mut loaded: Loaded = lead.load(&lanes).await?;
        loaded.held.remove(&lane);
        let outcome = batch.fold(&loaded);
        let mut save = lead.moved();
        save.unpark = parked
            .into_iter()
            .map(|it| (it.lane, it.position))
            .collect();
        save.changes = outcome.changes;
        save.park = outcome.park;
        lead.commit(&save).await
    }
}

async fn save<E, S>(lead: &mut Lead<'_, E, S>, outcome: Outcome, to: Position) -> Result<(), Halt>
where
    E: EventStore,
    S: ViewStore,
{
    let mut save = lead.moved();
    save.to = to;
    save.changes = outcome.changes;
    save.park = outcome.park;
    lead.commit(&save).await
}
