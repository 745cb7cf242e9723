//! Projections with tables of their own.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, join_all};
use watertight_cqrs::{OnPoison, ProjectionError, ProjectionState, TableProjection, TableRunner};
use watertight_events::{
    EventStore, Lane, NewEvent, Parked, Position, Save, StreamId, TableStore, ViewError, ViewId,
    ViewStore, Work, WorkError, new_id,
};

use crate::{
    place::on_every_table_store,
    seen::{Rows, Tables},
    store::{Fault, Fragile},
    trail::{
        Happened, catch_up, caught_up, joined, left, polled, position, record, traffic, write,
    },
};

on_every_table_store! {
    tables_are_up_to_date_with_every_event_once
    tables_survive_runners_that_are_dropped_at_any_point
    many_runners_of_the_same_tables_have_each_effect_once
    work_whose_answer_was_lost_is_not_done_twice
    a_bad_event_holds_up_its_stream_and_no_other
    requeued_events_go_into_the_tables_once_it_is_mended
    a_projection_that_shall_stop_stops_in_front_of_a_bad_event
    a_run_that_was_fenced_does_no_work
    refused_work_changes_nothing_and_leaves_the_checkpoint
    a_version_that_was_erased_begins_with_empty_tables
}

fn id<S: Tables>() -> ViewId {
    <S::Seen as TableProjection<S::Transaction>>::id()
}

fn runner<S: Tables>(store: &Fragile<S>) -> TableRunner<S::Seen, Fragile<S>, Fragile<S>> {
    TableRunner::new(S::seen(), store.clone(), store.clone())
}

fn mended<S: Tables>(store: &Fragile<S>) -> TableRunner<S::Mended, Fragile<S>, Fragile<S>> {
    TableRunner::new(S::mended(), store.clone(), store.clone())
}

async fn tables_are_up_to_date_with_every_event_once<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let mut random = fastrand::Rng::with_seed(1);
    traffic(&store, &mut random, 100).await;
    let seen = runner(&store).batch(7);
    let handle = seen.handle();
    let running = tokio::spawn(seen.run());
    for _ in 0..10 {
        traffic(&store, &mut random, 10).await;
        let foreign = vec![NewEvent::new("joined", "no JSON")];
        write(&store, StreamId::new("order", 1), foreign).await;
        caught_up(&handle).await;
        assert_eq!(store.store.rows().await, Rows::of(&store, &[]).await);
    }
    handle.stop();
    running.await.unwrap().unwrap();
    let head = *store.head().borrow();
    assert_eq!(position(&store, &id::<S>()).await, head);
}

async fn tables_survive_runners_that_are_dropped_at_any_point<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let mut random = fastrand::Rng::with_seed(4);
    for polls in 0..150 {
        traffic(&store, &mut random, 2).await;
        if polls % 7 == 0 {
            store.fail(&[Fault::After]);
        }
        let seen = runner(&store).batch(1 + polls % 4).lease(Duration::ZERO);
        polled(seen.run(), polls % 60 * S::SPIN).await;
    }
    catch_up(runner(&store)).await;
    assert_eq!(store.store.rows().await, Rows::of(&store, &[]).await);
}

async fn many_runners_of_the_same_tables_have_each_effect_once<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let runners = (0..4).map(|_| {
        let seen = runner(&store).batch(3).lease(S::SHORT);
        (seen.handle(), tokio::spawn(seen.run()))
    });
    let (handles, runners): (Vec<_>, Vec<_>) = runners.unzip();
    traffic(&store, &mut fastrand::Rng::with_seed(5), 200).await;
    let wanted = Rows::of(&store, &[]).await;
    while position(&store, &id::<S>()).await < *store.head().borrow() {
        tokio::task::yield_now().await;
    }
    for handle in handles {
        handle.stop();
    }
    for runner in join_all(runners).await {
        runner.unwrap().unwrap();
    }
    assert_eq!(store.store.rows().await, wanted);
}

async fn work_whose_answer_was_lost_is_not_done_twice<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let seen = runner(&store);
    let handle = seen.handle();
    tokio::spawn(seen.run());
    for _ in 0..10 {
        caught_up(&handle).await;
        store.fail(&[Fault::After]);
        record(&store, 1, &[joined("a")]).await;
    }
    caught_up(&handle).await;
    assert_eq!(store.store.rows().await, Rows::of(&store, &[]).await);
}

async fn a_bad_event_holds_up_its_stream_and_no_other<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    record(&store, 1, &[joined("a"), Happened::Odd, left("a")]).await;
    record(&store, 2, &[joined("a"), Happened::Odd]).await;
    record(&store, 3, &[joined("a"), left("a")]).await;
    let seen = runner(&store);
    let handle = seen.handle();
    tokio::spawn(seen.run());
    caught_up(&handle).await;
    record(&store, 1, &[joined("b")]).await;
    record(&store, 3, &[joined("b")]).await;
    caught_up(&handle).await;
    let parked = store.parked(&id::<S>(), None, 100).await.unwrap();
    let short = |it: &Parked| (it.lane.to_string(), it.position.0, it.why.is_some());
    let wanted = [
        ("stream user-1", 2, true),
        ("stream user-1", 3, false),
        ("stream user-1", 8, false),
        ("stream user-2", 5, true),
    ];
    let wanted = wanted.map(|(lane, at, bad)| (lane.to_owned(), at, bad));
    assert_eq!(parked.iter().map(short).collect::<Vec<_>>(), wanted);
    let why = parked[0].why.as_ref().unwrap();
    assert!(why.contains("odd too"), "{why}");
    let why = parked[3].why.as_ref().unwrap();
    assert!(why.contains("it panicked"), "{why}");
    assert_eq!(
        store.store.rows().await,
        Rows::of(&store, &[2, 3, 8, 5]).await
    );
    assert!(handle.is_healthy(), "the others go on");
}

