//! From the first event to the last, and on.

use std::{sync::atomic::Ordering, time::Duration};

use futures::FutureExt;
use tokio::{
    sync::watch,
    time::{Instant, advance},
};
use watertight_cqrs::{Projection, ProjectionError, ProjectionState, View};
use watertight_events::{
    EventStore, Filter, Find, Key, NewEvent, Page, Position, ReadError, StoreId, StreamId,
    StreamPage, Version, ViewError, ViewStore, Write, WriteError, Written,
};

use crate::{
    place::{Place, on_every_store},
    store::{Fault, Fragile},
    trail::{
        Trail, catch_up, caught_up, folded, joined, left, moved, polled, position, projection,
        record, stored, traffic, write,
    },
};

on_every_store! {     a_live_view_is_the_fold_of_its_events
    the_old_domain_loses_what_the_new_one_gains_and_what_left_is_gone
    a_batch_is_loaded_and_saved_at_once
    a_save_whose_answer_was_lost_is_not_done_twice
    a_store_that_fails_for_good_stops_it_loudly_and_skips_nothing
    a_checkpoint_beyond_the_head_stops_it
    a_runner_that_is_dropped_or_stopped_is_not_healthy
}

async fn a_live_view_is_the_fold_of_its_events<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let mut random = fastrand::Rng::with_seed(1);
    traffic(&store, &mut random, 100).await;
    let trail = projection::<Trail, _>(&store).batch(7);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    for _ in 0..20 {
        traffic(&store, &mut random, 10).await;
        caught_up(&handle).await;
        let documents = stored(&store, &Trail::<1>::id()).await;
        assert_eq!(documents, folded::<Trail>(&store).await);
    }
    assert!(handle.is_healthy());
}

async fn the_old_domain_loses_what_the_new_one_gains_and_what_left_is_gone<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[joined("a"), moved("a", "b")]).await;
    record(&store, 2, &[joined("a"), left("a")]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    let documents = stored(&store, &Trail::<1>::id()).await;
    assert!(documents["domain a"].members.is_empty());
    assert_eq!(documents["domain b"].members, ["1".to_owned()].into());
    assert!(documents.contains_key("user 1") && !documents.contains_key("user 2"));
    let find = Find::by("member", "1");
    let found = store.find(&Trail::<1>::id(), &find).await.unwrap();
    assert_eq!(
        found.documents.len(),
        2,
        "under its user and its new domain"
    );
}

async fn a_batch_is_loaded_and_saved_at_once<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    traffic(&store, &mut fastrand::Rng::with_seed(2), 200).await;
    catch_up(projection::<Trail, _>(&store)).await;
    assert_eq!(Fragile::count(&store.seen.loads), 1);
    assert_eq!(Fragile::count(&store.seen.saves), 1);
}

#[tokio::test(start_paused = true)]
async fn the_checkpoint_moves_past_what_is_not_for_the_view() {
    let store = Fragile::default();
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    let start = Instant::now();
    for _ in 0..100 {
        let unknown = NewEvent::new("unknown", "no JSON");
        write(&store, StreamId::new("user", 1), vec![unknown]).await;
        let foreign = NewEvent::new("joined", "no JSON");
        write(&store, StreamId::new("order", 1), vec![foreign]).await;
        advance(Duration::from_millis(10)).await;
    }
    caught_up(&handle).await;
    advance(Duration::from_millis(100)).await;
    while position(&store, &Trail::<1>::id()).await < Position(200) {
        tokio::task::yield_now().await;
    }
    let most = start.elapsed().as_millis() / 100 + 1;
    let saves = Fragile::count(&store.seen.saves) as u128;
    assert!(
        (2..=most).contains(&saves),
        "{saves} in {most} tenths of a second"
    );
    assert_eq!(Fragile::count(&store.seen.loads), 0);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_told_meanwhile() {
    let store = Fragile::default();
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    store.fail(&[Fault::Before; 12]);
    let start = Instant::now();
    record(&store, 1, &[joined("a")]).await;
    let trouble = handle.until(|it| matches!(it.state, ProjectionState::Retrying(_)));
    trouble.await;
    assert!(!handle.is_healthy());
    caught_up(&handle).await;
    assert!(handle.is_healthy());
    let pauses = start.elapsed();
    assert!(
        pauses > Duration::from_secs(10) && pauses < Duration::from_secs(70),
        "{pauses:?}"
    );
    assert_eq!(
        stored(&store, &Trail::<1>::id()).await,
        folded::<Trail>(&store).await
    );
}

async fn a_save_whose_answer_was_lost_is_not_done_twice<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    for _ in 0..10 {
        caught_up(&handle).await;
        record(&store, 1, &[joined("a")]).await;
        // The first read is this one's, the second is the save.
        handle.until(|it| it.lag() > 0).await;
        store.fail(&[Fault::Before, Fault::After]);
    }
    caught_up(&handle).await;
    assert_eq!(
        stored(&store, &Trail::<1>::id()).await,
        folded::<Trail>(&store).await
    );
}

