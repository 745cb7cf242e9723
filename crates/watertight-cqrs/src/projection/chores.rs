//! What a run has to do beside reading.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use futures::future::{Either, pending, select};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use watertight_events::{EventStore, Page, Position, ReadError, ViewError, ViewStore};

use super::{ProjectionError, lead::Lead, model::Model, patience::Halt};

/// How often the checkpoint is saved where nothing else is.
const QUIET: Duration = Duration::from_millis(100);

/// The shortest time between two renewals of a lease while something else goes on.
const SOON: Duration = Duration::from_millis(5);

impl<M: Model<S>, E: EventStore, S: ViewStore> Lead<'_, M, E, S> {
    /// Does what is due.
    pub(super) async fn do_chores(&mut self) -> Result<(), Halt> {
        let due = self.is_still_wanted().await?;
        // Another process may have requeued something too, and nobody tells.
        if self.parked > 0 && (due || self.changes.has_changed().unwrap_or(false)) {
            self.changes.mark_unchanged();
            M::try_again(self).await?;
        }
        if self
            .quiet_until()
            .is_some_and(|until| until <= Instant::now())
        {
            self.commit(&self.moved(self.position)).await?;
        }
        Ok(())
    }

    /// Goes on only while the lease is held and nobody has asked it to stop; says whether the lease had to be renewed.
    pub(crate) async fn is_still_wanted(&mut self) -> Result<bool, Halt> {
        if self.runner.stop.is_cancelled() {
            return Err(Halt::Stopped);
        }
        let due = Instant::now() >= self.renew_at;
        if due {
            self.renew().await?;
        }
        Ok(due)
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
    pub(crate) async fn is_there(&self, position: Position) -> Result<(), Halt> {
        if position == Position::START {
            return Ok(());
        }
        let last = self.read_one(position).await?;
        if last.events.first().map(|event| event.position) == Some(position) {
            return Ok(());
        }
        Err(Halt::Failed(ProjectionError::BeyondHead {
            view: self.lease.view.clone(),
            checkpoint: position,
        }))
    }

    /// Does what takes its time, and keeps the lease meanwhile.
    pub(crate) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Halt> {
        let keep = async {
            loop {
                sleep_until(self.renew_at.max(Instant::now() + SOON)).await;
                if let Err(halt) = self.renew().await {
                    return halt;
                }
            }
        };
        match select(pin!(work), pin!(keep)).await {
            Either::Left((done, _)) => Ok(done),
            Either::Right((halt, _)) => Err(halt),
        }
    }

    /// Waits, unless it is to stop.
    pub(crate) async fn pause(&mut self, pause: Duration) -> Result<(), Halt> {
        let stop = self.runner.stop.clone();
        let slept = self
            .meanwhile(stop.run_until_cancelled(sleep(pause)))
            .await?;
        slept.ok_or(Halt::Stopped)
    }

    /// Keeps the lease for longer, if it still holds it.
    pub(crate) async fn renew(&mut self) -> Result<(), Halt> {
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
