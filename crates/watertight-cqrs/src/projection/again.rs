//! Events that were parked, tried again.

use watertight_events::{EventStore, Lane, ViewStore};

use super::{View, batch::Batch, lead::Lead, patience::Halt};

impl<V: View, E: EventStore, S: ViewStore> Lead<'_, V, E, S> {
    /// Applies what was requeued, lane by lane, in order. What fails again stays parked, with all that is behind it.
    pub(super) async fn try_again(&mut self) -> Result<(), Halt> {
        loop {
            let (views, view, limit) = (
                &self.projection.views,
                &self.lease.view,
                self.projection.batch,
            );
            let parked = self.patience.with(|| views.requeued(view, limit)).await?;
            let Some(first) = parked.first() else {
                return Ok(());
            };
            let lane = first.lane.clone();
            let mut events = Vec::with_capacity(parked.len());
            for parked in &parked {
                events.extend(self.read_one(parked.position).await?.events);
            }
            let batch = Batch::<V>::read(events).only(&lane);
            // A document's own events were let through by their stream before.
            let lanes = match &lane {
                Lane::Key(_) => vec![lane.clone()],
                Lane::Stream(_) => batch.lanes(),
            };
            let mut loaded = self.load(&lanes).await?;
            loaded.held.remove(&lane);
            let outcome = batch.fold(&loaded);
            let mut save = self.moved();
            save.unpark = parked
                .into_iter()
                .map(|it| (it.lane, it.position))
                .collect();
            save.changes = outcome.changes;
            save.park = outcome.park;
            self.commit(&save).await?;
        }
    }
}
