//! Events handed to whoever is interested, within the process.

mod attempt;
mod error;
mod interest;
mod run;
mod window;

use std::{fmt, future::Future};

use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle},
};

use self::run::Run;
pub use self::{error::BusError, interest::Interest};
use crate::{EventStore, Position, Recorded};

/// Hands the events of a store to handlers in this process.
///
/// Every subscriber reads on its own, first what is there and then what is to come: a slow one holds up itself and nobody
/// else, and buffers nothing but its window. It is given each event at least once, those of one key in order, those of several
/// keys next to each other. What was handled is told as a checkpoint, from which another one can go on; to keep it together
/// with what is emitted, there is the reactor of `watertight-cqrs`.
///
/// ```
/// use std::convert::Infallible;
/// use watertight_events::{EventBus, EventStore, Expected, Interest, MemoryStore, NewEvent, Position, Recorded, StreamId, Write};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let bus = EventBus::new(store.clone());
/// let users = Interest::after(Position::START).category("user").concurrency(8);
/// let mut subscriber = bus.subscribe(users, |event: Recorded| async move {
///     println!("{} in {}", event.event.kind, event.stream);
///     Ok::<(), Infallible>(())
/// });
/// let created = Write::to(StreamId::new("user", 42), Expected::NoStream, vec![NewEvent::new("user_created", "{}")]);
/// store.write(created).await?;
/// subscriber.has_handled(Position(1)).await?;
/// subscriber.stop().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct EventBus<S> {
    store: S,
}

/// A subscriber of an [`EventBus`]. Dropped, it stops at once, also in the middle of an event.
#[must_use = "a subscriber that is dropped stops"]
pub struct Subscriber {
    handled: watch::Receiver<Position>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), BusError>>,
    ended: Option<Result<(), BusError>>,
}

impl<S: EventStore> EventBus<S> {
    /// The bus of a store.
    pub const fn new(store: S) -> Self {
        Self { store }
    }

    /// Begins to hand events to a handler, on a task of its own.
    ///
    /// A handler that fails or panics is given the same event again, after longer and longer pauses; other keys go on
    /// meanwhile. If it fails in every try, the subscriber ends: nothing is skipped.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn subscribe<F, R, X>(&self, interest: Interest, handler: F) -> Subscriber
    where
        F: Fn(Recorded) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), X>> + Send + 'static,
        X: fmt::Display + Send + 'static,
    {
        let handled = watch::Sender::new(interest.after);
        let stop = watch::Sender::new(false);
        let subscribed = handled.subscribe();
        let run = Run::new(self.store.clone(), interest, handler, handled);
        Subscriber {
            handled: subscribed,
            task: tokio::spawn(run.until_stopped(stop.subscribe())),
            stop,
            ended: None,
        }
    }
}

impl Subscriber {
    /// The checkpoint: everything up to here was handled, or is of no interest.
    #[must_use]
    pub fn handled(&self) -> Position {
        *self.handled.borrow()
    }

    /// Waits until everything up to a position was handled.
    ///
    /// # Errors
    ///
    /// It has ended before.
    pub async fn has_handled(&mut self, position: Position) -> Result<(), BusError> {
        if self.handled.wait_for(|it| *it >= position).await.is_ok() {
            return Ok(());
        }
        self.ended().await?;
        Err(BusError::Stopped)
    }

    /// Has it take no more events, and waits until those are done that it is at.
    ///
    /// # Errors
    ///
    /// It has ended by itself.
    pub async fn stop(mut self) -> Result<(), BusError> {
        self.stop.send_replace(true);
        self.ended().await
    }

    /// Waits for its end, which only comes by itself.
    ///
    /// # Errors
    ///
    /// Why it has ended.
    ///
    /// # Cancellation
    ///
    /// Safe.
    pub async fn ended(&mut self) -> Result<(), BusError> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let ended = (&mut self.task).await.unwrap_or_else(lost);
        self.ended.insert(ended).clone()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("handled", &self.handled())
            .field("has_ended", &self.task.is_finished())
            .finish()
    }
}

/// The runtime is going down.
fn lost(_: JoinError) -> Result<(), BusError> {
    Err(BusError::Stopped)
}
