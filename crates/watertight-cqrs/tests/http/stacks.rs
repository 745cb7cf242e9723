//! Layers around a command handler.

use std::time::Duration;

use tower::{BoxError, ServiceBuilder};
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_core::Flat;
use watertight_cqrs::{CommandHandler, http::command_route, unboxed};
use watertight_timeout::{DeadlineLayer, TimeoutLayer};

use crate::{
    support::{No, Stubborn, everything},
    web::{Answer, Slip, Teller, Web},
};

const LIMIT: Duration = Duration::from_secs(5);

fn teller(store: &Stubborn) -> CommandHandler<Teller, Stubborn> {
    CommandHandler::new(Teller, store.clone())
}

#[tokio::test]
async fn a_handler_without_a_free_place_is_503_and_the_rest_goes_on() {
    let store = Stubborn::new();
    let handler = CommandHandler::builder(Teller, store.clone()).places(1);
    let web = Web::serve(command_route::<Slip>(handler.build().unwrap())).await;
    store.hold();
    let first = tokio::spawn(Answer::to(web.open("a")));
    store.until_held().await;
    for _ in 0..20 {
        let shed = Answer::to(web.open("b")).await;
        shed.problem(503);
        assert_eq!(shed.header("retry-after"), Some("1"));
    }
    store.release();
    first.await.unwrap().is_done(1);
    Answer::to(web.open("b")).await.is_done(1);
}

#[tokio::test]
async fn a_full_bulkhead_answers_503_and_a_rejection_passes_through_it() {
    let store = Stubborn::new();
    let bulkhead = Bulkhead::builder("users")
        .max_concurrent(1)
        .build()
        .unwrap();
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(LIMIT).on_reject(Flat))
        .layer(BulkheadLayer::new(bulkhead))
        .service(teller(&store));
    let web = Web::serve(command_route::<Slip>(stack)).await;
    store.hold();
    let first = tokio::spawn(Answer::to(web.open("a")));
    store.until_held().await;
    let refused = Answer::to(web.open("b")).await;
    assert!(refused.problem(503).contains("overloaded"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    store.release();
    first.await.unwrap().is_done(1);
    let rejected = Answer::to(web.open("a")).await;
    assert_eq!(rejected.problem(422), "there is such an account");
}

#[tokio::test]
async fn a_deadline_in_front_is_504_when_it_passes() {
    let store = Stubborn::new();
    let bulkhead = Bulkhead::builder("users")
        .max_concurrent(1)
        .build()
        .unwrap();
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(LIMIT))
        .layer(BulkheadLayer::new(bulkhead))
        .service(teller(&store));
    let web = Web::serve(command_route::<Slip>(stack)).await;
    late(&web, &store).await;
}

#[tokio::test]
async fn the_deadline_of_a_router_is_the_command_s() {
    let store = Stubborn::new();
    let route = command_route::<Slip>(teller(&store)).layer(DeadlineLayer::for_http(LIMIT));
    late(&Web::serve(route).await, &store).await;
}

#[tokio::test]
async fn waiting_in_a_bulkhead_ends_with_the_deadline_of_the_request() {
    let store = Stubborn::new();
    let bulkhead = Bulkhead::builder("users").max_concurrent(1).queue(1);
    let bulkhead = bulkhead.build().unwrap();
    let stack = BulkheadLayer::new(bulkhead.clone());
    let stack = ServiceBuilder::new().layer(stack).service(teller(&store));
    let deadline = DeadlineLayer::for_http(LIMIT);
    let web = Web::serve(command_route::<Slip>(stack).layer(deadline)).await;
    store.hold();
    let calls = ["a", "b"].map(|account| tokio::spawn(Answer::to(web.open(account))));
    while bulkhead.snapshot().queued == 0 {
        tokio::task::yield_now().await;
    }
    store.until_held().await;
    tokio::time::pause();
    tokio::time::advance(LIMIT).await;
    for call in calls {
        call.await.unwrap().problem(504);
    }
    assert!(everything(&store).await.is_empty());
}

#[tokio::test]
async fn boxed_errors_are_told_like_the_others() {
    let store = Stubborn::new();
    let stack = ServiceBuilder::new()
        .map_err(unboxed::<No>)
        .load_shed()
        .concurrency_limit(1)
        .layer(TimeoutLayer::boxed(LIMIT))
        .map_err(BoxError::from)
        .service(teller(&store));
    let web = Web::serve(command_route::<Slip>(stack)).await;
    assert_eq!(
        Answer::to(web.deposit("a", 1)).await.problem(422),
        "there is no such account"
    );
    store.hold();
    let first = tokio::spawn(Answer::to(web.open("a")));
    store.until_held().await;
    Answer::to(web.open("b")).await.problem(503);
    tokio::time::pause();
    tokio::time::advance(LIMIT).await;
    first.await.unwrap().problem(504);
}

#[tokio::test]
async fn errors_of_layers_within_a_box_are_told_like_the_others() {
    let bulkhead = Bulkhead::builder("users")
        .max_concurrent(1)
        .build()
        .unwrap();
    let stack = ServiceBuilder::new()
        .map_err(unboxed::<No>)
        .map_err(BoxError::from)
        .layer(DeadlineLayer::new(LIMIT))
        .layer(BulkheadLayer::new(bulkhead))
        .service(teller(&Stubborn::new()));
    let web = Web::serve(command_route::<Slip>(stack)).await;
    let rejected = Answer::to(web.deposit("a", 1)).await;
    assert_eq!(rejected.problem(422), "there is no such account");
}

/// A command that takes longer than the limit, and the next one that does not.
async fn late(web: &Web, store: &Stubborn) {
    store.hold();
    let call = tokio::spawn(Answer::to(web.open("a").header("idempotency-key", "k")));
    store.until_held().await;
    tokio::time::pause();
    tokio::time::advance(LIMIT).await;
    call.await.unwrap().problem(504);
    tokio::time::resume();
    assert!(everything(store).await.is_empty());
    store.release();
    Answer::to(web.open("a").header("idempotency-key", "k"))
        .await
        .is_done(1);
}
