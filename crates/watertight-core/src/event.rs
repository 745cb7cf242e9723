use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use tokio::{
    sync::broadcast::{self, error::RecvError, error::TryRecvError},
    time::Instant,
};

/// Events a subscriber may be behind before it misses the oldest.
pub const EVENT_CAPACITY: usize = 256;

/// Something that happened to a component, such as a circuit that opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event<K> {
    /// The kind of component, such as `circuit_breaker`.
    pub component: &'static str,
    /// Its name.
    pub name: Arc<str>,
    /// How often the component had changed its state when this happened.
    pub generation: u64,
    /// When it happened, in tokio's time.
    pub at: Instant,
    /// What happened.
    pub kind: K,
}

/// What can happen to a component, told in a component's own words and in those of the [`Registry`](crate::Registry).
pub trait EventKind: Clone + fmt::Debug + Send + 'static {
    /// The same in words that fit every component.
    fn change(&self) -> Change;
}

/// A bounded stream of events: [`EVENT_CAPACITY`] of them. No subscriber can delay, re-enter or break a call.
///
/// ```
/// use watertight_core::{Event, Events};
///
/// async fn print<K: Clone + std::fmt::Debug>(mut events: Events<Event<K>>) {
///     while let Some(event) = events.next().await {
///         match event {
///             Ok(event) => println!("{} {}: {:?}", event.component, event.name, event.kind),
///             Err(missed) => println!("{missed}"),
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Events<T>(broadcast::Receiver<T>);

/// So many events were overwritten before this subscriber read them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Missed(pub u64);

impl<T: Clone> Events<T> {
    /// Waits for the next event; `None` once the component is gone.
    ///
    /// # Errors
    ///
    /// [`Missed`] when this subscriber was too slow; the next call goes on with the oldest event that is left.
    ///
    /// # Cancellation
    ///
    /// Safe: no event is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<T, Missed>> {
        match self.0.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(RecvError::Lagged(missed)) => Some(Err(Missed(missed))),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next event if there is one already.
    ///
    /// # Errors
    ///
    /// [`Missed`], as for [`next`](Self::next).
    pub fn try_next(&mut self) -> Option<Result<T, Missed>> {
        match self.0.try_recv() {
            Ok(event) => Some(Ok(event)),
            Err(TryRecvError::Lagged(missed)) => Some(Err(Missed(missed))),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "missed {} events", self.0)
    }
}

impl std::error::Error for Missed {}

/// What happened to a component, in words that fit every component.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// What happened, such as `transition` or `resized`.
    pub what: &'static str,
    /// What it was before.
    pub from: Option<String>,
    /// What it is now.
    pub to: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// A broadcast channel that is made when somebody first subscribes.
#[derive(Debug)]
pub(crate) struct Broadcast<T>(OnceLock<broadcast::Sender<T>>);

impl<T: Clone> Broadcast<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn subscribe(&self) -> Events<T> {
        Events(
            self.0
                .get_or_init(|| broadcast::Sender::new(EVENT_CAPACITY))
                .subscribe(),
        )
    }

    pub(crate) fn is_heard(&self) -> bool {
        self.0
            .get()
            .is_some_and(|sender| sender.receiver_count() > 0)
    }

    pub(crate) fn send(&self, event: T) {
        if let Some(sender) = self.0.get() {
            // Fails only when nobody is listening any more.
            let _ = sender.send(event);
        }
    }
}

impl Change {
    /// Something that happened.
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self {
            what,
            from: None,
            to: None,
            why: None,
        }
    }

    /// The same with what it was before and what it is now.
    #[must_use]
    pub fn between(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.from = Some(from.into());
        self.to = Some(to.into());
        self
    }

    /// The same with the reason.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }
}

impl<T> Default for Broadcast<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}
