//! Where a reactor is: its own position in the store of the events, which only moves together with what it emits.

use std::sync::Arc;

use watertight_events::{EventStore, Position, Tracking, ViewStore, Write, WriteError};

use super::{Start, work::Reacting};
use crate::{
    ProjectionError,
    projection::{lead::Lead, patience::Halt},
};

/// A run begins with an epoch above this one.
const NEVER_RUN: u64 = 0;

impl<V, R> Reacting<V, R> {
    /// Takes the position over from whoever ran it last, who from then on can emit nothing more.
    pub(super) async fn take_over<E, S>(&mut self, lead: &mut Lead<'_, E, S>) -> Result<(), Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        let mut known = lead.position;
        if known == Position::START {
            let start = self.start(lead).await?;
            // Only one that has never run is at no position under this epoch.
            known = match self
                .move_to(lead, Position::START, start, NEVER_RUN)
                .await?
            {
                Moved::Done => start,
                Moved::Elsewhere(actual) => actual,
            };
        }
        while let Moved::Elsewhere(actual) =
            self.move_to(lead, known, known, lead.lease.epoch).await?
        {
            if actual == known {
                lead.renew().await?;
                let view = lead.lease.view.clone();
                return Err(Halt::Failed(ProjectionError::OldLease { view }));
            }
            known = actual;
        }
        self.tracked = known;
        // Behind it there was nothing to emit for what the lease's own checkpoint is further.
        lead.position = lead.position.max(known);
        Ok(())
    }

    /// A move of the position as part of a write.
    pub(super) fn tracking(&self, from: Position, to: Position, epoch: u64) -> Tracking {
        Tracking {
            consumer: Arc::clone(&self.consumer),
            from,
            to,
            epoch,
        }
    }

    async fn start<E, S>(&mut self, lead: &Lead<'_, E, S>) -> Result<Position, Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        match self.start {
            Start::Beginning => Ok(Position::START),
            // A write of nothing tells where the store is, with what other processes have written.
            Start::Now => {
                let events = &lead.runner.events;
                let nothing = lead.patience.with(|| events.write(Write::default()));
                Ok(nothing.await?.position)
            }
            Start::After(position) => {
                lead.is_there(position).await?;
                Ok(position)
            }
        }
    }

    async fn move_to<E, S>(
        &mut self,
        lead: &Lead<'_, E, S>,
        from: Position,
        to: Position,
        epoch: u64,
    ) -> Result<Moved, Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        let write = Write::default().tracking(self.tracking(from, to, epoch));
        let events = &lead.runner.events;
        let write = || events.write(write.clone());
        match lead.patience.with(write).await {
            Ok(_) => Ok(Moved::Done),
            Err(Halt::Failed(ProjectionError::Write(WriteError::Fenced { actual, .. }))) => {
                Ok(Moved::Elsewhere(actual))
            }
            Err(halt) => Err(halt),
        }
    }
}

enum Moved {
    Done,
    Elsewhere(Position),
}
