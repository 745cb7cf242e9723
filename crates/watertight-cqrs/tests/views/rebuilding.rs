//! One version beside another.

use watertight_cqrs::{ProjectionState, View};
use watertight_events::{MemoryStore, Position, ViewError, ViewStore};

use crate::{
    place::{Place, on_every_store},
    store::Fragile,
    trail::{
        Trail, catch_up, caught_up, folded, joined, polled, position, projection, record, stored,
        traffic,
    },
};

on_every_store! {     a_rebuild_while_writing_equals_the_live_view
}

async fn a_rebuild_while_writing_equals_the_live_view<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let mut random = fastrand::Rng::with_seed(5);
    traffic(&store, &mut random, 300).await;
    let one = projection::<Trail, _>(&store);
    let live = one.handle();
    tokio::spawn(one.run());
    caught_up(&live).await;

    let two = projection::<Trail<2>, _>(&store).batch(10);
    let rebuild = two.handle();
    tokio::spawn(two.run());
    rebuild.until(|it| it.position > Position(20)).await;
    let snapshot = rebuild.snapshot();
    assert_eq!(snapshot.state, ProjectionState::CatchingUp);
    assert!(snapshot.lag() > 0);
    let behind = store.promote(&Trail::<2>::id()).await;
    assert!(
        matches!(behind, Err(ViewError::Behind { .. })),
        "{behind:?}"
    );
    traffic(&store, &mut random, 100).await;
    caught_up(&live).await;
    caught_up(&rebuild).await;
    let documents = stored(&store, &Trail::<2>::id()).await;
    assert_eq!(documents, stored(&store, &Trail::<1>::id()).await);
    assert_eq!(documents, folded::<Trail<2>>(&store).await);
    store.promote(&Trail::<2>::id()).await.unwrap();
    assert_eq!(store.versions("trail").await.unwrap().active, Some(2));
    assert_eq!(store.roll_back("trail").await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_rebuild_goes_on_where_it_was() {
    let store = Fragile::default();
    traffic(&store, &mut fastrand::Rng::with_seed(6), 200).await;
    catch_up(projection::<Trail, _>(&store)).await;
    let mut reached = Position::START;
    for _ in 0..3 {
        let again = projection::<Trail<2>, _>(&store).batch(5);
        polled(again.run(), 150).await;
        let now = position(&store, &Trail::<2>::id()).await;
        assert!(now > reached, "it goes on from {reached}, and is at {now}");
        reached = now;
        tokio::time::advance(std::time::Duration::from_secs(11)).await;
    }
    catch_up(projection::<Trail<2>, _>(&store)).await;
    assert_eq!(
        stored(&store, &Trail::<2>::id()).await,
        folded::<Trail<2>>(&store).await
    );
}

#[tokio::test(start_paused = true)]
async fn progress_is_told_with_its_rate() {
    let store = MemoryStore::new();
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    record(&store, 1, &vec![joined("a"); 50]).await;
    caught_up(&handle).await;
    tokio::time::advance(std::time::Duration::from_secs(5)).await;
    let snapshot = handle.snapshot();
    assert_eq!((snapshot.lag(), snapshot.position), (0, Position(50)));
    assert!((9.9..=10.1).contains(&snapshot.rate), "{}", snapshot.rate);
    record(&store, 1, &vec![joined("a"); 20]).await;
    let behind = handle.snapshot();
    assert_eq!(behind.lag(), 20);
    let eta = behind.eta().unwrap().as_secs_f64();
    assert!((1.9..=2.1).contains(&eta), "{eta}");
}
