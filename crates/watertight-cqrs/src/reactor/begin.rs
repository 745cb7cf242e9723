//! Where a reactor is: its own position in the store of the events, which only moves together with what it emits.

use std::sync::Arc;

use watertight_events::{EventStore, Position, Tracking, ViewStore, Write, WriteError};

use super::{Reactions, Start, run::Reacts};
use crate::{
    Event, ProjectionError,
    projection::{lead::Lead, patience::Halt},
};

/// A run begins with an epoch above this one.
const NEVER_RUN: u64 = 0;

impl<V, R> Reactions<V, R> {
    /// A move of the position as part of a write.
    pub(super) fn tracking(&self, from: Position, to: Position, epoch: u64) -> Tracking {
        Tracking {
            consumer: Arc::clone(&self.consumer),
            from,
            to,
            epoch,
        }
    }
}

impl<V, R, E, S> Lead<'_, Reactions<V, R>, E, S>
where
    V: Event,
    R: Reacts<V>,
    E: EventStore,
    S: ViewStore,
{
    /// Takes the position over from whoever ran it last, who from then on can emit nothing more.
    pub(super) async fn take_over(&mut self) -> Result<Position, Halt> {
        let mut known = self.position;
        if known == Position::START {
            let start = self.start().await?;
            // Only one that has never run is at no position under this epoch.
            known = match self.move_to(Position::START, start, NEVER_RUN).await? {
                Moved::Done => start,
                Moved::Elsewhere(actual) => actual,
            };
        }
        while let Moved::Elsewhere(actual) = self.move_to(known, known, self.lease.epoch).await? {
            if actual == known {
                self.renew().await?;
                let view = self.lease.view.clone();
                return Err(Halt::Failed(ProjectionError::OldLease { view }));
            }
            known = actual;
        }
        // The lease's own checkpoint is further where there was nothing to emit.
        self.position = self.position.max(known);
        Ok(known)
    }

    async fn start(&self) -> Result<Position, Halt> {
        match self.runner.model.start {
            Start::Beginning => Ok(Position::START),
            // A write of nothing tells where the store is, with what other processes have written.
            Start::Now => {
                let events = &self.runner.events;
                let nothing = self.patience.with(|| events.write(Write::default()));
                Ok(nothing.await?.position)
            }
            Start::After(position) => {
                self.is_there(position).await?;
                Ok(position)
            }
        }
    }

    async fn move_to(&self, from: Position, to: Position, epoch: u64) -> Result<Moved, Halt> {
        let tracking = self.runner.model.tracking(from, to, epoch);
        let write = Write::default().tracking(tracking);
        let events = &self.runner.events;
        match self.patience.with(|| events.write(write.clone())).await {
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
