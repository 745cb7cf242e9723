//! Orders that are paid, and parcels that are sent because of it.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures::future::poll_fn;
use serde::{Deserialize, Serialize};
use watertight_cqrs::{Delivery, Event, ProjectionHandle, ProjectionState};
use watertight_events::{
    EventStore, Expected, Filter, NewEvent, Position, Recorded, StreamId, Write,
};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    Paid { amount: u64 },
    Odd,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parcel {
    Requested { amount: u64 },
}

impl Event for Order {}
impl Event for Parcel {}

/// What was done outside of any store, call by call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Vec<Call>>>);

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Call {
    pub(crate) position: u64,
    pub(crate) attempt: u32,
    pub(crate) key: String,
}

impl Ledger {
    /// Takes note of a call, and says how often this event has been here.
    pub(crate) fn note(&self, delivery: &Delivery<Order>) -> usize {
        let position = delivery.position.0;
        let mut calls = self.0.lock().unwrap();
        calls.push(Call {
            position,
            attempt: delivery.attempt,
            key: delivery.key("call"),
        });
        calls
            .iter()
            .filter(|call| call.position == position)
            .count()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn positions(&self) -> Vec<u64> {
        self.calls().iter().map(|call| call.position).collect()
    }

    /// The same without repetitions.
    pub(crate) fn distinct(&self) -> Vec<u64> {
        let mut positions = self.positions();
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

pub(crate) async fn record(store: &impl EventStore, stream: StreamId, events: Vec<NewEvent>) {
    let write = Write::to(stream, Expected::Any, events);
    store.write(write).await.unwrap();
}

pub(crate) async fn paid(store: &impl EventStore, order: u64, amount: u64) {
    let paid = Order::Paid { amount }.encode().unwrap();
    record(store, StreamId::new("order", order), vec![paid.into()]).await;
}

pub(crate) async fn odd(store: &impl EventStore, order: u64) {
    let odd = Order::Odd.encode().unwrap();
    record(store, StreamId::new("order", order), vec![odd.into()]).await;
}

pub(crate) async fn all(store: &impl EventStore, category: &str) -> Vec<Recorded> {
    let filter = Filter::all().category(category);
    let page = store.read_all(Position::START, &filter, 100_000).await;
    page.unwrap().events
}

/// How often each message has caused something in this category.
pub(crate) async fn caused(store: &impl EventStore, category: &str) -> BTreeMap<uuid::Uuid, usize> {
    let mut causes = BTreeMap::new();
    for event in all(store, category).await {
        *causes.entry(event.event.metadata.causation).or_default() += 1;
    }
    causes
}

/// Every paid order has caused one parcel.
pub(crate) async fn each_once(store: &impl EventStore) {
    let causes = caused(store, "parcel").await;
    let orders = all(store, "order").await;
    let wanted = orders.iter().map(|it| (it.event.metadata.message, 1));
    assert_eq!(causes, wanted.collect());
}

pub(crate) async fn caught_up(handle: &ProjectionHandle) {
    let live = handle.until(|it| it.state == ProjectionState::Live && it.lag() == 0);
    let live = live.await;
    assert_eq!(live.state, ProjectionState::Live, "it has not ended");
}

/// Polls a future so many times at most.
pub(crate) async fn polled<F: Future>(mut future: Pin<&mut F>, times: usize) -> bool {
    for _ in 0..times {
        let once = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if once.is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
    false
}
