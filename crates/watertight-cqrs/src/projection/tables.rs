//! Runs of projections with tables of their own.

use std::{collections::HashSet, fmt, sync::Arc};

use futures::future::BoxFuture;
use watertight_events::{
    EventStore, Filter, Lane, Parked, Position, Recorded, Save, TableStore, ViewError, Work,
    WorkError,
};

use super::{ProjectionError, TableProjection, lead::Lead, model::Model, patience::Halt};

/// The tables of a projection.
pub struct Tables<P>(pub(super) Arc<P>);

/// Some events for a projection.
struct Apply<P>(Arc<P>, Vec<Recorded>);

/// The tables of a projection that goes on at a position.
struct Prepare<P>(Arc<P>, Position);

impl<P, S> Model<S> for Tables<P>
where
    P: TableProjection<S::Transaction>,
    S: TableStore,
{
    fn filter(&self) -> Filter {
        self.0.filter()
    }

    async fn begin<E: EventStore>(lead: &mut Lead<'_, Self, E, S>) -> Result<(), Halt> {
        let tables = Arc::clone(&lead.runner.model.0);
        let save = lead.moved(lead.position);
        let work = Arc::new(Prepare(tables, lead.position));
        let prepared = lead.commit_with(&save, work).await?;
        prepared.map_err(|refused| Halt::Failed(refused.into()))
    }

    async fn take<E: EventStore>(
        lead: &mut Lead<'_, Self, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> Result<(), Halt> {
        let mut held = lead.held(&events).await?;
        // The part that comes next is the last one.
        let mut parts = vec![(events, to)];
        while let Some((mut events, to)) = parts.pop() {
            let mut save = lead.moved(to);
            let (ready, behind) = events
                .iter()
                .cloned()
                .partition(|event| !held.contains(&lane(event)));
            let ready: Vec<Recorded> = ready;
            let behind: Vec<Recorded> = behind;
            save.park = behind.iter().map(|event| parked(event, None)).collect();
            if ready.is_empty() {
                lead.commit(&save).await?;
                continue;
            }
            let why = match lead.apply(&save, ready).await? {
                Ok(()) => continue,
                Err(refused) => refused,
            };
            if events.len() > 1 {
                let back = events.split_off(events.len() / 2);
                let front = events.last().map_or(to, |event| event.position);
                parts.push((back, to));
                parts.push((events, front));
                continue;
            }
            let Some(poison) = events.pop() else { continue };
            if lead.stops().await? {
                return Err(lead.poisoned(poison.position, why.to_string().into()));
            }
            held.insert(lane(&poison));
            save.park = vec![parked(&poison, Some(why))];
            lead.commit(&save).await?;
        }
        Ok(())
    }

    async fn try_again<E: EventStore>(lead: &mut Lead<'_, Self, E, S>) -> Result<(), Halt> {
        loop {
            let letters = lead.requeued(lead.runner.batch).await?;
            if letters.is_empty() {
                return Ok(());
            }
            // One by one: those in front of one that fails again are done.
            for letter in letters {
                let mut save = lead.moved(lead.position);
                save.unpark = vec![(letter.lane.clone(), letter.position)];
                let events = lead.read_one(letter.position).await?.events;
                let done = lead.apply(&save, events).await?;
                if let Err(refused) = done {
                    save.park = vec![Parked {
                        why: Some(refused.to_string().into()),
                        ..letter
                    }];
                    lead.commit(&save).await?;
                    break;
                }
            }
        }
    }
}

impl<P, E, S> Lead<'_, Tables<P>, E, S>
where
    P: TableProjection<S::Transaction>,
    E: EventStore,
    S: TableStore,
{
    /// The lanes of some events that wait for one that is parked.
    async fn held(&self, events: &[Recorded]) -> Result<HashSet<Lane>, Halt> {
        if self.parked == 0 {
            return Ok(HashSet::new());
        }
        let lanes: HashSet<_> = events.iter().map(lane).collect();
        let lanes: Vec<_> = lanes.into_iter().collect();
        Ok(self.load(&lanes).await?.held)
    }

    async fn apply(
        &mut self,
        save: &Save,
        events: Vec<Recorded>,
    ) -> Result<Result<(), ViewError>, Halt> {
        let tables = Arc::clone(&self.runner.model.0);
        self.commit_with(save, Arc::new(Apply(tables, events)))
            .await
    }

    /// Saves together with work, which may be refused.
    async fn commit_with(
        &mut self,
        save: &Save,
        work: Arc<dyn Work<S::Transaction>>,
    ) -> Result<Result<(), ViewError>, Halt> {
        let store = &self.runner.views;
        let saving = self
            .patience
            .with(|| store.save_with(save, Arc::clone(&work)));
        match saving.await {
            Ok(saved) => {
                self.saved(save, saved);
                Ok(Ok(()))
            }
            Err(Halt::Failed(ProjectionError::View(refused @ ViewError::Refused { .. }))) => {
                Ok(Err(refused))
            }
            Err(halt) => Err(halt),
        }
    }
}

impl<P: TableProjection<Tx>, Tx: Send + 'static> Work<Tx> for Apply<P> {
    fn run<'a>(&'a self, transaction: &'a mut Tx) -> BoxFuture<'a, Result<(), WorkError>> {
        Box::pin(self.0.apply(transaction, &self.1))
    }
}

impl<P: TableProjection<Tx>, Tx: Send + 'static> Work<Tx> for Prepare<P> {
    fn run<'a>(&'a self, transaction: &'a mut Tx) -> BoxFuture<'a, Result<(), WorkError>> {
        Box::pin(self.0.prepare(transaction, self.1))
    }
}

impl<P> fmt::Debug for Tables<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tables")
    }
}

fn lane(event: &Recorded) -> Lane {
    Lane::Stream(event.stream.clone())
}

fn parked(event: &Recorded, why: Option<ViewError>) -> Parked {
    Parked {
        lane: lane(event),
        position: event.position,
        why: why.map(|why| why.to_string().into()),
    }
}
