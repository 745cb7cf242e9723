use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use tokio::sync::Mutex;
use tower_service::Service;
use watertight_events::{EventStore, Filter, Position, ViewId, ViewStore};

use super::{Delivery, Emit, attempt::Attempts};
use crate::{Event, Fact, Runner, codec};

/// Does something about events: a side effect, or events of its own.
///
/// What it does is a tower Service of [`Delivery`] whose answer is an [`Emit`], or `()`, so every layer stacks on it. It is
/// asked for one event after the other, at least once each, and an event is never skipped. What it emits is exactly once: its
/// position moves in the same commit.
///
/// One process runs it, the others stand by and take over when its lease expires; whoever was taken over can emit nothing
/// more. Position and lease belong to the name: under another name it is another reactor, which begins where it is told to.
///
/// | setting | default | what it is |
/// |---|---|---|
/// | `categories` | all | streams that are read |
/// | `key` | the stream | events of one key stay in order, also while some of them are parked |
/// | `attempts` | 5 | tries of one event |
/// | `backoff` | 100 ms to 10 s | pause before the second try, doubled up to the longest, less up to a half at random |
/// | `attempt_timeout` | 30 s | the longest that one try takes |
/// | `on_poison` | park | what becomes of an event after its last try |
/// | `batch` | 500 | events read at a time |
/// | `lease` | 10 s | after this time without a sign of life others take over |
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tower::service_fn;
/// use watertight_cqrs::{Delivery, Emit, Event, Reactor, Start};
/// use watertight_events::{EventStore, Expected, MemoryStore, Position, StreamId, Write};
///
/// #[derive(Deserialize, Serialize)]
/// enum Order { Paid }
/// #[derive(Deserialize, Serialize)]
/// enum Parcel { Requested }
/// impl Event for Order {}
/// impl Event for Parcel {}
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let paid = Write::to(StreamId::new("order", 7), Expected::Any, vec![Order::Paid.encode()?.into()]);
/// store.write(paid).await?;
///
/// let request = service_fn(|paid: Delivery<Order>| async move {
///     Emit::nothing().event(StreamId::new("parcel", paid.stream.key()), &Parcel::Requested)
/// });
/// let parcels = Reactor::new("parcels", Start::Beginning, store.clone(), store.clone(), request);
/// let handle = parcels.handle();
/// let running = tokio::spawn(parcels.run());
/// store.head().wait_for(|head| *head == Position(2)).await?;
/// handle.stop();
/// running.await??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub type Reactor<V, E, S, R> = Runner<Reactions<V, R>, E, S>;

/// What a [`Reactor`] does.
pub struct Reactions<V, R> {
    pub(super) name: Arc<str>,
    /// Under what its position is in the store of the events.
    pub(super) consumer: Arc<str>,
    pub(super) start: Start,
    pub(super) filter: Filter,
    pub(super) attempts: Attempts,
    pub(super) key: Option<KeyOf<V>>,
    /// Locked by the one run that there is.
    pub(super) state: Mutex<State<R>>,
}

#[derive(Debug)]
pub(super) struct State<R> {
    pub(super) service: R,
    /// Its position in the store of the events.
    pub(super) tracked: Position,
}

/// Where a reactor begins that has never run. One that has goes on where it was, whatever is said here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Start {
    /// With the events that come after it is run for the first time: the past has no effects.
    Now,
    /// With the first event of the store: everything that ever happened has its effect.
    Beginning,
    /// With the first event after this position.
    After(Position),
}

pub(super) type KeyOf<V> = Box<dyn Fn(&Fact<V>) -> String + Send + Sync>;

impl<V, E, S, R> Runner<Reactions<V, R>, E, S>
where
    V: Event,
    E: EventStore,
    S: ViewStore,
    R: Reacts<V>,
{
    /// A reactor to these events. Its lease, and what it has parked, are in `views`, which must last as long as the events, and is
    /// the same store for most.
    pub fn new(name: impl Into<Arc<str>>, start: Start, events: E, views: S, service: R) -> Self {
        let name = name.into();
        let view = Self::id(&name);
        let reactions = Reactions {
            name,
            consumer: Arc::clone(&view.name),
            start,
            filter: codec::filter::<V>(),
            attempts: Attempts::default(),
            key: None,
            state: Mutex::new(State {
                service,
                tracked: Position::START,
            }),
        };
        Self::of(reactions, view, events, views)
    }

    /// Under what a reactor's parked events are found in the store of its lease.
    #[must_use]
    pub fn id(name: &str) -> ViewId {
        ViewId::new(format!("reactor {name}"), 1)
    }

    /// Reads streams of this category too; without any, all.
    pub fn category(mut self, category: impl Into<Arc<str>>) -> Self {
        self.model.filter = self.model.filter.category(category);
        self
    }

    /// Keeps those events in order that have the same key: an event that is parked holds up the later ones of its key, and no
    /// others. What one stored event was split into has the key of its first. A panic is as good as an event that cannot be read.
    pub fn key(mut self, key: impl Fn(&Fact<V>) -> String + Send + Sync + 'static) -> Self {
        self.model.key = Some(Box::new(key));
        self
    }

    /// How often an event is tried.
    pub const fn attempts(mut self, attempts: NonZeroU32) -> Self {
        self.model.attempts.most = attempts.get();
        self
    }

    /// The pause before the second try, which is doubled before every other one up to the longest.
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.model.attempts.first = first;
        self.model.attempts.longest = longest;
        self
    }

    /// The longest that one try takes. What it has done by then is not undone.
    pub const fn attempt_timeout(mut self, longest: Duration) -> Self {
        self.model.attempts.timeout = longest;
        self
    }
}

/// The service of a reactor: implemented for every one that fits.
pub trait Reacts<V>:
    Service<Delivery<V>, Response: Into<Emit>, Error: fmt::Display, Future: Send> + Send + 'static
{
}

impl<V, R> Reacts<V> for R where
    R: Service<Delivery<V>, Response: Into<Emit>, Error: fmt::Display, Future: Send>
        + Send
        + 'static
{
}

impl<V, R> fmt::Debug for Reactions<V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reactions")
            .field("name", &self.name)
            .field("start", &self.start)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
