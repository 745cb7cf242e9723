//! One that runs, and others that stand by.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{advance, sleep},
};
use tower::service_fn;
use watertight_cqrs::{
    CodecError, Delivery, Emit, ProjectionError, ProjectionState, Reactor, Start,
};
use watertight_events::{MemoryStore, StreamId};

use crate::{
    shop::{Ledger, Order, Parcel, caught_up, each_once, paid, polled},
    store::Fragile,
};

#[tokio::test(start_paused = true)]
async fn an_effect_that_takes_long_keeps_its_lease() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    let reactor = || {
        let ledger = ledger.clone();
        let slow = service_fn(move |paid: Delivery<Order>| {
            ledger.note(&paid);
            async {
                sleep(Duration::from_secs(60)).await;
                Ok::<_, Infallible>(())
            }
        });
        Reactor::new("slow", Start::Beginning, store.clone(), store.clone(), slow)
            .lease(Duration::from_secs(10))
            .attempt_timeout(Duration::from_secs(100))
    };
    paid(&store, 1, 5).await;
    paid(&store, 2, 5).await;
    let (first, second) = (reactor(), reactor());
    let (one, two) = (first.handle(), second.handle());
    tokio::spawn(first.run());
    one.until(|it| it.state == ProjectionState::CatchingUp)
        .await;
    tokio::spawn(second.run());
    caught_up(&one).await;
    assert_eq!(ledger.positions(), [1, 2]);
    assert_eq!(two.snapshot().state, ProjectionState::Standby);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_frozen_beyond_its_lease_emits_nothing_more() {
    let store = Fragile::default();
    let gate = Arc::new(Semaphore::new(0));
    let reactor = |gate: Option<Arc<Semaphore>>| {
        let request = service_fn(move |paid: Delivery<Order>| {
            let gate = gate.clone();
            async move {
                if let Some(gate) = gate {
                    gate.acquire().await.unwrap().forget();
                }
                let parcel = StreamId::new("parcel", paid.stream.key());
                let requested = Emit::nothing().event(parcel, &Parcel::Requested { amount: 1 });
                requested as Result<_, CodecError>
            }
        });
        Reactor::new(
            "parcels",
            Start::Beginning,
            store.clone(),
            store.clone(),
            request,
        )
        .lease(Duration::from_secs(10))
    };
    for order in 0..3 {
        paid(&store, order, 5).await;
    }
    let frozen = reactor(Some(Arc::clone(&gate)));
    let mut frozen = pin!(frozen.run());
    assert!(
        !polled(frozen.as_mut(), 100).await,
        "it waits in its effect"
    );
    // Nobody polls it, and its lease expires.
    advance(Duration::from_secs(11)).await;
    let other = reactor(None);
    let handle = other.handle();
    let running = tokio::spawn(other.run());
    caught_up(&handle).await;
    handle.stop();
    running.await.unwrap().unwrap();
    each_once(&store).await;
    gate.add_permits(100);
    polled(frozen.as_mut(), 300).await;
    each_once(&store).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_lost_with_its_store_is_told_and_nothing_is_emitted() {
    let events = MemoryStore::new();
    let request = || {
        service_fn(|_: Delivery<Order>| async {
            let parcel = StreamId::new("parcel", 1);
            Emit::nothing().event(parcel, &Parcel::Requested { amount: 1 })
        })
    };
    let views = MemoryStore::new();
    // Three runs, each with a lease of its own.
    for order in 0..3 {
        let reactor = Reactor::new(
            "p",
            Start::Beginning,
            events.clone(),
            views.clone(),
            request(),
        );
        let handle = reactor.handle();
        let running = tokio::spawn(reactor.run());
        paid(&events, order, 5).await;
        caught_up(&handle).await;
        handle.stop();
        running.await.unwrap().unwrap();
    }
    paid(&events, 3, 5).await;
    let empty = MemoryStore::new();
    let reactor = Reactor::new("p", Start::Beginning, events.clone(), empty, request());
    let error = reactor.run().await.unwrap_err();
    assert!(matches!(error, ProjectionError::OldLease { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn stopping_waits_for_the_try_that_is_on_its_way() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    let (begun, done) = (ledger.clone(), Ledger::default());
    let calls = done.clone();
    let slow = service_fn(move |paid: Delivery<Order>| {
        begun.note(&paid);
        let calls = calls.clone();
        async move {
            sleep(Duration::from_secs(5)).await;
            calls.note(&paid);
            Ok::<_, Infallible>(())
        }
    });
    paid(&store, 1, 5).await;
    paid(&store, 2, 5).await;
    let reactor = Reactor::new("slow", Start::Beginning, store.clone(), store.clone(), slow);
    let handle = reactor.handle();
    let running = tokio::spawn(reactor.run());
    while ledger.positions().is_empty() {
        tokio::task::yield_now().await;
    }
    handle.stop();
    running.await.unwrap().unwrap();
    assert_eq!(handle.snapshot().state, ProjectionState::Stopped);
    assert_eq!(done.positions(), [1]);
    assert_eq!(handle.snapshot().position.0, 1);
}
