//! Events that were parked, tried again.

use watertight_events::{EventStore, ViewStore};

use super::{lead::Lead, patience::Halt, runner::Work};

impl<E: EventStore, S: ViewStore> Lead<'_, E, S> {
    /// Does what was requeued, lane by lane, in order. What fails again stays parked, with all that is behind it.
    pub(super) async fn try_again(&mut self, work: &mut impl Work<E, S>) -> Result<(), Halt> {
        loop {
            let (views, view, limit) = (&self.runner.views, &self.lease.view, self.runner.batch);
            let parked = self.patience.with(|| views.requeued(view, limit)).await?;
            if parked.is_empty() {
                return Ok(());
            }
            let mut events = Vec::with_capacity(parked.len());
            for parked in &parked {
                events.extend(self.read_one(parked.position).await?.events);
            }
            work.again(self, parked, events).await?;
        }
    }
}
