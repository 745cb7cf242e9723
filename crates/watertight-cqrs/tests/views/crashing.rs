//! Runners that are dropped anywhere, and several of them at once.

use std::time::Duration;

use futures::future::join_all;
use watertight_cqrs::{ProjectionState, View};
use watertight_events::{MemoryStore, ViewStore};

use crate::{
    place::{Place, on_every_store},
    store::{Fault, Fragile},
    trail::{
        Trail, catch_up, caught_up, folded, joined, polled, projection, record, stored, traffic,
    },
};

on_every_store! { threads: many_runners_of_one_view_have_each_effect_once }

on_every_store! {     a_runner_dropped_at_any_point_loses_and_doubles_nothing
}

async fn a_runner_dropped_at_any_point_loses_and_doubles_nothing<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let mut random = fastrand::Rng::with_seed(4);
    for polls in 0..300 {
        traffic(&store, &mut random, 3).await;
        if polls % 7 == 0 {
            store.fail(&[Fault::After]);
        }
        let trail = projection::<Trail, _>(&store).batch(1 + polls % 4);
        // So that the next one need not wait.
        polled(trail.lease(Duration::ZERO).run(), polls % 60 * P::SPIN).await;
    }
    catch_up(projection::<Trail, _>(&store)).await;
    assert_eq!(
        stored(&store, &Trail::<1>::id()).await,
        folded::<Trail>(&store).await
    );
}

async fn many_runners_of_one_view_have_each_effect_once<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let runners = (0..4).map(|_| {
        // They take it from each other all the time.
        let trail = projection::<Trail, _>(&store).batch(3).lease(P::SHORT);
        let handle = trail.handle();
        (handle, tokio::spawn(trail.run()))
    });
    let (handles, runners): (Vec<_>, Vec<_>) = runners.unzip();
    let writers = (0..4).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            traffic(&store, &mut fastrand::Rng::with_seed(writer), 100).await;
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let wanted = folded::<Trail>(&store).await;
    let view = Trail::<1>::id();
    while store.versions("trail").await.unwrap().active().is_none() {
        tokio::task::yield_now().await;
    }
    while stored(&store, &view).await != wanted {
        tokio::task::yield_now().await;
    }
    for handle in handles {
        handle.stop();
    }
    for runner in join_all(runners).await {
        runner.unwrap().unwrap();
    }
    assert_eq!(stored(&store, &view).await, wanted);
    assert!(store.versions("trail").await.unwrap().all[0].parked == 0);
}

#[tokio::test(start_paused = true)]
async fn another_runner_stands_by_and_takes_over() {
    let store = MemoryStore::new();
    let [first, second] = [(); 2].map(|()| projection::<Trail, _>(&store));
    let (one, two) = (first.handle(), second.handle());
    let running = tokio::spawn(first.run());
    caught_up(&one).await;
    tokio::spawn(second.run());
    two.until(|it| it.state == ProjectionState::Standby).await;
    record(&store, 1, &[joined("a")]).await;
    caught_up(&one).await;
    assert!(one.is_healthy() && two.is_healthy());
    assert_eq!(two.snapshot().state, ProjectionState::Standby);
    // As a process that dies: the lease is not given back.
    running.abort();
    record(&store, 1, &[joined("b")]).await;
    caught_up(&two).await;
    assert!(!one.is_healthy());
    assert_eq!(
        stored(&store, &Trail::<1>::id()).await,
        folded::<Trail>(&store).await
    );
}
