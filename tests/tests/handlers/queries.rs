//! Layers around a handler of queries.

use tower::{Layer, ServiceBuilder, ServiceExt};
use watertight::{
    BulkheadLayer, CircuitBreakerLayer, DeadlineLayer, Error, Fallback, FallbackLayer, Reason,
    TimeoutLayer, timeout_fallback,
};
use watertight_cqrs::{ByHealth, ConsistencyToken, Fresh, HandlerFailure, QueryError};
use watertight_events::{Position, StoreId};

use crate::{
    checks::{self, LIMIT},
    desk::{Desk, ask, senseless},
    gate::Mode,
};

#[tokio::test(start_paused = true)]
async fn a_circuit_opens_when_queries_fail_and_not_when_they_make_no_sense() {
    let (desk, circuit) = (Desk::open().await, checks::circuit());
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(ByHealth);
    let stack = layer.layer(desk.queries());
    checks::opens(stack, &circuit, &desk.gate, ask, senseless).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_refuses_one_query_more() {
    let desk = Desk::open().await;
    let stack = BulkheadLayer::new(checks::one_at_a_time()).layer(desk.queries());
    checks::refuses_one_more(stack, &desk.gate, ask).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_with_a_queue_lets_a_query_wait_for_its_turn() {
    let (desk, bulkhead) = (Desk::open().await, checks::one_and_one_that_waits());
    let stack = BulkheadLayer::new(bulkhead.clone()).layer(desk.queries());
    checks::waits_for_its_turn(stack, &bulkhead, &desk.gate, ask).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_under_back_pressure_is_not_ready_for_one_query_more() {
    let desk = Desk::open().await;
    let stack = BulkheadLayer::new(checks::one_under_back_pressure()).layer(desk.queries());
    checks::is_not_ready_for_one_more(stack, &desk.gate, ask).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_gives_a_query_up() {
    let desk = Desk::open().await;
    let stack = TimeoutLayer::new(LIMIT).layer(desk.queries());
    let is_late = |error: &Error<_>| {
        error
            .rejected()
            .is_some_and(|it| it.reason == Reason::TimedOut)
    };
    checks::gives_up(stack, is_late, &desk.gate, ask).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_gives_a_query_up() {
    let desk = Desk::open().await;
    let stack = DeadlineLayer::new(LIMIT).layer(desk.queries());
    // It is told to the handler too, whose answer says more.
    let is_late = |error: &Error<_>| matches!(error, Error::Inner(QueryError::Deadline));
    checks::gives_up(stack, is_late, &desk.gate, ask).await;
}

fn unknown() -> Fresh<bool> {
    let (store, position) = (StoreId::fresh(), Position::START);
    Fresh::new(false, ConsistencyToken { store, position })
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_for_queries_that_fail_and_not_for_senseless_ones() {
    let desk = Desk::open().await;
    let stack = FallbackLayer::new(Fallback::default())
        .classify(ByHealth)
        .value(unknown())
        .layer(desk.queries());
    let call = |request| stack.clone().oneshot(request);
    assert!(call(ask(0)).await.unwrap().value);
    desk.gate.set(Mode::Fails);
    assert!(!call(ask(0)).await.unwrap().value);
    let told = call(senseless()).await.unwrap_err();
    assert!(matches!(told, QueryError::Invalid { .. }), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_query_that_takes_too_long_has_another_answer() {
    let desk = Desk::open().await;
    let fallback = FallbackLayer::new(Fallback::default());
    let layer = timeout_fallback(LIMIT, fallback.classify(ByHealth).value(unknown()));
    let stack = layer.layer(desk.queries());
    desk.gate.set(Mode::Hangs);
    assert!(!stack.clone().oneshot(ask(0)).await.unwrap().value);
    desk.gate.set(Mode::Open);
    assert!(stack.oneshot(ask(0)).await.unwrap().value);
}

#[tokio::test(start_paused = true)]
async fn all_layers_together_stack_on_queries() {
    let (desk, circuit) = (Desk::open().await, checks::circuit());
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(LIMIT))
        .layer(BulkheadLayer::new(checks::one_at_a_time()))
        .layer(CircuitBreakerLayer::new(circuit.clone()).classify(ByHealth))
        .layer(TimeoutLayer::new(LIMIT * 2))
        .service(desk.queries());
    let told = stack.clone().oneshot(senseless()).await.unwrap_err();
    let told = HandlerFailure::flatten(told);
    assert!(matches!(told, Error::Inner(QueryError::Invalid { .. })));
    checks::refuses_one_more(stack.clone(), &desk.gate, ask).await;
    let is_late = |error: &Error<_>| matches!(error, Error::Inner(QueryError::Deadline));
    checks::gives_up(stack.clone(), is_late, &desk.gate, ask).await;
    checks::opens(stack, &circuit, &desk.gate, ask, senseless).await;
}
