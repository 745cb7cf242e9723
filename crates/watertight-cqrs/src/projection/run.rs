use std::{fmt, marker::PhantomData, time::Duration};

use watertight_events::{EventStore, ViewStore};

use super::{ProjectionError, ProjectionHandle, View, folding::Folding, runner::Runner};

/// Keeps a view up to date: first with the events that are there, then with those to come.
///
/// Documents and checkpoint are saved in one commit, compared and fenced. So whatever happens, and however many run the same
/// view, every event has its effect once. One of them runs it; the others stand by, and take over when its lease expires.
///
/// A new version of a view is built beside the one that is read: run both, then
/// [`promote`](watertight_events::ViewStore::promote) the new one when it has caught up.
///
/// | setting | default | what it is |
/// |---|---|---|
/// | `batch` | 500 | events read and saved at a time |
/// | `lease` | 10 s | after this time without a sign of life others take over |
/// | `on_poison` | park; stop in a version that is not read | what becomes of an event that cannot be applied |
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use watertight_cqrs::{Event, Fact, Projection, ProjectionState, View};
/// use watertight_events::{EventStore, Expected, Find, MemoryStore, StreamId, ViewStore, Write};
/// # #[derive(Deserialize, Serialize)]
/// # enum Door { Opened }
/// # impl Event for Door {}
/// # struct Doors;
/// # impl View for Doors {
/// #     type Event = Door;
/// #     type Document = u64;
/// #     const NAME: &'static str = "doors";
/// #     const VERSION: u32 = 1;
/// #     fn keys(fact: &Fact<Door>) -> Vec<String> { vec![fact.stream.key().into()] }
/// #     fn apply(_: &str, times: Option<u64>, _: &Fact<Door>) -> Option<u64> { Some(times.unwrap_or(0) + 1) }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = MemoryStore::new();
/// let doors = Projection::<Doors, _, _>::new(store.clone(), store.clone());
/// let handle = doors.handle();
/// let running = tokio::spawn(doors.run());
///
/// let opened = Write::to(StreamId::new("door", 7), Expected::Any, vec![Door::Opened.encode()?.into()]);
/// store.write(opened).await?;
/// handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0).await;
/// assert_eq!(store.find(&Doors::id(), &Find::all()).await?.documents.len(), 1);
///
/// handle.stop();
/// running.await??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[must_use = "a projection does nothing until `run`"]
pub struct Projection<V, E, S> {
    runner: Runner<E, S>,
    on_poison: Option<OnPoison>,
    view: PhantomData<fn() -> V>,
}

/// What becomes of an event that cannot be read or applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnPoison {
    /// It is left out, and so are the later ones of the same document, until they are
    /// [requeued](watertight_events::ViewStore::requeue). All others go on.
    Park,
    /// The projection stops in front of it.
    Stop,
}

impl<V: View, E: EventStore, S: ViewStore> Projection<V, E, S> {
    /// The view of these events in this store, which may be the same.
    pub fn new(events: E, views: S) -> Self {
        Self {
            runner: Runner::new(V::id(), V::filter(), events, views),
            on_poison: None,
            view: PhantomData,
        }
    }

    /// Events that are read and saved at a time, at least one.
    pub const fn batch(mut self, events: usize) -> Self {
        self.runner.batch = if events == 0 { 1 } else { events };
        self
    }

    /// How long it may give no sign of life before another takes over.
    pub const fn lease(mut self, keep: Duration) -> Self {
        self.runner.lease = keep;
        self
    }

    /// What becomes of an event that cannot be applied.
    pub const fn on_poison(mut self, then: OnPoison) -> Self {
        self.on_poison = Some(then);
        self
    }

    /// How it is, and how to stop it.
    pub fn handle(&self) -> ProjectionHandle {
        self.runner.handle()
    }

    /// Runs it until it is stopped by its handle.
    ///
    /// # Errors
    ///
    /// It cannot go on. Failures that may pass are tried again, less and less often, for as long as it takes.
    ///
    /// # Cancellation
    ///
    /// Safe at any moment: what was not saved is done again by whoever runs it next, once the lease has expired.
    pub async fn run(self) -> Result<(), ProjectionError> {
        let folding = Folding::<V>::new(self.on_poison);
        self.runner.run(folding).await
    }
}

impl<V: View, E, S> fmt::Debug for Projection<V, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projection")
            .field("runner", &self.runner)
            .field("on_poison", &self.on_poison)
            .finish()
    }
}
