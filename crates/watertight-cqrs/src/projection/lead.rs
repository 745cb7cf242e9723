//! One run of a read model, from its claim to its end.

use std::{convert::Infallible, fmt, pin::pin, sync::Arc};

use tokio::{sync::watch, task::yield_now, time::Instant};
use watertight_events::{
    Claimed, EventStore, Filter, Lane, Lease, Loaded, Page, Parked, Position, ReadError, Save,
    Saved, Subscription, ViewStore,
};

use super::{
    OnPoison, ProjectionError, ProjectionState, Runner,
    handle::Teller,
    model::Model,
    patience::{Halt, Patience},
};

/// What is known in a run.
pub struct Lead<'a, M, E, S> {
    pub(crate) runner: &'a Runner<M, E, S>,
    pub(crate) patience: Patience<'a>,
    teller: &'a Teller,
    pub(crate) lease: Lease,
    /// The stored checkpoint, and when it was stored.
    pub(super) saved: (Position, Instant),
    /// How far it has read.
    pub(crate) position: Position,
    pub(super) renew_at: Instant,
    pub(super) parked: u64,
    /// What others change in the store: they may requeue something.
    pub(super) changes: watch::Receiver<u64>,
}

impl<'a, M: Model<S>, E: EventStore, S: ViewStore> Lead<'a, M, E, S> {
    pub(super) fn new(runner: &'a Runner<M, E, S>, teller: &'a Teller, claimed: Claimed) -> Self {
        let position = claimed.checkpoint.position;
        let now = Instant::now();
        let mut changes = runner.views.changed();
        changes.mark_changed();
        teller.0.send_modify(|status| {
            status.began = Some((position, now));
            status.state = ProjectionState::CatchingUp;
        });
        Self {
            runner,
            patience: Patience::new(&runner.stop, teller),
            teller,
            lease: claimed.lease,
            saved: (position, now),
            position,
            renew_at: now + runner.lease / 3,
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
            let _ = self.runner.views.save(&self.moved(self.position)).await;
        }
        let _ = self.runner.views.release(&self.lease, why).await;
        halt
    }

    async fn go_on(&mut self) -> Result<Infallible, Halt> {
        M::begin(self).await?;
        self.is_there(self.position).await?;
        let events = self.runner.events.clone();
        if *events.head().borrow() <= self.position {
            self.teller.state(ProjectionState::Live);
        }
        self.tell();
        let subscription = Subscription::new(events, self.position, self.runner.model.filter());
        let mut subscription = subscription.page(self.runner.batch);
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
    pub(crate) async fn read_one(&self, position: Position) -> Result<Page, Halt> {
        let before = Position(position.0 - 1);
        let all = Filter::all();
        let read = || self.runner.events.read_all(before, &all, 1);
        self.patience.with(read).await
    }

    async fn read_again(&self, error: ReadError) -> Result<(), Halt> {
        let mut first = Some(error);
        let after = self.position;
        let (events, all) = (&self.runner.events, Filter::all());
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
        if page.events.is_empty() {
            self.position = page.scanned_to;
        } else {
            M::take(self, page.events, page.scanned_to).await?;
        }
        self.teller.state(state);
        self.tell();
        Ok(())
    }

    pub(crate) async fn load(&self, lanes: &[Lane]) -> Result<Loaded, Halt> {
        let views = &self.runner.views;
        let load = || views.load(&self.lease.view, lanes);
        self.patience.with(load).await
    }

    /// Whether an event that is bad is the end: where nobody reads the view yet, it is better mended first.
    pub(crate) async fn stops(&self) -> Result<bool, Halt> {
        if let Some(then) = self.runner.on_poison {
            return Ok(then == OnPoison::Stop);
        }
        let view = &self.lease.view;
        let versions = || self.runner.views.versions(&view.name);
        let versions = self.patience.with(versions).await?;
        Ok(versions.active != Some(view.version))
    }

    /// The end in front of an event that is bad.
    pub(crate) fn poisoned(&self, position: Position, why: Arc<str>) -> Halt {
        Halt::Failed(ProjectionError::Poison {
            view: self.lease.view.clone(),
            position,
            why,
        })
    }

    /// The first events of a lane that is to be tried again.
    pub(crate) async fn requeued(&self, limit: usize) -> Result<Vec<Parked>, Halt> {
        let views = &self.runner.views;
        let requeued = || views.requeued(&self.lease.view, limit);
        self.patience.with(requeued).await
    }

    pub(crate) async fn commit(&mut self, save: &Save) -> Result<(), Halt> {
        let views = &self.runner.views;
        let saved = self.patience.with(|| views.save(save)).await?;
        self.saved(save, saved);
        Ok(())
    }

    /// Not before: what was read for a save that failed has not been seen.
    pub(super) fn saved(&mut self, save: &Save, saved: Saved) {
        self.position = save.to;
        self.saved = (save.to, Instant::now());
        self.parked = saved.parked;
        self.tell();
    }

    /// The checkpoint moved to a position.
    pub(crate) fn moved(&self, to: Position) -> Save {
        Save::new(self.lease.clone(), self.saved.0, to)
    }

    pub(crate) fn state(&self) -> ProjectionState {
        self.teller.0.borrow().state.clone()
    }

    pub(crate) fn tell_state(&self, state: ProjectionState) {
        self.teller.state(state);
    }

    pub(crate) fn tell(&self) {
        self.teller.0.send_modify(|status| {
            status.position = self.position;
            status.parked = self.parked;
        });
    }
}

impl<M, E, S> fmt::Debug for Lead<'_, M, E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead")
            .field("lease", &self.lease)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
