use std::{ops::Deref, sync::Arc};

use serde::Serialize;
use watertight_events::new_id;

use crate::{CommandRequest, Fact};

/// An event on its way into a reactor; [`Fact`] is what it dereferences to.
///
/// It may come again: after a failure, and after a crash of the process. What it does elsewhere is told apart from its
/// repetitions by [`key`](Self::key), which is the same every time.
///
/// ```
/// use watertight_cqrs::{Delivery, Fact};
/// use watertight_events::{Position, StreamId};
///
/// let paid = Fact::new(StreamId::new("order", 7), Position(3), "paid");
/// let delivery = Delivery::new("receipts", paid);
/// assert_eq!(delivery.key("mail"), format!("receipts/mail/{}", delivery.metadata.message));
/// assert_eq!((delivery.stream.key(), delivery.attempt), ("7", 1));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Delivery<V> {
    /// What happened.
    pub fact: Arc<Fact<V>>,
    /// The reactor.
    pub reactor: Arc<str>,
    /// 1 for the first try of this run, and one more for each that follows.
    pub attempt: u32,
}

impl<V> Delivery<V> {
    /// An event as a reactor is given it, for tests of what it does.
    pub fn new(reactor: impl Into<Arc<str>>, fact: Fact<V>) -> Self {
        Self {
            fact: Arc::new(fact),
            reactor: reactor.into(),
            attempt: 1,
        }
    }

    /// An idempotency key for one of the effects that this event has: made of the event's message id, and so the same in every
    /// attempt and every process.
    #[must_use]
    pub fn key(&self, effect: &str) -> String {
        let (reactor, message) = (&self.reactor, self.metadata.message);
        match self.part {
            0 => format!("{reactor}/{effect}/{message}"),
            part => format!("{reactor}/{effect}/{message}/{part}"),
        }
    }

    /// A command that this event causes, done once under the [key](Self::key) of the effect for as long as keys are kept.
    ///
    /// # Errors
    ///
    /// The command has no JSON.
    pub fn command<C: Serialize>(
        &self,
        effect: &str,
        command: C,
    ) -> serde_json::Result<CommandRequest<C>> {
        let caused = self.metadata.caused(new_id());
        let request = CommandRequest::new(command).metadata(caused);
        request.key(self.key(effect))
    }
}

impl<V> Deref for Delivery<V> {
    type Target = Fact<V>;

    fn deref(&self) -> &Fact<V> {
        &self.fact
    }
}

impl<V> Clone for Delivery<V> {
    fn clone(&self) -> Self {
        Self {
            fact: Arc::clone(&self.fact),
            reactor: Arc::clone(&self.reactor),
            attempt: self.attempt,
        }
    }
}
