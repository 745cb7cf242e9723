use std::future::ready;

use tower::{Service, service_fn};
use watertight_cqrs::{Delivery, Emit, Event};
use watertight_events::StreamId;
use watertight_testing::cqrs::{ReactorTest, reactor};

use crate::shop::{Happened, failure, filled, put};

/// Puts one more into another basket, unless it is of lilies.
fn one_more()
-> ReactorTest<Happened, impl Service<Delivery<Happened>, Response = Emit, Error = String>> {
    let service = service_fn(|delivery: Delivery<Happened>| {
        ready(match &delivery.event {
            Happened::Put { what, .. } if what == "lily" => Err("no lilies".to_owned()),
            Happened::Put { what, .. } => {
                let stream = StreamId::new("more", delivery.version);
                let emit = Emit::nothing().event(stream, &put(what, 1));
                emit.map_err(|error| error.to_string())
            }
            Happened::Emptied | Happened::Spoilt => Ok(Emit::nothing()),
        })
    });
    reactor("one more", service)
}

#[tokio::test]
async fn what_is_emitted_is_compared_with_its_stream() {
    let test = one_more().when("basket-ann", put("rose", 3)).await;
    let test = test.then([("more-1", put("rose", 1))]);
    let test = test.when("basket-ann", Happened::Emptied).await;
    let test = test.then_nothing().when("basket-ann", put("iris", 3)).await;
    let iris = put("iris", 1).encode().unwrap().into();
    let test = test.then_stored([("more-3", iris)]);
    let test = test.when("basket-ann", put("lily", 3)).await;
    assert_eq!(test.failure(), "no lilies");
}

#[tokio::test]
async fn an_event_of_the_past_is_told_as_it_is_read() {
    let test = one_more().when_stored("basket-ann", filled("rose")).await;
    drop(test.then([("more-1", put("rose", 1))]));
}

#[tokio::test]
async fn other_events_are_told_line_by_line() {
    let reacted = one_more().when("basket-ann", put("rose", 3)).await;
    let told = failure(|| reacted.then([("more-2", put("rose", 1))]));
    assert!(
        told.starts_with("other events were emitted\n\nwhen\n    basket-ann: put {"),
        "{told}"
    );
    assert!(
        told.contains("  - more-2: put {\n  + more-1: put {\n"),
        "{told}"
    );
}

#[tokio::test]
async fn a_failure_is_told_with_what_it_says() {
    let reacted = one_more().when("basket-ann", put("lily", 3)).await;
    let told = failure(|| reacted.then_nothing());
    assert!(
        told.contains("  - nothing\n  + failed: no lilies\n"),
        "{told}"
    );
    let reacted = one_more().when("basket-ann", put("rose", 3)).await;
    failure(|| reacted.failure());
}
