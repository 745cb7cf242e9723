//! What a layer does, whatever handler it is around.

use std::{fmt::Debug, time::Duration};

use futures::{FutureExt, future::join_all};
use tokio::task::JoinHandle;
use tower::{Service, ServiceExt};
use watertight::{BackPressure, Bulkhead, CircuitBreaker, Error, Queue, Reason, Rejected, State};
use watertight_cqrs::HandlerFailure;

use crate::gate::{Gate, Mode};

/// How long something may take in these tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(2);

/// A handler with layers around it.
pub(crate) trait Stack<R>:
    Service<
        R,
        Response: Debug + Send,
        Error: HandlerFailure<Own: Debug> + Debug + Send,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
}

impl<R, S> Stack<R> for S where
    S: Service<
            R,
            Response: Debug + Send,
            Error: HandlerFailure<Own: Debug> + Debug + Send,
            Future: Send,
        > + Clone
        + Send
        + 'static
{
}

pub(crate) fn circuit() -> CircuitBreaker {
    let circuit = CircuitBreaker::builder("desk").no_failure_rate();
    circuit.consecutive_failures(3).build().unwrap()
}

pub(crate) fn one_at_a_time() -> Bulkhead {
    Bulkhead::builder("desk").max_concurrent(1).build().unwrap()
}

pub(crate) fn one_and_one_that_waits() -> Bulkhead<Queue> {
    let bulkhead = Bulkhead::builder("desk").max_concurrent(1).queue(1);
    bulkhead.build().unwrap()
}

pub(crate) fn one_under_back_pressure() -> Bulkhead<BackPressure> {
    let bulkhead = Bulkhead::builder("desk").max_concurrent(1);
    bulkhead.back_pressure().build().unwrap()
}

/// Failures open the circuit, and what is wrong with a request does not.
pub(crate) async fn opens<R: Send + 'static>(
    stack: impl Stack<R>,
    circuit: &CircuitBreaker,
    gate: &Gate,
    good: impl Fn(u32) -> R,
    bad: impl Fn() -> R,
) {
    for _ in 0..20 {
        let told = stack.clone().oneshot(bad()).await.unwrap_err();
        assert!(matches!(told.flatten(), Error::Inner(_)));
    }
    assert_eq!(circuit.state(), State::Closed);
    gate.set(Mode::Fails);
    for n in 1..=3 {
        let failed = stack.clone().oneshot(good(n)).await.unwrap_err();
        assert!(matches!(failed.flatten(), Error::Inner(_)));
    }
    assert_eq!(circuit.state(), State::Open);
    let came = gate.came();
    let refused = refusal(stack.clone().oneshot(good(4)).await);
    assert_eq!(refused.reason, Reason::Open);
    assert_eq!(gate.came(), came, "the handler was not asked");
    gate.set(Mode::Open);
    circuit.reset();
    stack.oneshot(good(5)).await.unwrap();
}

/// The one more is refused, and what is under way goes on.
pub(crate) async fn refuses_one_more<R: Send + 'static>(
    stack: impl Stack<R>,
    gate: &Gate,
    good: impl Fn(u32) -> R,
) {
    let first = hanging(&stack, gate, good(1)).await;
    let refused = refusal(stack.clone().oneshot(good(2)).await);
    assert_eq!(refused.reason, Reason::Full);
    gate.set(Mode::Open);
    first.await.unwrap().unwrap();
    stack.oneshot(good(2)).await.unwrap();
}

/// The next one waits for its turn, and the one after is refused.
pub(crate) async fn waits_for_its_turn<R: Send + 'static>(
    stack: impl Stack<R>,
    bulkhead: &Bulkhead<Queue>,
    gate: &Gate,
    good: impl Fn(u32) -> R,
) {
    let first = hanging(&stack, gate, good(1)).await;
    let second = tokio::spawn(stack.clone().oneshot(good(2)));
    while bulkhead.snapshot().queued == 0 {
        tokio::task::yield_now().await;
    }
    let third = refusal(stack.clone().oneshot(good(3)).await);
    assert_eq!(third.reason, Reason::QueueFull);
    assert_eq!(gate.came(), 1, "the second has not reached the handler");
    gate.set(Mode::Open);
    for call in join_all([first, second]).await {
        call.unwrap().unwrap();
    }
}

/// It is not ready as long as it is full.
pub(crate) async fn is_not_ready_for_one_more<R: Send + 'static>(
    stack: impl Stack<R>,
    gate: &Gate,
    good: impl Fn(u32) -> R,
) {
    let first = hanging(&stack, gate, good(1)).await;
    assert!(stack.clone().ready().now_or_never().is_none());
    gate.set(Mode::Open);
    first.await.unwrap().unwrap();
    stack.clone().ready().await.unwrap();
}

/// The caller is told when time is up, and the place is free again.
pub(crate) async fn gives_up<R: Send + 'static, S: Stack<R>>(
    stack: S,
    is_late: impl Fn(&Error<<S::Error as HandlerFailure>::Own>) -> bool,
    gate: &Gate,
    good: impl Fn(u32) -> R,
) {
    let start = tokio::time::Instant::now();
    let late = hanging(&stack, gate, good(1)).await;
    let late = late.await.unwrap().unwrap_err().flatten();
    assert!(is_late(&late), "{late:?}");
    assert_eq!(start.elapsed(), LIMIT);
    gate.until_waiting(0).await;
    gate.set(Mode::Open);
    stack.oneshot(good(2)).await.unwrap();
}

/// A call that hangs in the handler.
pub(crate) async fn hanging<R: Send + 'static, S: Stack<R>>(
    stack: &S,
    gate: &Gate,
    request: R,
) -> JoinHandle<Result<S::Response, S::Error>> {
    gate.set(Mode::Hangs);
    let call = tokio::spawn(stack.clone().oneshot(request));
    gate.until_waiting(1).await;
    call
}

#[track_caller]
pub(crate) fn refusal<T: Debug, E: HandlerFailure<Own: Debug>>(answer: Result<T, E>) -> Rejected {
    match answer.map_err(HandlerFailure::flatten) {
        Err(Error::Rejected(why)) => why,
        other => panic!("a refusal, not: {other:?}"),
    }
}
