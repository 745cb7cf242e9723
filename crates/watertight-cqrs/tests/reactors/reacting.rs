//! Effects: of which events, how often, and what comes of failures.

use std::{convert::Infallible, num::NonZeroU32, pin::pin, time::Duration};

use tokio::time::{Instant, sleep};
use tower::{ServiceBuilder, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_cqrs::{Delivery, ProjectionState, Reactor, Start};
use watertight_events::{EventStore, MemoryStore, NewEvent, Position, StreamId};

use crate::{
    shop::{Ledger, Order, caught_up, paid, polled, record},
    store::Fragile,
};

/// A reactor that takes note of every event.
fn noting<S>(store: &S, start: Start, ledger: &Ledger) -> Noting<S>
where
    S: EventStore + watertight_events::ViewStore,
{
    let ledger = ledger.clone();
    let note: Note = Box::new(move |paid| {
        ledger.note(&paid);
        std::future::ready(Ok(()))
    });
    Reactor::new(
        "notes",
        start,
        store.clone(),
        store.clone(),
        service_fn(note),
    )
}

type Note = Box<dyn FnMut(Delivery<Order>) -> std::future::Ready<Result<(), Infallible>> + Send>;
type Noting<S> = Reactor<Order, S, S, tower::util::ServiceFn<Note>>;

#[tokio::test(start_paused = true)]
async fn every_event_has_its_effect_in_order_and_others_are_skipped() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    paid(&store, 1, 5).await;
    let other = NewEvent::new("unknown", "no JSON");
    record(&store, StreamId::new("order", 1), vec![other]).await;
    let notes = noting(&store, Start::Beginning, &ledger).batch(2);
    let handle = notes.handle();
    tokio::spawn(notes.run());
    for order in 0..20 {
        paid(&store, order % 3, 5).await;
        if order % 5 == 0 {
            caught_up(&handle).await;
        }
    }
    caught_up(&handle).await;
    let wanted: Vec<_> = [1].into_iter().chain(3..=22).collect();
    assert_eq!(ledger.positions(), wanted);
    assert!(handle.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn only_streams_of_its_categories_are_read() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    paid(&store, 1, 5).await;
    let stray = NewEvent::new("paid", r#"{"amount":5}"#);
    record(&store, StreamId::new("invoice", 1), vec![stray]).await;
    let notes = noting(&store, Start::Beginning, &ledger).category("invoice");
    let handle = notes.handle();
    tokio::spawn(notes.run());
    caught_up(&handle).await;
    assert_eq!(ledger.positions(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_new_reactor_begins_where_it_is_told_to() {
    for (start, wanted) in [
        (Start::Now, vec![4]),
        (Start::Beginning, vec![1, 2, 3, 4]),
        (Start::After(Position(2)), vec![3, 4]),
    ] {
        let store = MemoryStore::new();
        for order in 1..=3 {
            paid(&store, order, 5).await;
        }
        let ledger = Ledger::default();
        let notes = noting(&store, start, &ledger);
        let handle = notes.handle();
        tokio::spawn(notes.run());
        caught_up(&handle).await;
        paid(&store, 4, 5).await;
        caught_up(&handle).await;
        assert_eq!(ledger.positions(), wanted, "{start:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_where_the_store_has_no_event_is_refused_and_not_remembered() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    let notes = noting(&store, Start::After(Position(7)), &ledger);
    let handle = notes.handle();
    let error = notes.run().await.unwrap_err();
    assert!(error.to_string().contains("position 7"), "{error}");
    assert_eq!(
        handle.snapshot().state,
        ProjectionState::Failed(error.to_string().into())
    );
    paid(&store, 1, 5).await;
    let notes = noting(&store, Start::Beginning, &ledger);
    let handle = notes.handle();
    tokio::spawn(notes.run());
    caught_up(&handle).await;
    assert_eq!(ledger.positions(), [1]);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_begun_at_an_empty_store_misses_nothing_while_it_is_down() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    for order in 0..3 {
        let notes = noting(&store, Start::Now, &ledger);
        let handle = notes.handle();
        let running = tokio::spawn(notes.run());
        caught_up(&handle).await;
        handle.stop();
        running.await.unwrap().unwrap();
        paid(&store, order, 5).await;
    }
    let notes = noting(&store, Start::Now, &ledger);
    let handle = notes.handle();
    tokio::spawn(notes.run());
    caught_up(&handle).await;
    assert_eq!(ledger.positions(), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_try_is_repeated_under_the_same_key_after_longer_and_longer_pauses() {
    let store = MemoryStore::new();
    paid(&store, 1, 5).await;
    let ledger = Ledger::default();
    let calls = ledger.clone();
    let failing = service_fn(move |paid: Delivery<Order>| {
        let tries = calls.note(&paid);
        async move {
            match tries {
                1 => panic!("at first"),
                2 => sleep(Duration::from_secs(100)).await,
                3 => return Err("not yet"),
                _ => {}
            }
            Ok(())
        }
    });
    let (events, views) = (store.clone(), store.clone());
    let reactor = Reactor::new("failing", Start::Beginning, events, views, failing)
        .attempts(NonZeroU32::new(4).unwrap())
        .backoff(Duration::from_secs(1), Duration::from_secs(3))
        .attempt_timeout(Duration::from_secs(7));
    let handle = reactor.handle();
    let start = Instant::now();
    tokio::spawn(reactor.run());
    let trouble = handle.until(
        |it| matches!(&it.state, ProjectionState::Retrying(why) if why.contains("at first")),
    );
    trouble.await;
    assert!(!handle.is_healthy());
    caught_up(&handle).await;
    assert!(handle.is_healthy());
    let took = start.elapsed().as_secs_f64();
    // 1 s, 2 s and 3 s less up to a half each, and the 7 s of the second try.
    assert!((10.0..13.1).contains(&took), "{took}");
    let calls = ledger.calls();
    assert_eq!(
        calls.iter().map(|it| it.attempt).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert!(calls.iter().all(|it| it.key == calls[0].key), "{calls:?}");
    assert_eq!(handle.snapshot().parked, 0);
}

#[tokio::test(start_paused = true)]
async fn layers_stack_on_it() {
    let store = MemoryStore::new();
    let ledger = Ledger::default();
    let calls = ledger.clone();
    let note = service_fn(move |paid: Delivery<Order>| {
        calls.note(&paid);
        async { Ok::<_, Infallible>(()) }
    });
    let bulkhead = Bulkhead::builder("mails")
        .max_concurrent(1)
        .build()
        .unwrap();
    // A buffer reserves in `poll_ready`, and panics if it is called without.
    let stack = ServiceBuilder::new()
        .buffer(1)
        .layer(BulkheadLayer::new(bulkhead))
        .service(note);
    let reactor = Reactor::new("mails", Start::Now, store.clone(), store.clone(), stack);
    let handle = reactor.handle();
    tokio::spawn(reactor.run());
    caught_up(&handle).await;
    for order in 1..=10 {
        paid(&store, order, 5).await;
    }
    caught_up(&handle).await;
    assert_eq!(ledger.positions(), (1..=10).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn dropped_at_any_point_no_effect_is_left_out() {
    let store = Fragile::default();
    let ledger = Ledger::default();
    // Begun before the first event, or that would be of the past.
    let notes = noting(&store, Start::Now, &ledger);
    let handle = notes.handle();
    let running = tokio::spawn(notes.run());
    caught_up(&handle).await;
    handle.stop();
    running.await.unwrap().unwrap();
    for polls in 0..200 {
        paid(&store, polls % 5, 5).await;
        let notes = noting(&store, Start::Now, &ledger).batch(3);
        let run = pin!(notes.lease(Duration::ZERO).run());
        polled(run, polls as usize % 50).await;
    }
    let notes = noting(&store, Start::Now, &ledger);
    let handle = notes.handle();
    tokio::spawn(notes.run());
    caught_up(&handle).await;
    assert_eq!(ledger.distinct(), (1..=200).collect::<Vec<_>>());
}