async fn requeued_events_go_into_the_tables_once_it_is_mended<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    record(&store, 1, &[joined("a"), Happened::Odd, left("a")]).await;
    record(&store, 2, &[Happened::Odd, joined("a")]).await;
    catch_up(runner(&store)).await;
    let lanes = [1, 2].map(|user| Lane::Stream(StreamId::new("user", user)));

    let seen = runner(&store);
    let handle = seen.handle();
    let running = tokio::spawn(seen.run());
    store.requeue(&id::<S>(), &lanes[0]).await.unwrap();
    while !store.requeued(&id::<S>(), 1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let parked = store.parked(&id::<S>(), None, 100).await.unwrap();
    assert_eq!(parked.len(), 4, "it fails again");
    handle.stop();
    running.await.unwrap().unwrap();

    let mended = mended(&store);
    let handle = mended.handle();
    tokio::spawn(mended.run());
    caught_up(&handle).await;
    for (lane, left) in lanes.iter().zip([2, 0]) {
        assert_eq!(store.requeue(&id::<S>(), lane).await.unwrap(), 2);
        handle.until(|it| it.parked == left).await;
    }
    let rows = store.store.rows().await;
    let positions: Vec<_> = rows.events.iter().map(|(at, _)| *at).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5]);
    assert_eq!(rows.counts, Rows::of(&store, &[]).await.counts);
}

async fn a_projection_that_shall_stop_stops_in_front_of_a_bad_event<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    record(
        &store,
        1,
        &[joined("a"), left("a"), Happened::Odd, left("a")],
    )
    .await;
    let seen = runner(&store).on_poison(OnPoison::Stop);
    let handle = seen.handle();
    match seen.run().await {
        Err(ProjectionError::Poison { position, why, .. }) => {
            assert_eq!(position, Position(3));
            assert!(why.contains("odd"), "{why}");
        }
        other => panic!("it stops, not: {other:?}"),
    }
    let state = handle.snapshot().state;
    assert!(matches!(state, ProjectionState::Failed(_)), "{state:?}");
    assert_eq!(position(&store, &id::<S>()).await, Position(2));
    assert_eq!(store.store.rows().await, Rows::of(&store, &[3, 4]).await);
    catch_up(mended(&store)).await;
    assert_eq!(store.store.rows().await, Rows::of(&store, &[]).await);
}

/// Work that must not be done, or that is refused.
struct Never(Option<&'static str>);

impl<Tx: Send> Work<Tx> for Never {
    fn run<'a>(&'a self, _: &'a mut Tx) -> BoxFuture<'a, Result<(), WorkError>> {
        let why = self.0.expect("it is not done");
        Box::pin(async move { Err(why.into()) })
    }
}

async fn a_run_that_was_fenced_does_no_work<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let id = id::<S>();
    let claim = || store.claim(&id, store.id(), new_id(), Duration::ZERO);
    let former = claim().await.unwrap().lease;
    claim().await.unwrap();
    let late = Save::new(former, Position::START, Position(1));
    let late = store.save_with(&late, Arc::new(Never(None))).await;
    assert!(matches!(late, Err(ViewError::Fenced { .. })), "{late:?}");
}

async fn refused_work_changes_nothing_and_leaves_the_checkpoint<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let keep = Duration::from_secs(60);
    let id = id::<S>();
    let claim = store.claim(&id, store.id(), new_id(), keep);
    let mut save = Save::new(claim.await.unwrap().lease, Position::START, Position(1));
    save.park.push(Parked {
        lane: Lane::Key("a".into()),
        position: Position(1),
        why: None,
    });
    let refused = store
        .save_with(&save, Arc::new(Never(Some("as asked"))))
        .await;
    match refused {
        Err(ViewError::Refused { why, .. }) => assert_eq!(&*why, "as asked"),
        other => panic!("it is refused, not: {other:?}"),
    }
    assert_eq!(position(&store, &id).await, Position::START);
    assert_eq!(store.parked(&id, None, 1).await.unwrap(), []);
    store.save(&save).await.unwrap();
}

async fn a_version_that_was_erased_begins_with_empty_tables<S: Tables>() {
    let store = Fragile::<S>::fresh().await;
    let other = ViewId::new("seen", 9);
    let claim = store.claim(&other, store.id(), new_id(), Duration::ZERO);
    claim.await.unwrap();
    record(&store, 1, &[joined("a"), left("a")]).await;
    for _ in 0..2 {
        catch_up(runner(&store)).await;
        assert_eq!(store.store.rows().await, Rows::of(&store, &[]).await);
        store.erase(&id::<S>()).await.unwrap();
    }
}
