//! Events that are emitted: exactly once, whatever happens.

use std::{pin::pin, time::Duration};

use futures::future::join_all;
use tower::service_fn;
use watertight_cqrs::{
    CodecError, CommandHandler, CommandRequest, Decider, Delivery, Emit, Event, Fact, Reactor,
    Start,
};
use watertight_events::{
    EventStore, Expected, MemoryStore, Metadata, NewEvent, Position, StreamId, ViewStore, Write,
    new_id,
};

use crate::{
    place::{Place, on_every_store},
    shop::{Order, Parcel, all, caught_up, each_once, paid, polled},
    store::{Fault, Fragile},
};

fn request(paid: &Delivery<Order>) -> Result<Emit, CodecError> {
    let Order::Paid { amount } = paid.event else {
        return Ok(Emit::nothing());
    };
    let parcel = StreamId::new("parcel", paid.stream.key());
    Emit::nothing().event(parcel, &Parcel::Requested { amount })
}

type Asked = fn(Delivery<Order>) -> std::future::Ready<Result<Emit, CodecError>>;
type Parcels<S> = Reactor<Order, S, S, tower::util::ServiceFn<Asked>>;

/// A reactor that requests a parcel for every order that is paid.
fn parcels<S: EventStore + ViewStore>(store: &S) -> Parcels<S> {
    let asked: Asked = |paid| std::future::ready(request(&paid));
    let service = service_fn(asked);
    Reactor::new(
        "parcels",
        Start::Beginning,
        store.clone(),
        store.clone(),
        service,
    )
}

