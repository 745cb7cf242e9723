//! Events that fail in every try.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tower::{service_fn, util::ServiceFn};
use watertight_cqrs::{
    Delivery, Emit, OnPoison, ProjectionError, ProjectionHandle, ProjectionState, Reactor, Start,
};
use watertight_events::{Lane, NewEvent, Parked, Position, StreamId, ViewStore};

use crate::{
    shop::{Ledger, Order, Parcel, all, caught_up, caused, odd, paid, record},
    store::{Fault, Fragile},
};

#[derive(Clone, Default)]
struct Shop {
    store: Fragile,
    ledger: Ledger,
    /// Odd orders go through.
    mended: Arc<AtomicBool>,
}

type Asked = Box<dyn FnMut(Delivery<Order>) -> Answer + Send>;
type Answer = BoxFuture<'static, Result<Emit, tower::BoxError>>;

impl Shop {
    fn reactor(&self) -> Reactor<Order, Fragile, Fragile, ServiceFn<Asked>> {
        let Self {
            store,
            ledger,
            mended,
        } = self.clone();
        let asked: Asked = Box::new(move |order| {
            ledger.note(&order);
            let mended = mended.load(Ordering::Relaxed);
            Box::pin(async move {
                if order.event == Order::Odd && !mended {
                    return Err("an odd order".into());
                }
                let parcel = StreamId::new("parcel", order.stream.key());
                Ok(Emit::nothing().event(parcel, &Parcel::Requested { amount: 1 })?)
            })
        });
        let (events, views) = (store.clone(), store);
        Reactor::new(
            "parcels",
            Start::Beginning,
            events,
            views,
            service_fn(asked),
        )
        .attempts(NonZeroU32::new(2).unwrap())
    }

    fn run(&self) -> ProjectionHandle {
        let reactor = self.reactor();
        let handle = reactor.handle();
        tokio::spawn(reactor.run());
        handle
    }

    async fn parked(&self) -> Vec<(String, u64, bool)> {
        let parked = self.store.parked(&id(), None, 1_000).await.unwrap();
        let short = |it: &Parked| (it.lane.to_string(), it.position.0, it.why.is_some());
        parked.iter().map(short).collect()
    }
}

fn id() -> watertight_events::ViewId {
    type Any = Reactor<Order, Fragile, Fragile, ServiceFn<Asked>>;
    Any::id("parcels")
}

#[tokio::test(start_paused = true)]
async fn an_event_that_fails_holds_up_its_key_and_no_other() {
    let shop = Shop::default();
    odd(&shop.store, 1).await;
    paid(&shop.store, 1, 5).await;
    paid(&shop.store, 2, 5).await;
    let handle = shop.run();
    caught_up(&handle).await;
    let wanted = [(1, true), (2, false)];
    let wanted = wanted.map(|(at, bad)| ("stream order-1".to_owned(), at, bad));
    assert_eq!(shop.parked().await, wanted);
    assert_eq!(
        shop.ledger.positions(),
        [1, 1, 3],
        "two tries, and nothing behind it"
    );
    assert_eq!(handle.snapshot().parked, 2);
    assert!(handle.is_healthy(), "the others go on");
}

#[tokio::test(start_paused = true)]
async fn the_order_kept_is_that_of_the_key() {
    let shop = Shop::default();
    odd(&shop.store, 1).await;
    paid(&shop.store, 2, 5).await;
    paid(&shop.store, 11, 5).await;
    let last_digit = |order: &watertight_cqrs::Fact<Order>| {
        let key = order.stream.key();
        key[key.len() - 1..].to_owned()
    };
    let reactor = shop.reactor().key(last_digit);
    let handle = reactor.handle();
    tokio::spawn(reactor.run());
    caught_up(&handle).await;
    let wanted = [(1, true), (3, false)];
    let wanted = wanted.map(|(at, bad)| ("document 1".to_owned(), at, bad));
    assert_eq!(shop.parked().await, wanted);
}

