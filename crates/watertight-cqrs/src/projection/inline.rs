//! Read models in the commits of events.

use std::collections::HashSet;

use futures::future::BoxFuture;
use tokio::time::timeout_at;
use watertight_events::{
    EventStore, Filter, Inline, Lane, Parked, Recorded, Session, ViewError, ViewStore,
};

use super::{
    Folds, ProjectionError, ProjectionState, TableProjection, Tables, View,
    batch::Batch,
    lead::Lead,
    model::Model,
    patience::Halt,
    tables::{Apply, lane, parked},
};

impl<V: View, Tx: Send + 'static> Inline<Tx> for Folds<V> {
    fn filter(&self) -> Filter {
        V::filter()
    }

    fn apply<'a>(
        &'a self,
        session: &'a mut dyn Session<Tx>,
        events: &'a [Recorded],
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        let batch = Batch::<V>::read(events.to_vec());
        Box::pin(async move {
            let loaded = session.load(&batch.lanes()).await?;
            let outcome = batch.fold(&loaded);
            session.save(&outcome.changes, &outcome.park).await
        })
    }
}

impl<P: TableProjection<Tx>, Tx: Send + 'static> Inline<Tx> for Tables<P> {
    fn filter(&self) -> Filter {
        self.0.filter()
    }

    fn apply<'a>(
        &'a self,
        session: &'a mut dyn Session<Tx>,
        events: &'a [Recorded],
    ) -> BoxFuture<'a, Result<(), ViewError>> {
        Box::pin(async move {
            let lanes: HashSet<_> = events.iter().map(lane).collect();
            let lanes: Vec<_> = lanes.into_iter().collect();
            let held = session.load(&lanes).await?.held;
            let (behind, ready): (Vec<_>, Vec<_>) = events
                .iter()
                .cloned()
                .partition(|event| held.contains(&lane(event)));
            let mut park: Vec<_> = behind.iter().map(|event| parked(event, None)).collect();
            if !ready.is_empty() {
                let work = self.apply_to(ready.clone());
                match session.work(&work).await {
                    Err(ViewError::Refused { .. }) => {
                        park.extend(self.apply_each(session, ready).await?);
                    }
                    done => done?,
                }
            }
            session.save(&[], &park).await
        })
    }
}

impl<P> Tables<P> {
    fn apply_to(&self, events: Vec<Recorded>) -> Apply<P> {
        Apply(std::sync::Arc::clone(&self.0), events)
    }

    /// One by one, so that only those are left out that must be.
    async fn apply_each<Tx: Send + 'static>(
        &self,
        session: &mut dyn Session<Tx>,
        events: Vec<Recorded>,
    ) -> Result<Vec<Parked>, ViewError>
    where
        P: TableProjection<Tx>,
    {
        let mut park = Vec::new();
        let mut held: HashSet<Lane> = HashSet::new();
        for event in events {
            if held.contains(&lane(&event)) {
                park.push(parked(&event, None));
                continue;
            }
            let work = self.apply_to(vec![event.clone()]);
            match session.work(&work).await {
                Err(refused @ ViewError::Refused { .. }) => {
                    held.insert(lane(&event));
                    park.push(parked(&event, Some(refused)));
                }
                done => done?,
            }
        }
        Ok(park)
    }
}

impl<M: Model<S>, E: EventStore, S: ViewStore> Lead<'_, M, E, S> {
    /// Attaches the model to the commits of events, if that is wanted and it has come far enough, and stays as long as it is.
    pub(super) async fn go_inline(&mut self) -> Result<(), Halt> {
        let Some(attach) = &self.runner.attach else {
            return Ok(());
        };
        if self.position > self.saved.0 {
            self.commit(&self.moved(self.position)).await?;
        }
        let attaching = self
            .patience
            .with(|| attach(self.lease.clone(), self.position));
        match attaching.await {
            Ok(()) => self.stay().await,
            // More has come meanwhile; it is read first.
            Err(Halt::Failed(ProjectionError::View(ViewError::Behind { .. }))) => Ok(()),
            Err(halt) => Err(halt),
        }
    }

    async fn stay(&mut self) -> Result<(), Halt> {
        let mut head = self.runner.events.head();
        self.teller.state(ProjectionState::Inline);
        loop {
            self.follow(*head.borrow_and_update());
            let moved = timeout_at(self.renew_at, head.changed());
            let stop = &self.runner.stop;
            let stayed = stop.run_until_cancelled(moved).await;
            if stayed.ok_or(Halt::Stopped)?.is_err() {
                self.renew().await?;
            }
        }
    }
}
