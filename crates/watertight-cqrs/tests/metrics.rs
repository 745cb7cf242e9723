//! What is told through the `metrics` facade.

use std::{collections::BTreeMap, convert::Infallible};

use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use tower::service_fn;
use watertight_cqrs::{Delivery, Event, OnPoison, ProjectionState, Reactor, Start};
use watertight_events::{EventStore, Expected, MemoryStore, NewEvent, StreamId, Write};
use watertight_testing::Recorded;

#[derive(Debug, Deserialize, Serialize)]
enum Order {
    Paid {},
}

impl Event for Order {}

type Metrics = BTreeMap<String, f64>;

/// What is told of a reactor that has come to one good and one rotten event, when it is as wanted.
async fn run(recorded: &Recorded, then: OnPoison, wanted: fn(&ProjectionState) -> bool) -> Metrics {
    let store = MemoryStore::new();
    for (order, payload) in ["{}", "rotten"].into_iter().enumerate() {
        let stream = StreamId::new("order", order);
        let paid = NewEvent::new("Paid", payload);
        let write = Write::to(stream, Expected::Any, vec![paid]);
        store.write(write).await.unwrap();
    }
    let nothing = service_fn(|_: Delivery<Order>| async { Ok::<_, Infallible>(()) });
    let (events, views) = (store.clone(), store);
    let reactor = Reactor::new("mail", Start::Beginning, events, views, nothing).on_poison(then);
    let handle = reactor.handle();
    let running = tokio::spawn(reactor.run());
    handle.until(|it| wanted(&it.state) && it.lag() == 0).await;
    let metrics = recorded.take();
    running.abort();
    metrics
}

fn recorded(then: OnPoison, wanted: fn(&ProjectionState) -> bool) -> Metrics {
    let recorded = Recorded::new();
    recorded.during(|| {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        runtime.block_on(run(&recorded, then, wanted))
    })
}

#[test]
fn parked_events_are_told_and_leave_it_healthy() {
    let told = recorded(OnPoison::Park, |state| *state == ProjectionState::Live);
    assert_eq!(
        told["projection_parked_events{name=reactor mail,version=1}"],
        1.0
    );
    assert_eq!(told["projection_healthy{name=reactor mail,version=1}"], 1.0);
    assert!(!told.contains_key("projection_failures_total{name=reactor mail,version=1}"));
}

#[test]
fn one_that_has_stopped_by_itself_is_counted_and_not_healthy() {
    let told = recorded(OnPoison::Stop, |state| {
        matches!(state, ProjectionState::Failed(_))
    });
    assert_eq!(
        told["projection_failures_total{name=reactor mail,version=1}"],
        1.0
    );
    assert_eq!(told["projection_healthy{name=reactor mail,version=1}"], 0.0);
}
