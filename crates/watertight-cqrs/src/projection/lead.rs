//! One run of a view, from its claim to its end.

use std::{convert::Infallible, pin::pin, sync::Arc};

use tokio::{sync::watch, task::yield_now, time::Instant};
use watertight_events::{
    Claimed, EventStore, Filter, Lane, Lease, Loaded, Page, Position, ReadError, Save,
    Subscription, ViewStore,
};

use super::{
    OnPoison, Projection, ProjectionError, ProjectionState, View,
    batch::{Batch, Outcome},
    handle::Teller,
    patience::{Halt, Patience},
};

pub(super) struct Lead<'a, V, E, S> {
    pub(super) projection: &'a Projection<V, E, S>,
    pub(super) patience: Patience<'a>,
    teller: &'a Teller,
    pub(super) lease: Lease,
    /// The stored checkpoint, and when it was stored.
    pub(super) saved: (Position, Instant),
    /// How far it has read.
    pub(super) position: Position,
    pub(super) renew_at: Instant,
    pub(super) parked: u64,
    /// What others change in the store: they may requeue something.
    pub(super) changes: watch::Receiver<u64>,
}

impl<'a, V: View, E: EventStore, S: ViewStore> Lead<'a, V, E, S> {
    pub(super) fn new(
        projection: &'a Projection<V, E, S>,
        teller: &'a Teller,
        claimed: Claimed,
    ) -> Self {
        let position = claimed.checkpoint.position;
        let now = Instant::now();
        let mut changes = projection.views.changed();
        changes.mark_changed();
        teller.0.send_modify(|status| {
            status.began = Some((position, now));
            status.state = ProjectionState::CatchingUp;
        });
        Self {
            projection,
            patience: Patience::new(&projection.stop, teller),
            teller,
            lease: claimed.lease,
            saved: (position, now),
            position,
            renew_at: now + projection.lease / 3,
            parked: claimed.parked,
            changes,
        }
    }

    pub(super) async fn run(mut self) -> Halt {
        let Err(halt) = self.go_on().await;
        let why = match &halt {
            Halt::Fenced => return halt,
            Halt::Stopped => None,
            Halt::Failed(error) => Some(Arc::from(error.to_string())),
        };
        if self.position > self.saved.0 {
            // Not needed for what is right, but the next one has less to read.
            let _ = self.projection.views.save(&self.moved()).await;
        }
        let _ = self.projection.views.release(&self.lease, why).await;
        halt
    }

    async fn go_on(&mut self) -> Result<Infallible, Halt> {
        self.has_not_read_too_far().await?;
        let events = self.projection.events.clone();
        if *events.head().borrow() <= self.position {
            self.teller.state(ProjectionState::Live);
        }
        self.tell();
        let subscription = Subscription::new(events, self.position, V::filter());
        let mut subscription = subscription.page(self.projection.batch);
        loop {
            let page = {
                // However much there is to do meanwhile, a read that takes long is not begun again.
                let mut next = pin!(subscription.next_page());
                loop {
                    self.do_chores().await?;
                    if let Some(page) = self.read_or_chore(next.as_mut()).await? {
                        break page;
                    }
                }
            };
            match page {
                Ok(page) => self.take(page).await?,
                Err(error) => self.read_again(error).await?,
            }
            // A store in memory is always ready, and others have work to do too.
            yield_now().await;
        }
    }

    /// The event at a position.
    pub(super) async fn read_one(&self, position: Position) -> Result<Page, Halt> {
        let before = Position(position.0 - 1);
        let all = Filter::all();
        let read = || self.projection.events.read_all(before, &all, 1);
        self.patience.with(read).await
    }

    async fn read_again(&self, error: ReadError) -> Result<(), Halt> {
        let mut first = Some(error);
        let after = self.position;
        let (events, all) = (&self.projection.events, Filter::all());
        let attempt = || {
            let first = first.take();
            let all = &all;
            async move {
                match first {
                    Some(error) => Err(error),
                    None => events.read_all(after, all, 1).await.map(|_| ()),
                }
            }
        };
        self.patience.with(attempt).await
    }

    async fn take(&mut self, page: Page) -> Result<(), Halt> {
        let state = if page.at_head {
            ProjectionState::Live
        } else {
            ProjectionState::CatchingUp
        };
        let batch = Batch::<V>::read(page.events);
        if batch.is_empty() {
            self.position = page.scanned_to;
        } else {
            let loaded = self.load(&batch.lanes()).await?;
            let outcome = batch.fold(&loaded);
            if let Some(poison) = outcome.poison()
                && self.stops().await?
            {
                let error = ProjectionError::Poison {
                    view: self.lease.view.clone(),
                    position: poison.position,
                    why: poison.why.clone().unwrap_or_default(),
                };
                let before = batch.before(poison.position).fold(&loaded);
                self.save(before, Position(poison.position.0 - 1)).await?;
                return Err(Halt::Failed(error));
            }
            if outcome.is_empty() {
                self.position = page.scanned_to;
            } else {
                self.save(outcome, page.scanned_to).await?;
            }
        }
        self.teller.state(state);
        self.tell();
        Ok(())
    }

    pub(super) async fn load(&self, lanes: &[Lane]) -> Result<Loaded, Halt> {
        let views = &self.projection.views;
        let load = || views.load(&self.lease.view, lanes);
        self.patience.with(load).await
    }

    /// Whether an event that is bad is the end: where nobody reads the view yet, it is better mended first.
    async fn stops(&self) -> Result<bool, Halt> {
        if let Some(then) = self.projection.on_poison {
            return Ok(then == OnPoison::Stop);
        }
        let versions = || self.projection.views.versions(V::NAME);
        let versions = self.patience.with(versions).await?;
        Ok(versions.active != Some(V::VERSION))
    }

    pub(super) async fn save(&mut self, outcome: Outcome, to: Position) -> Result<(), Halt> {
        let mut save = self.moved();
        save.to = to;
        save.changes = outcome.changes;
        save.park = outcome.park;
        self.commit(&save).await
    }

    pub(super) async fn commit(&mut self, save: &Save) -> Result<(), Halt> {
        let views = &self.projection.views;
        let saved = self.patience.with(|| views.save(save)).await?;
        // Not before: what was read for a save that failed has not been seen.
        self.position = save.to;
        self.saved = (save.to, Instant::now());
        self.parked = saved.parked;
        self.tell();
        Ok(())
    }

    /// The checkpoint moved to where it has read.
    pub(super) fn moved(&self) -> Save {
        Save::new(self.lease.clone(), self.saved.0, self.position)
    }

    fn tell(&self) {
        self.teller.0.send_modify(|status| {
            status.position = self.position;
            status.parked = self.parked;
        });
    }
}
