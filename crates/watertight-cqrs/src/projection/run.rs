use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use watertight_events::{
    Claimed, EventStore, Inline, InlineStore, Lease, PAGE, Position, TableStore, ViewError, ViewId,
    ViewStore, new_id,
};

use super::{
    Folds, ProjectionError, ProjectionHandle, ProjectionState, TableProjection, Tables, View,
    handle::{Status, Teller},
    lead::Lead,
    model::Model,
    patience::{Halt, Patience},
};

/// How often one in standby asks whether it is needed.
const STANDBY: Duration = Duration::from_millis(500);

/// Keeps a view up to date.
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
pub type Projection<V, E, S> = Runner<Folds<V>, E, S>;

/// Keeps the tables of a [`TableProjection`] up to date.
pub type TableRunner<P, E, S> = Runner<Tables<P>, E, S>;

/// Keeps a read model up to date: first with the events that are there, then with those to come. It is a [`Projection`] of a
/// view, or a [`TableRunner`].
///
/// What it writes and the checkpoint are saved in one commit, compared and fenced. So whatever happens, and however many run the
/// same read model, every event has its effect once. One of them runs it; the others stand by, and take over when its lease
/// expires.
///
/// A new version is built beside the one that is read: run both, then [`promote`](watertight_events::ViewStore::promote) the new
/// one when it has caught up.
///
/// | setting | default | what it is |
/// |---|---|---|
/// | `batch` | 500 | events read and saved at a time |
/// | `lease` | 10 s | after this time without a sign of life others take over |
/// | `on_poison` | park; stop in a version that is not read | what becomes of an event that cannot be applied |
#[must_use = "a projection does nothing until `run`"]
pub struct Runner<M, E, S> {
    pub(crate) model: M,
    pub(crate) view: ViewId,
    pub(crate) events: E,
    pub(crate) views: S,
    pub(super) batch: usize,
    pub(super) lease: Duration,
    pub(super) on_poison: Option<OnPoison>,
    pub(crate) stop: CancellationToken,
    pub(super) status: watch::Sender<Status>,
    pub(super) attach: Option<Attach>,
}

/// Attaches a model to the commits of events, which it has read up to a position.
pub(super) type Attach =
    Arc<dyn Fn(Lease, Position) -> BoxFuture<'static, Result<(), ViewError>> + Send + Sync>;

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

impl<V: View, E: EventStore, S: ViewStore> Runner<Folds<V>, E, S> {
    /// The view of these events in this store, which may be the same.
    pub fn new(events: E, views: S) -> Self {
        Self::of(Folds::new(), V::id(), events, views)
    }
}

impl<P, E, S> Runner<Tables<P>, E, S>
where
    P: TableProjection<S::Transaction>,
    E: EventStore,
    S: TableStore,
{
    /// The tables in this store of these events, which may be of the same.
    pub fn new(projection: P, events: E, tables: S) -> Self {
        Self::of(Tables(Arc::new(projection)), P::id(), events, tables)
    }
}

impl<M, S> Runner<M, S, S>
where
    M: Model<S> + Inline<S::Transaction> + Clone,
    S: EventStore + InlineStore,
{
    /// Has events applied in the very commits that append them, once it has caught up: its state is
    /// [`Inline`](ProjectionState::Inline) then, and whoever has written finds it up to date.
    ///
    /// It makes every write slower, and what it does in a commit has a time limit. A process that does not run it may not append
    /// any more, also after a restart, until it does or the model is [retired](InlineStore::retire). It stays attached until the
    /// store is closed, also if this is stopped or dropped. An event that cannot be applied is parked; what was requeued is tried
    /// when it is run the next time.
    pub fn inline(mut self) -> Self {
        let (store, model) = (self.views.clone(), Arc::new(self.model.clone()));
        // While another process runs it, this one appends as well.
        store.know(&self.view, Arc::<M>::clone(&model));
        self.attach = Some(Arc::new(move |lease, from| {
            let (store, model) = (store.clone(), Arc::clone(&model));
            Box::pin(async move { store.attach(&lease, from, model).await })
        }));
        self
    }
}

impl<M: Model<S>, E: EventStore, S: ViewStore> Runner<M, E, S> {
    pub(crate) fn of(model: M, view: ViewId, events: E, views: S) -> Self {
        Self {
            model,
            view,
            events,
            views,
            batch: PAGE,
            lease: Duration::from_secs(10),
            on_poison: None,
            stop: CancellationToken::new(),
            status: watch::Sender::new(Status::new()),
            attach: None,
        }
    }

    /// Events that are read and saved at a time, at least one.
    pub const fn batch(mut self, events: usize) -> Self {
        self.batch = if events == 0 { 1 } else { events };
        self
    }

    /// How long it may give no sign of life before another takes over.
    pub const fn lease(mut self, keep: Duration) -> Self {
        self.lease = keep;
        self
    }

    /// What becomes of an event that cannot be applied.
    pub const fn on_poison(mut self, then: OnPoison) -> Self {
        self.on_poison = Some(then);
        self
    }

    /// How it is, and how to stop it.
    pub fn handle(&self) -> ProjectionHandle {
        ProjectionHandle {
            view: self.view.clone(),
            status: self.status.subscribe(),
            head: self.events.head(),
            stop: self.stop.clone(),
        }
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
        let teller = Teller(self.status.clone(), self.view.clone());
        let view = &self.view;
        let owner = new_id();
        loop {
            let halt = match self.claim(view, owner, &teller).await {
                Ok(claimed) => Lead::new(&self, &teller, claimed).run().await,
                Err(halt) => halt,
            };
            match halt {
                Halt::Fenced => {}
                Halt::Stopped => {
                    teller.state(ProjectionState::Stopped);
                    return Ok(());
                }
                Halt::Failed(error) => {
                    let why = error.to_string().into();
                    teller.state(ProjectionState::Failed(why));
                    return Err(error);
                }
            }
        }
    }

    async fn claim(&self, view: &ViewId, owner: Uuid, teller: &Teller) -> Result<Claimed, Halt> {
        let patience = Patience::new(&self.stop, teller);
        let events = self.events.id();
        loop {
            let claim = || async {
                match self.views.claim(view, events, owner, self.lease).await {
                    Ok(claimed) => Ok(Ok(claimed)),
                    Err(ViewError::Held { left, .. }) => Ok(Err(left)),
                    Err(error) => Err(error),
                }
            };
            match patience.with(claim).await? {
                Ok(claimed) => return Ok(claimed),
                Err(left) => {
                    teller.state(ProjectionState::Standby);
                    let left = left.clamp(Duration::from_millis(1), STANDBY);
                    patience.sleep(left).await?;
                }
            }
        }
    }
}

impl<M, E, S> fmt::Debug for Runner<M, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner")
            .field("view", &self.view)
            .field("batch", &self.batch)
            .field("lease", &self.lease)
            .field("on_poison", &self.on_poison)
            .finish_non_exhaustive()
    }
}