#[tokio::test(start_paused = true)]
async fn what_is_emitted_keeps_its_correlation_and_names_its_cause() {
    let store = MemoryStore::new();
    let metadata = Metadata::root(new_id())
        .correlated(new_id())
        .by("ada")
        .traced("00-1-2-01");
    let mut event: NewEvent = Order::Paid { amount: 5 }.encode().unwrap().into();
    event.metadata = metadata.clone();
    let write = Write::to(StreamId::new("order", 7), Expected::Any, vec![event]);
    store.write(write).await.unwrap();
    let parcels = parcels(&store);
    let handle = parcels.handle();
    tokio::spawn(parcels.run());
    caught_up(&handle).await;
    handle.until(|it| it.position.0 == 2).await;
    let emitted = all(&store, "parcel").await.remove(0).event;
    assert_eq!(emitted.payload, r#"{"amount":5}"#);
    assert_eq!(emitted.metadata, metadata.caused(emitted.metadata.message));
}

on_every_store! {
    dropped_at_any_point_each_event_is_emitted_once
    a_write_whose_answer_was_lost_is_not_done_twice
}

on_every_store! {
    threads: many_runners_that_take_it_from_each_other_emit_each_event_once
}

async fn dropped_at_any_point_each_event_is_emitted_once<S: Place>() {
    let store = Fragile::<S>::fresh().await;
    for polls in 0..300_usize {
        // The faults are for the reactor.
        paid(&store.store, polls as u64 % 5, 5).await;
        if polls % 7 == 0 {
            store.fail_writes(&[Fault::After, Fault::Before]);
        }
        let parcels = parcels(&store).batch(1 + polls % 4);
        let run = pin!(parcels.lease(Duration::ZERO).run());
        polled(run, polls % 60 * S::SPIN).await;
    }
    let parcels = parcels(&store);
    let handle = parcels.handle();
    tokio::spawn(parcels.run());
    caught_up(&handle).await;
    each_once(&store).await;
}

async fn a_write_whose_answer_was_lost_is_not_done_twice<S: Place>() {
    let store = Fragile::<S>::fresh().await;
    let parcels = parcels(&store);
    let handle = parcels.handle();
    tokio::spawn(parcels.run());
    for order in 0..10 {
        caught_up(&handle).await;
        store.fail_writes(&[Fault::After]);
        paid(&store.store, order, 5).await;
    }
    handle.until(|it| it.position.0 == 20).await;
    each_once(&store).await;
    assert!(handle.is_healthy());
}

async fn many_runners_that_take_it_from_each_other_emit_each_event_once<S: Place>() {
    let store = Fragile::<S>::fresh().await;
    let runners = (0..4).map(|_| {
        let parcels = parcels(&store).batch(3).lease(S::SHORT);
        let handle = parcels.handle();
        (handle, tokio::spawn(parcels.run()))
    });
    let (handles, runners): (Vec<_>, Vec<_>) = runners.unzip();
    let writers = (0..4).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..50 {
                paid(&store, writer, 5).await;
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    let mut head = store.head();
    head.wait_for(|head| head.0 >= 400).await.unwrap();
    for handle in handles {
        handle.stop();
    }
    for runner in join_all(runners).await {
        runner.unwrap().unwrap();
    }
    each_once(&store).await;
}

#[tokio::test(start_paused = true)]
async fn a_reaction_decided_on_a_stream_is_asked_again_when_another_command_came_first() {
    struct Stock;
    #[derive(Clone, Debug)]
    struct Take(u64);
    #[derive(Debug, serde::Deserialize, serde::Serialize)]
    enum Taken {
        Taken { left: u64 },
    }
    impl Event for Taken {}
    impl Decider for Stock {
        type Command = Take;
        type Event = Taken;
        type State = Option<u64>;
        type Rejection = std::fmt::Error;
        const CATEGORY: &'static str = "stock";
        fn stream_id(_: &Take) -> StreamId {
            StreamId::new("stock", "all")
        }
        fn decide(&self, left: &Option<u64>, take: &Take) -> Result<Vec<Taken>, std::fmt::Error> {
            let left = left.unwrap_or(1_000) - take.0;
            Ok(vec![Taken::Taken { left }])
        }
        fn evolve(_: Option<u64>, Taken::Taken { left }: &Taken) -> Option<u64> {
            Some(*left)
        }
    }

    let store = MemoryStore::new();
    let between = store.clone();
    let take = service_fn(move |paid: Delivery<Order>| {
        let store = between.clone();
        async move {
            let Order::Paid { amount } = paid.event else {
                return Ok(Emit::nothing());
            };
            let emit = Emit::nothing().command(&Stock, &store, &Take(amount)).await;
            if paid.attempt == 1 {
                // Somebody else, between deciding and writing.
                let handler = CommandHandler::new(Stock, store.clone());
                tower::ServiceExt::oneshot(handler, CommandRequest::new(Take(1)))
                    .await
                    .unwrap();
            }
            emit
        }
    });
    let reactor = Reactor::new("stock", Start::Now, store.clone(), store.clone(), take);
    let handle = reactor.handle();
    tokio::spawn(reactor.run());
    caught_up(&handle).await;
    for order in 0..10 {
        paid(&store, order, 10).await;
        caught_up(&handle).await;
        handle.until(|it| it.position.0 == (order + 1) * 3).await;
    }
    let taken = all(&store, "stock").await;
    let last = Taken::decode("Taken", &taken.last().unwrap().event.payload);
    let Taken::Taken { left } = last.unwrap();
    assert_eq!((taken.len(), left), (20, 1_000 - 10 * 11));
    assert_eq!(handle.snapshot().parked, 0);
}

#[test]
fn a_command_that_an_event_causes_has_the_same_key_in_every_attempt() {
    let stream = StreamId::new("order", 7);
    let delivery = Delivery::new("stock", Fact::new(stream, Position(1), Order::Odd));
    let mut again = delivery.clone();
    again.attempt = 2;
    let first = delivery.command("take", 5).unwrap();
    assert_eq!(first.key, again.command("take", 5).unwrap().key);
    assert_eq!(first.metadata.causation, delivery.metadata.message);
    assert_ne!(first.key, delivery.command("give", 5).unwrap().key);
}
