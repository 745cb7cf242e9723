//! Read models in the commits of events.

use futures::future::join_all;
use watertight_cqrs::{
    Model, Projection, ProjectionHandle, ProjectionState, Runner, TableProjection, TableRunner,
    View,
};
use watertight_events::{EventStore, Inline, InlineStore, Lane, Parked, ViewId, ViewStore};

use crate::{
    place::on_every_table_store,
    seen::{Rows, Tables},
    store::Fragile,
    trail::{Happened, Trail, folded, joined, left, position, record, stored, traffic},
};

on_every_table_store! {
    an_inline_view_is_up_to_date_with_every_write
    inline_tables_are_up_to_date_with_every_write
    an_inline_model_catches_up_first_while_others_write
    a_bad_event_is_written_and_parked_by_an_inline_view
    a_bad_event_is_written_and_parked_by_inline_tables
    an_inline_model_stays_up_to_date_after_its_runner_was_stopped
}

async fn inline<M, S>(runner: Runner<M, S, S>) -> ProjectionHandle
where
    M: Model<S> + Inline<S::Transaction> + Clone,
    S: EventStore + InlineStore,
{
    let handle = runner.handle();
    tokio::spawn(runner.inline().run());
    let inline = handle.until(|it| it.state == ProjectionState::Inline).await;
    assert_eq!(inline.state, ProjectionState::Inline, "it has not ended");
    handle
}

fn view<S: EventStore + InlineStore>(store: &S) -> Projection<Trail, S, S> {
    Projection::new(store.clone(), store.clone())
}

fn tables<S: Tables + InlineStore>(store: &S) -> TableRunner<S::Seen, S, S> {
    TableRunner::new(S::seen(), store.clone(), store.clone())
}

fn tables_id<S: Tables>() -> ViewId {
    <S::Seen as TableProjection<S::Transaction>>::id()
}

/// Lanes, positions, and whether it is bad or only behind.
async fn parked(store: &impl ViewStore, view: &ViewId) -> Vec<(Lane, u64, bool)> {
    let parked = store.parked(view, None, 100).await.unwrap();
    let short = |it: Parked| (it.lane, it.position.0, it.why.is_some());
    parked.into_iter().map(short).collect()
}

async fn an_inline_view_is_up_to_date_with_every_write<S: Tables + InlineStore>() {
    let Fragile { ref store, .. } = Fragile::<S>::fresh().await;
    let mut random = fastrand::Rng::with_seed(8);
    traffic(store, &mut random, 20).await;
    let handle = inline(view(store)).await;
    for _ in 0..30 {
        traffic(store, &mut random, 2).await;
        let documents = stored(store, &Trail::<1>::id()).await;
        assert_eq!(documents, folded::<Trail>(store).await);
        let head = *store.head().borrow();
        assert_eq!(position(store, &Trail::<1>::id()).await, head);
    }
    let head = *store.head().borrow();
    let told = handle.until(|it| it.position == head).await;
    assert_eq!(told.lag(), 0);
    assert!(handle.is_healthy());
}

async fn inline_tables_are_up_to_date_with_every_write<S: Tables + InlineStore>() {
    let Fragile { ref store, .. } = Fragile::<S>::fresh().await;
    let mut random = fastrand::Rng::with_seed(9);
    traffic(store, &mut random, 20).await;
    inline(tables(store)).await;
    for _ in 0..30 {
        traffic(store, &mut random, 2).await;
        assert_eq!(store.rows().await, Rows::of(store, &[]).await);
    }
}

async fn an_inline_model_catches_up_first_while_others_write<S: Tables + InlineStore>() {
    let Fragile { ref store, .. } = Fragile::<S>::fresh().await;
    record(store, 1, &vec![joined("a"); 3_000]).await;
    let writers = (0..4).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            traffic(&store, &mut fastrand::Rng::with_seed(writer), 50).await;
        })
    });
    let writers: Vec<_> = writers.collect();
    inline(tables(store)).await;
    inline(view(store)).await;
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    assert_eq!(store.rows().await, Rows::of(store, &[]).await);
    let documents = stored(store, &Trail::<1>::id()).await;
    assert_eq!(documents, folded::<Trail>(store).await);
}

async fn a_bad_event_is_written_and_parked_by_an_inline_view<S: Tables + InlineStore>() {
    let Fragile { ref store, .. } = Fragile::<S>::fresh().await;
    inline(view(store)).await;
    record(store, 1, &[joined("a"), Happened::Odd, left("a")]).await;
    record(store, 1, &[joined("b")]).await;
    record(store, 2, &[joined("b")]).await;
    let lane = || Lane::Key("user 1".into());
    let wanted = [(lane(), 2, true), (lane(), 3, false), (lane(), 4, false)];
    assert_eq!(parked(store, &Trail::<1>::id()).await, wanted);
    let documents = stored(store, &Trail::<1>::id()).await;
    assert_eq!(documents["domain b"].positions, [4, 5]);
}

async fn a_bad_event_is_written_and_parked_by_inline_tables<S: Tables + InlineStore>() {
    let Fragile { ref store, .. } = Fragile::<S>::fresh().await;
    inline(tables(store)).await;
    record(store, 1, &[joined("a"), Happened::Odd, left("a")]).await;
    record(store, 1, &[joined("b")]).await;
    record(store, 2, &[Happened::Odd, joined("b")]).await;
    record(store, 3, &[joined("b")]).await;
    let lane = |user: u32| Lane::Stream(watertight_events::StreamId::new("user", user));
    let wanted = [
        (lane(1), 2, true),
        (lane(1), 3, false),
        (lane(1), 4, false),
        (lane(2), 5, true),
        (lane(2), 6, false),
    ];
    assert_eq!(parked(store, &tables_id::<S>()).await, wanted);
    let rows = Rows::of(store, &[2, 3, 4, 5, 6]).await;
    assert_eq!(store.rows().await, rows);
}

async fn an_inline_model_stays_up_to_date_after_its_runner_was_stopped<S: Tables + InlineStore>() {
    let Fragile { ref store, .. } = Fragile::<S>::fresh().await;
    let handle = inline(tables(store)).await;
    handle.stop();
    handle.until(|_| false).await;
    record(store, 1, &[joined("a"), left("a")]).await;
    assert_eq!(store.rows().await, Rows::of(store, &[]).await);
    inline(tables(store)).await;
    record(store, 1, &[joined("a")]).await;
    assert_eq!(store.rows().await, Rows::of(store, &[]).await);
}