async fn a_store_that_fails_for_good_stops_it_loudly_and_skips_nothing<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    let running = tokio::spawn(trail.run());
    caught_up(&handle).await;
    store.seen.hold.store(true, Ordering::Relaxed);
    record(&store, 1, &[joined("a")]).await;
    while Fragile::count(&store.seen.loads) == 0 {
        tokio::task::yield_now().await;
    }
    store.fail(&[Fault::Broken]);
    store.seen.hold.store(false, Ordering::Relaxed);
    running.await.unwrap().unwrap_err();
    assert!(matches!(
        handle.snapshot().state,
        ProjectionState::Failed(_)
    ));
    assert!(!handle.is_healthy());
    assert_eq!(position(&store, &Trail::<1>::id()).await, Position::START);
    catch_up(projection::<Trail, _>(&store)).await;
    assert_eq!(
        stored(&store, &Trail::<1>::id()).await,
        folded::<Trail>(&store).await
    );
}

async fn a_checkpoint_beyond_the_head_stops_it<P: Place>() {
    let views = Fragile::<P>::fresh().await;
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[joined("a"), left("a")]).await;
    catch_up(Projection::<Trail, _, _>::new(store.clone(), views.clone())).await;
    assert_eq!(position(&views, &Trail::<1>::id()).await, Position(2));

    let restored = Restored(store.clone());
    let trail = Projection::<Trail, _, _>::new(restored, views.clone());
    let handle = trail.handle();
    let error = trail.run().await.unwrap_err();
    assert!(error.to_string().contains("position 2"), "{error}");
    assert!(!handle.is_healthy());
    let other = Projection::<Trail, _, _>::new(Fragile::<P>::fresh().await, views);
    let error = other.run().await.unwrap_err();
    assert!(matches!(
        error,
        ProjectionError::View(ViewError::OtherStore { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_slow_view_holds_one_batch_in_memory() {
    let store = Fragile::default();
    traffic(&store, &mut fastrand::Rng::with_seed(3), 1_000).await;
    store.seen.hold.store(true, Ordering::Relaxed);
    polled(projection::<Trail, _>(&store).batch(10).run(), 5_000).await;
    assert_eq!(Fragile::count(&store.seen.events), 10);
}

async fn a_runner_that_is_dropped_or_stopped_is_not_healthy<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    assert_eq!(handle.snapshot().state, ProjectionState::New);
    assert!(!handle.is_healthy());
    assert!(trail.run().now_or_never().is_none());
    assert_eq!(handle.snapshot().state, ProjectionState::Stopped);
}

/// A store whose last events are lost.
#[derive(Clone, Debug)]
struct Restored<P>(Fragile<P>);

impl<P: Place> EventStore for Restored<P> {
    fn id(&self) -> StoreId {
        self.0.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        self.0.write(write).await
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.0.answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        self.0.read_stream(stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        let mut page = self.0.read_all(after, filter, limit).await?;
        page.events.retain(|event| event.position < Position(2));
        page.scanned_to = page.scanned_to.min(Position(1)).max(after);
        Ok(page)
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.0.head()
    }
}
