//! What a run has to do beside reading.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use futures::future::{Either, pending, select};
use tokio::time::{Instant, timeout_at};
use watertight_events::{EventStore, Page, Position, ReadError, ViewError, ViewStore};

use super::{ProjectionError, lead::Lead, model::Model, patience::Halt};

/// How often the checkpoint is saved where nothing else is.
const QUIET: Duration = Duration::from_millis(100);

impl<M: Model<S>, E: EventStore, S: ViewStore> Lead<'_, M, E, S> {
    /// Does what is due.
    pub(super) async fn do_chores(&mut self) -> Result<(), Halt> {
        if self.runner.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        let now = Instant::now();
        let due = now >= self.renew_at;
        if due {
            self.renew().await?;
        }
        // Another process may have requeued something too, and nobody tells.
        if self.parked > 0 && (due || self.changes.has_changed().unwrap_or(false)) {
            self.changes.mark_unchanged();
            M::try_again(self).await?;
        }
        if self.quiet_until().is_some_and(|until| until <= now) {
            self.commit(&self.moved(self.position)).await?;
        }
        Ok(())
    }

    /// What was read; nothing, if something is due before.
    pub(super) async fn read_or_chore<F>(
        &mut self,
        next: Pin<&mut F>,
    ) -> Result<Option<Result<Page, ReadError>>, Halt>
    where
        F: Future<Output = Result<Page, ReadError>>,
    {
        let until = self
            .quiet_until()
            .map_or(self.renew_at, |quiet| quiet.min(self.renew_at));
        let (changes, parked) = (&mut self.changes, self.parked);
        let requeued = async {
            if parked == 0 || changes.changed().await.is_err() {
                pending::<()>().await;
            }
            changes.mark_changed();
        };
        let requeued = pin!(requeued);
        let stop = &self.runner.stop;
        let read = stop.run_until_cancelled(select(next, requeued));
        match timeout_at(until, read).await {
            Ok(Some(Either::Left((page, _)))) => Ok(Some(page)),
            Ok(Some(Either::Right(_))) | Err(_) => Ok(None),
            Ok(None) => Err(Halt::Stopped),
        }
    }

    /// A checkpoint beyond the head belongs to events that are lost; others would come in their place.
    pub(super) async fn has_not_read_too_far(&self) -> Result<(), Halt> {
        if self.position == Position::START {
            return Ok(());
        }
        let last = self.read_one(self.position).await?;
        if last.events.first().map(|event| event.position) == Some(self.position) {
            return Ok(());
        }
        Err(Halt::Failed(ProjectionError::BeyondHead {
            view: self.lease.view.clone(),
            checkpoint: self.position,
        }))
    }

    pub(super) async fn renew(&mut self) -> Result<(), Halt> {
        let (views, keep) = (&self.runner.views, self.runner.lease);
        let (mine, events) = (&self.lease, self.runner.events.id());
        let claim = || views.claim(&mine.view, events, mine.owner, keep);
        match self.patience.with(claim).await {
            Ok(again) if again.lease == self.lease => {
                self.renew_at = Instant::now() + keep / 3;
                Ok(())
            }
            Ok(_) | Err(Halt::Failed(ProjectionError::View(ViewError::Held { .. }))) => {
                Err(Halt::Fenced)
            }
            Err(halt) => Err(halt),
        }
    }

    /// When the checkpoint must be saved, if nothing else is saved before.
    fn quiet_until(&self) -> Option<Instant> {
        let (position, at) = self.saved;
        (self.position > position).then(|| at + QUIET)
    }
}