#[tokio::test(start_paused = true)]
async fn requeued_events_are_done_in_order_and_emit_once() {
    let shop = Shop::default();
    odd(&shop.store, 1).await;
    paid(&shop.store, 1, 5).await;
    let handle = shop.run();
    caught_up(&handle).await;
    shop.mended.store(true, Ordering::Relaxed);
    assert_eq!(all(&shop.store, "parcel").await.len(), 0);
    // The first is done twice: nobody knows that it was left out no more.
    shop.store.fail(&[Fault::After]);
    let lane = Lane::Stream(StreamId::new("order", 1));
    assert_eq!(shop.store.requeue(&id(), &lane).await.unwrap(), 2);
    handle.until(|it| it.parked == 0).await;
    caught_up(&handle).await;
    assert_eq!(shop.parked().await, []);
    assert_eq!(shop.ledger.distinct(), [1, 2]);
    let causes = caused(&shop.store, "parcel").await;
    assert_eq!(causes.into_values().collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_point_a_requeued_event_emits_once() {
    let shop = Shop::default();
    for order in 0..40 {
        odd(&shop.store, order).await;
    }
    let handle = shop.run();
    caught_up(&handle).await;
    handle.stop();
    handle.until(|_| false).await;
    shop.mended.store(true, Ordering::Relaxed);
    for order in 0..40 {
        let lane = Lane::Stream(StreamId::new("order", order));
        shop.store.requeue(&id(), &lane).await.unwrap();
    }
    for polls in 0..200 {
        let reactor = shop.reactor().lease(Duration::ZERO).batch(2);
        let run = std::pin::pin!(reactor.run());
        crate::shop::polled(run, polls % 40).await;
    }
    let handle = shop.run();
    handle
        .until(|it| it.state == ProjectionState::Live && it.parked == 0)
        .await;
    crate::shop::each_once(&shop.store).await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_is_parked_again() {
    let shop = Shop::default();
    odd(&shop.store, 1).await;
    paid(&shop.store, 1, 5).await;
    let handle = shop.run();
    caught_up(&handle).await;
    let before = shop.parked().await;
    let lane = Lane::Stream(StreamId::new("order", 1));
    shop.store.requeue(&id(), &lane).await.unwrap();
    while !shop.store.requeued(&id(), 1).await.unwrap().is_empty() {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    assert_eq!(shop.parked().await, before);
    assert_eq!(shop.ledger.positions(), [1, 1, 1, 1]);
    assert!(handle.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_holds_up_its_stream() {
    let shop = Shop::default();
    let rotten = NewEvent::new("paid", "{ rotten");
    record(&shop.store, StreamId::new("order", 1), vec![rotten]).await;
    paid(&shop.store, 1, 5).await;
    paid(&shop.store, 2, 5).await;
    let handle = shop.run();
    caught_up(&handle).await;
    let wanted = [(1, true), (2, false)];
    let wanted = wanted.map(|(at, bad)| ("stream order-1".to_owned(), at, bad));
    assert_eq!(shop.parked().await, wanted);
    assert_eq!(shop.ledger.positions(), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_reactor_that_shall_stop_stops_in_front_of_the_event_and_says_so() {
    let shop = Shop::default();
    paid(&shop.store, 1, 5).await;
    odd(&shop.store, 1).await;
    paid(&shop.store, 2, 5).await;
    let reactor = shop.reactor().on_poison(OnPoison::Stop);
    let handle = reactor.handle();
    match reactor.run().await {
        Err(ProjectionError::Poison { position, why, .. }) => {
            assert_eq!(position, Position(2));
            assert!(why.contains("odd"), "{why}");
        }
        other => panic!("it stops, not: {other:?}"),
    }
    let snapshot = handle.snapshot();
    assert!(matches!(snapshot.state, ProjectionState::Failed(_)));
    assert!(!handle.is_healthy());
    assert_eq!(snapshot.position, Position(1));
    let versions = shop.store.versions(&id().name).await.unwrap();
    let state = versions.active().unwrap();
    assert!(!state.running && state.why.as_ref().unwrap().contains("odd"));
    shop.mended.store(true, Ordering::Relaxed);
    caught_up(&shop.run()).await;
    assert_eq!(all(&shop.store, "parcel").await.len(), 3);
}
