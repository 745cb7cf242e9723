//! What is emitted is in the store once.

use std::sync::Arc;

use watertight_events::{EventStore, Key, Position, ViewStore, WriteError};

use super::{Delivery, Emit, Reactions, run::Reacts};
use crate::{
    Event, ProjectionError,
    projection::{lead::Lead, patience::Halt},
};

/// Weeks for which it is known that a requeued event has emitted: as long as it may take until somebody runs the reactor after a
/// crash.
const WEEKS: u32 = 52;

/// How what is emitted is known to be emitted.
#[derive(Clone, Copy)]
pub(super) enum Once {
    /// The position moves past the event.
    Moving,
    /// The position is beyond it already, so a key tells.
    Keyed,
}

impl<V, R, E, S> Lead<'_, Reactions<V, R>, E, S>
where
    V: Event,
    R: Reacts<V>,
    E: EventStore,
    S: ViewStore,
{
    /// Writes what is emitted; says why, if the reactor has to be asked again.
    pub(super) async fn emit(
        &self,
        tracked: &mut Position,
        delivery: &Delivery<V>,
        emit: Emit,
        once: Once,
    ) -> Result<Result<(), Arc<str>>, Halt> {
        let from = *tracked;
        let mut write = emit.write(&delivery.metadata);
        let to = match once {
            Once::Moving => delivery.position,
            Once::Keyed => {
                let mut key = Key::new(delivery.key("again"), delivery.position.0);
                key.keep *= WEEKS;
                write = write.under(key);
                from
            }
        };
        let model = &self.runner.model;
        write = write.tracking(model.tracking(from, to, self.lease.epoch));
        let events = &self.runner.events;
        match self.patience.with(|| events.write(write.clone())).await {
            Ok(_) => {
                *tracked = to;
                Ok(Ok(()))
            }
            Err(Halt::Failed(ProjectionError::Write(error))) => match error {
                // Taken over; or it was done, and only the answer was lost. Where its position is tells.
                WriteError::Fenced { .. } => Err(Halt::Fenced),
                WriteError::Conflict { .. }
                | WriteError::Invalid(_)
                | WriteError::TooLarge { .. }
                | WriteError::KeyMismatch => Ok(Err(error.to_string().into())),
                error => Err(Halt::Failed(error.into())),
            },
            Err(halt) => Err(halt),
        }
    }
}
