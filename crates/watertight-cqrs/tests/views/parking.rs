//! Events that cannot be applied.

use std::time::Duration;

use watertight_cqrs::{OnPoison, ProjectionError, ProjectionState, View};
use watertight_events::{
    EventStore, Lane, NewEvent, Parked, Position, StreamId, ViewId, ViewStore, new_id,
};

use crate::{
    place::{Place, on_every_store},
    store::Fragile,
    trail::{
        Happened, Mended, Trail, catch_up, caught_up, folded, joined, left, moved, position,
        projection, record, stored, write,
    },
};

on_every_store! {     a_bad_event_holds_up_its_document_and_no_other
    requeued_events_are_applied_in_order_once_it_is_mended
    what_fails_again_is_parked_again
    an_event_that_cannot_be_read_holds_up_its_stream
    a_projection_that_shall_stop_stops_in_front_of_the_event
    a_version_that_is_not_read_stops_and_the_one_that_is_parks
}

async fn parked(store: &impl ViewStore) -> Vec<Parked> {
    let parked = store.parked(&Trail::<1>::id(), None, 1_000).await;
    parked.unwrap()
}

/// Lanes, positions, and whether it is bad or only behind.
fn short(parked: &[Parked]) -> Vec<(String, u64, bool)> {
    let short = |it: &Parked| (it.lane.to_string(), it.position.0, it.why.is_some());
    parked.iter().map(short).collect()
}

async fn a_bad_event_holds_up_its_document_and_no_other<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let trail = projection::<Trail, _>(&store).batch(2);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    record(&store, 1, &[joined("a"), Happened::Odd, moved("a", "b")]).await;
    record(&store, 2, &[joined("a")]).await;
    caught_up(&handle).await;
    record(&store, 1, &[left("b")]).await;
    caught_up(&handle).await;
    let wanted = [(2, true), (3, false), (5, false)];
    let wanted = wanted.map(|(at, bad)| ("document user 1".to_owned(), at, bad));
    let parked = parked(&store).await;
    assert_eq!(short(&parked), wanted);
    assert!(
        parked[0].why.as_ref().unwrap().contains("odd"),
        "{parked:?}"
    );
    let documents = stored(&store, &Trail::<1>::id()).await;
    assert_eq!(documents["user 1"].positions, [1]);
    assert_eq!(documents["domain b"].positions, [3, 5]);
    assert_eq!(documents["user 2"].positions, [4]);
    assert_eq!(handle.snapshot().parked, 3);
    assert!(handle.is_healthy(), "the others go on");
}

async fn requeued_events_are_applied_in_order_once_it_is_mended<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[joined("a"), Happened::Odd, moved("a", "b")]).await;
    record(&store, 2, &[Happened::Odd]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    let lanes = [1, 2].map(|user| Lane::Key(format!("user {user}")));

    let mended = projection::<Mended, _>(&store).batch(1);
    let handle = mended.handle();
    tokio::spawn(mended.run());
    record(&store, 1, &[moved("b", "c")]).await;
    caught_up(&handle).await;
    assert_eq!(handle.snapshot().parked, 4, "nothing is tried unasked");
    assert_eq!(store.requeue(&Mended::id(), &lanes[0]).await.unwrap(), 3);
    handle.until(|it| it.parked == 1).await;
    assert_eq!(store.requeue(&Mended::id(), &lanes[1]).await.unwrap(), 1);
    handle.until(|it| it.parked == 0).await;
    assert_eq!(
        stored(&store, &Mended::id()).await,
        folded::<Mended>(&store).await
    );
}

async fn what_fails_again_is_parked_again<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[Happened::Odd, joined("a")]).await;
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    let before = parked(&store).await;
    let lane = before[0].lane.clone();
    store.requeue(&Trail::<1>::id(), &lane).await.unwrap();
    loop {
        let waiting = store.requeued(&Trail::<1>::id(), 1).await.unwrap();
        if waiting.is_empty() {
            break;
        }
    }
    assert_eq!(parked(&store).await, before);
    assert!(handle.is_healthy());
}

async fn an_event_that_cannot_be_read_holds_up_its_stream<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[joined("a")]).await;
    let rotten = NewEvent::new("moved", "{ rotten");
    write(&store, StreamId::new("user", 1), vec![rotten]).await;
    record(&store, 1, &[moved("a", "b")]).await;
    record(&store, 2, &[joined("b")]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    let wanted = [(2, true), (3, false)];
    let wanted = wanted.map(|(at, bad)| ("stream user-1".to_owned(), at, bad));
    assert_eq!(short(&parked(&store).await), wanted);
    let documents = stored(&store, &Trail::<1>::id()).await;
    assert_eq!(documents["domain b"].positions, [4]);
    assert_eq!(documents["user 1"].positions, [1]);
}

async fn a_projection_that_shall_stop_stops_in_front_of_the_event<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(
        &store,
        1,
        &[joined("a"), moved("a", "b"), Happened::Odd, left("b")],
    )
    .await;
    let trail = projection::<Trail, _>(&store).on_poison(OnPoison::Stop);
    let handle = trail.handle();
    match trail.run().await {
        Err(ProjectionError::Poison { position, why, .. }) => {
            assert_eq!(position, Position(3));
            assert!(why.contains("odd"));
        }
        other => panic!("it stops, not: {other:?}"),
    }
    assert!(matches!(
        handle.snapshot().state,
        ProjectionState::Failed(_)
    ));
    assert_eq!(position(&store, &Trail::<1>::id()).await, Position(2));
    assert_eq!(parked(&store).await, []);
    let versions = store.versions("trail").await.unwrap();
    let state = versions.active().unwrap();
    assert!(!state.running && state.why.as_ref().unwrap().contains("position 3"));
    catch_up(projection::<Mended, _>(&store)).await;
    assert_eq!(
        stored(&store, &Mended::id()).await,
        folded::<Mended>(&store).await
    );
}

async fn a_version_that_is_not_read_stops_and_the_one_that_is_parks<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[Happened::Odd]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    let error = projection::<Trail<2>, _>(&store).run().await.unwrap_err();
    assert!(matches!(error, ProjectionError::Poison { .. }), "{error}");
    assert_eq!(parked(&store).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_busy_neighbour_does_not_starve_a_view_with_parked_events() {
    let store = Fragile::default();
    record(&store, 1, &[Happened::Odd]).await;
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    let (views, neighbour) = (store.store.clone(), new_id());
    let busy = tokio::spawn(async move {
        let view = ViewId::new("neighbour", 1);
        loop {
            let claim = views.claim(&view, views.id(), neighbour, Duration::from_secs(1));
            claim.await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    record(&store, 2, &[joined("a")]).await;
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    busy.abort();
    assert_eq!(position(&store, &Trail::<1>::id()).await, Position(2));
}
