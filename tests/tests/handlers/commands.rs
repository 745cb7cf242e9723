//! Layers around a handler of commands.

use tower::{Layer, ServiceBuilder, ServiceExt};
use watertight::{
    BulkheadLayer, CircuitBreakerLayer, DeadlineLayer, Error, Fallback, FallbackLayer, Reason,
    TimeoutLayer, timeout_fallback,
};
use watertight_cqrs::{ByHealth, CommandError, Committed, HandlerFailure};
use watertight_events::Version;

use crate::{
    checks::{self, LIMIT},
    desk::{Desk, Drawn, Ticket, draw, drawn},
    gate::Mode,
};

#[tokio::test(start_paused = true)]
async fn a_circuit_opens_when_commands_fail_and_not_when_they_are_turned_down() {
    let (desk, circuit) = (Desk::open().await, checks::circuit());
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(ByHealth);
    let stack = layer.layer(desk.commands());
    checks::opens(stack, &circuit, &desk.gate, draw, drawn).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_refuses_one_command_more() {
    let desk = Desk::open().await;
    let stack = BulkheadLayer::new(checks::one_at_a_time()).layer(desk.commands());
    checks::refuses_one_more(stack, &desk.gate, draw).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_with_a_queue_lets_a_command_wait_for_its_turn() {
    let (desk, bulkhead) = (Desk::open().await, checks::one_and_one_that_waits());
    let stack = BulkheadLayer::new(bulkhead.clone()).layer(desk.commands());
    checks::waits_for_its_turn(stack, &bulkhead, &desk.gate, draw).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_under_back_pressure_is_not_ready_for_one_command_more() {
    let desk = Desk::open().await;
    let stack = BulkheadLayer::new(checks::one_under_back_pressure()).layer(desk.commands());
    checks::is_not_ready_for_one_more(stack, &desk.gate, draw).await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_gives_a_command_up() {
    let desk = Desk::open().await;
    let stack = TimeoutLayer::new(LIMIT).layer(desk.commands());
    let is_late = |error: &Error<_>| {
        error
            .rejected()
            .is_some_and(|it| it.reason == Reason::TimedOut)
    };
    checks::gives_up(stack, is_late, &desk.gate, draw).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_gives_a_command_up() {
    let desk = Desk::open().await;
    let stack = DeadlineLayer::new(LIMIT).layer(desk.commands());
    // It is told to the handler too, whose answer says more.
    let is_late = |error: &Error<_>| {
        matches!(
            error,
            Error::Inner(CommandError::Deadline { attempted: true })
        )
    };
    checks::gives_up(stack, is_late, &desk.gate, draw).await;
}

/// What a caller hears of a command that may not have been done.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Heard {
    Done(Version),
    Later,
}

impl From<Committed<Ticket>> for Heard {
    fn from(committed: Committed<Ticket>) -> Self {
        Self::Done(committed.version)
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_for_commands_that_fail_and_not_for_those_turned_down() {
    let desk = Desk::open().await;
    let stack = FallbackLayer::new(Fallback::default())
        .classify(ByHealth)
        .value(Heard::Later)
        .layer(desk.commands().map_response(Heard::from));
    let call = |ticket| stack.clone().oneshot(draw(ticket));
    assert_eq!(call(1).await.unwrap(), Heard::Done(Version(1)));
    desk.gate.set(Mode::Fails);
    assert_eq!(call(2).await.unwrap(), Heard::Later);
    let told = call(0).await.unwrap_err();
    assert_eq!(told.rejection(), Some(&Drawn));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_takes_too_long_has_another_answer() {
    let desk = Desk::open().await;
    let fallback = FallbackLayer::new(Fallback::default());
    let layer = timeout_fallback(LIMIT, fallback.classify(ByHealth).value(Heard::Later));
    let stack = layer.layer(desk.commands().map_response(Heard::from));
    desk.gate.set(Mode::Hangs);
    let late = stack.clone().oneshot(draw(1)).await;
    assert_eq!(late.unwrap(), Heard::Later);
    desk.gate.set(Mode::Open);
    let done = stack.oneshot(draw(1)).await;
    assert_eq!(done.unwrap(), Heard::Done(Version(1)));
}

#[tokio::test(start_paused = true)]
async fn all_layers_together_stack_on_commands() {
    let (desk, circuit) = (Desk::open().await, checks::circuit());
    let stack = ServiceBuilder::new()
        .layer(DeadlineLayer::new(LIMIT))
        .layer(BulkheadLayer::new(checks::one_at_a_time()))
        .layer(CircuitBreakerLayer::new(circuit.clone()).classify(ByHealth))
        .layer(TimeoutLayer::new(LIMIT * 2))
        .service(desk.commands());
    let told = stack.clone().oneshot(drawn()).await.unwrap_err();
    let told = HandlerFailure::flatten(told);
    assert!(matches!(told, Error::Inner(CommandError::Rejected(Drawn))));
    checks::refuses_one_more(stack.clone(), &desk.gate, |n| draw(n + 10)).await;
    let is_late = |error: &Error<_>| {
        matches!(
            error,
            Error::Inner(CommandError::Deadline { attempted: true })
        )
    };
    checks::gives_up(stack.clone(), is_late, &desk.gate, draw).await;
    checks::opens(stack, &circuit, &desk.gate, |n| draw(n + 20), drawn).await;
}
