//! What is emitted is in the store once.

use std::sync::Arc;

use watertight_events::{EventStore, Key, ViewStore, WriteError};

use super::{Delivery, Emit, work::Reacting};
use crate::{
    ProjectionError,
    projection::{lead::Lead, patience::Halt},
};

/// How what is emitted is known to be emitted.
#[derive(Clone, Copy)]
pub(super) enum Once {
    /// The position moves past the event.
    Moving,
    /// The position is beyond it already, so a key tells.
    Keyed,
}

impl<V, R> Reacting<V, R> {
    /// Writes what is emitted; says why, if it has to be asked again.
    pub(super) async fn emit<E, S>(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        delivery: &Delivery<V>,
        emit: Emit,
        once: Once,
    ) -> Result<Result<(), Arc<str>>, Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        let (from, epoch) = (self.tracked, lead.lease.epoch);
        let mut write = emit.write(&delivery.metadata);
        let to = match once {
            Once::Moving => delivery.position,
            Once::Keyed => {
                let mut key = Key::new(delivery.key("again"), delivery.position.0);
                // Needed for as long as it may take until somebody runs the reactor after a crash.
                key.keep *= 52;
                write = write.under(key);
                from
            }
        };
        write = write.tracking(self.tracking(from, to, epoch));
        let events = &lead.runner.events;
        let writing = lead.patience.with(|| events.write(write.clone()));
        match writing.await {
            Ok(_) => {
                self.tracked = to;
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
