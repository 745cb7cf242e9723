//! The columns of the matrix: what each layer must do at every place. A place gets the handle and the shop, puts the
//! layer between the shop and its callers, and hands back the callers.

use std::{pin::pin, time::Duration};

use futures::future::{Either, join_all, select};
use tokio::{
    runtime::Builder,
    task::{JoinHandle, yield_now},
    time::Instant,
};
use watertight::{
    Bulkhead, CircuitBreaker, Fallback, Handled, Queue, Reason, Timeout, Window, grpc,
    http::{self, ClientBuilder, ServerStack},
};

use crate::{
    callers::Callers,
    heard::Heard,
    shop::{Ask, ROSES, Shop},
};

pub(crate) const SORRY: &str = "no roses today";
const TRIP_AT: usize = 3;
const PLACES: usize = 20;
pub(crate) const SOON: Duration = Duration::from_secs(5);

/// Three failures open one circuit for all callers, one after the other and all at once.
pub(crate) fn one_circuit<F: Future<Output = Callers>>(
    place: impl FnOnce(CircuitBreaker, Shop) -> F,
) {
    with_threads(async {
        let shop = Shop::new();
        let breaker = CircuitBreaker::builder("shop")
            .window(Window::calls(10))
            .minimum_calls(TRIP_AT as u32)
            .open_for(Duration::from_secs(60));
        let breaker = breaker.build().unwrap();
        let mut callers = place(breaker.clone(), shop.clone()).await;
        let mut heard = callers.in_turn(Ask::Fail).await;
        heard.extend(all(callers.at_once(Ask::Fail)).await);
        assert_eq!(heard[..TRIP_AT], vec![Heard::Failed; TRIP_AT]);
        for refusal in &heard[TRIP_AT..] {
            assert!(refusal.is_refusal(Reason::Open), "{refusal:?}");
            assert!(refusal.knows_when(), "{refusal:?}");
        }
        assert_eq!(shop.reached(), TRIP_AT);
        breaker.reset();
        assert_eq!(callers.ask(Ask::Answer).await, Heard::said(ROSES));
    });
}

/// One permit for all callers: never two are inside, and the others are refused at once.
pub(crate) fn one_limit<F: Future<Output = Callers>>(place: impl FnOnce(Bulkhead, Shop) -> F) {
    with_threads(async {
        let shop = Shop::new();
        let bulkhead = Bulkhead::builder("shop").max_concurrent(1).build().unwrap();
        let mut callers = place(bulkhead.clone(), shop.clone()).await;
        one_is_served_and_the_others_refused(&mut callers, &bulkhead, &shop).await;
    });
}

/// One permit and a queue for all callers: never two are inside, and whoever finds a place in the queue is served.
pub(crate) fn one_queue<F: Future<Output = Callers>>(
    place: impl FnOnce(Bulkhead<Queue>, Shop) -> F,
) {
    with_threads(async {
        let shop = Shop::new();
        let bulkhead = Bulkhead::builder("shop").max_concurrent(1).queue(PLACES);
        let bulkhead = bulkhead.build().unwrap();
        let mut callers = place(bulkhead.clone(), shop.clone()).await;
        let refused = callers.len() - PLACES - 1;
        let calls = callers.at_once(Ask::Wait);
        until(|| bulkhead.snapshot().queue_full == refused as u64).await;
        until(|| shop.reached() == 1 && bulkhead.snapshot().queued == PLACES).await;
        shop.open_gate(PLACES + 1);
        let heard = all(calls).await;
        let served = heard.iter().filter(|heard| **heard == Heard::said(ROSES));
        assert_eq!(served.count(), PLACES + 1);
        let refusals = heard.iter().filter(|it| it.is_refusal(Reason::QueueFull));
        assert_eq!(refusals.count(), refused);
        assert_eq!((shop.reached(), shop.most_at_once()), (PLACES + 1, 1));
    });
}

/// Who hangs is given up for every caller, and who answers is not.
pub(crate) fn in_time<F: Future<Output = Callers>>(place: impl FnOnce(Timeout, Shop) -> F) {
    on_paused_time(async {
        let timeout = Timeout::builder("shop").duration(SOON).build().unwrap();
        let mut callers = place(timeout, Shop::new()).await;
        answers_come_and_hangs_are_given_up(&mut callers).await;
    });
}

/// The layer's own limit holds, and so does what the caller has left; for who has nothing left, nothing is done.
pub(crate) fn by_the_deadline<F: Future<Output = Callers>>(place: impl FnOnce(Timeout, Shop) -> F) {
    on_paused_time(async {
        let shop = Shop::new();
        let limit = Timeout::builder("shop").duration(SOON).build().unwrap();
        let mut callers = place(limit, shop.clone()).await;
        let start = Instant::now();
        let heard = callers.ask_within(Ask::Hang, SOON / 5).await;
        assert!(heard.is_refusal(Reason::TimedOut), "{heard:?}");
        assert!(start.elapsed() < SOON);
        let reached = shop.reached();
        let heard = callers.ask_within(Ask::Answer, Duration::ZERO).await;
        assert!(heard.is_refusal(Reason::DeadlinePassed), "{heard:?}");
        assert_eq!(shop.reached(), reached);
        answers_come_and_hangs_are_given_up(&mut callers).await;
    });
}

/// Every failure gets the other answer, and answers stay what they are.
pub(crate) fn another_answer<F: Future<Output = Callers>>(place: impl FnOnce(Fallback, Shop) -> F) {
    with_threads(async {
        let fallback = Fallback::builder("shop").build().unwrap();
        let mut callers = place(fallback.clone(), Shop::new()).await;
        for heard in callers.in_turn(Ask::Fail).await {
            assert_eq!(heard, Heard::said(SORRY));
        }
        for heard in all(callers.at_once(Ask::Answer)).await {
            assert_eq!(heard, Heard::said(ROSES));
        }
        let answered = fallback.snapshot().handled(Handled::Answered);
        assert_eq!(answered, callers.len() as u64);
    });
}

/// The standard stack of a server: one limit for all callers, and a deadline.
pub(crate) fn as_a_server<F: Future<Output = Callers>>(place: impl FnOnce(ServerStack, Shop) -> F) {
    let stack = http::server("shop").max_concurrent(1).total(SOON);
    let stack = stack.build().unwrap();
    let bulkhead = stack.bulkhead().clone();
    as_any_server(&bulkhead, |shop| place(stack, shop));
}

/// The same for gRPC. The shop is a health service, which passes unless it is said not to.
pub(crate) fn as_a_grpc_server<F: Future<Output = Callers>>(
    place: impl FnOnce(grpc::ServerStack, Shop) -> F,
) {
    let stack = grpc::server("shop").max_concurrent(1).total(SOON);
    let stack = stack.exempt([""; 0]).build().unwrap();
    let bulkhead = stack.bulkhead().clone();
    as_any_server(&bulkhead, |shop| place(stack, shop));
}

fn as_any_server<F: Future<Output = Callers>>(bulkhead: &Bulkhead, place: impl FnOnce(Shop) -> F) {
    on_paused_time(async {
        let shop = Shop::new();
        let mut callers = place(shop.clone()).await;
        let limited = one_is_served_and_the_others_refused(&mut callers, bulkhead, &shop);
        while_the_clock_stands(limited).await;
        bulkhead.resize(callers.len());
        answers_come_and_hangs_are_given_up(&mut callers).await;
    });
}

/// The standard stack of a gRPC server: who asks for its health is answered, also when there is no place for anybody.
pub(crate) fn with_health_checks<F: Future<Output = Callers>>(
    place: impl FnOnce(grpc::ServerStack, Shop) -> F,
) {
    with_threads(async {
        let stack = grpc::server("shop").max_concurrent(0).build().unwrap();
        let bulkhead = stack.bulkhead().clone();
        let mut callers = place(stack, Shop::new()).await;
        for heard in all(callers.at_once(Ask::Answer)).await {
            assert_eq!(heard, Heard::said(ROSES));
        }
        assert_eq!(bulkhead.snapshot().submitted, 0);
    });
}

/// The standard stack of a client: failures are tried again and open the circuit, and a hang is given up.
pub(crate) fn as_a_client<F: Future<Output = Callers>>(place: impl Fn(ClientBuilder, Shop) -> F) {
    as_a_client_that_tries(TRIP_AT, place);
}

/// The same for requests that cannot be sent twice.
pub(crate) fn as_a_client_that_tries<F: Future<Output = Callers>>(
    attempts: usize,
    place: impl Fn(ClientBuilder, Shop) -> F,
) {
    on_paused_time(async {
        let shop = Shop::new();
        let stack = http::client("shop").circuit_breaker(|breaker| {
            let breaker = breaker.window(Window::calls(10));
            breaker.minimum_calls(TRIP_AT as u32)
        });
        let stack = stack.retries(|retries| retries.delay = Duration::ZERO);
        let mut callers = place(stack, shop.clone()).await;
        while_the_clock_stands(async {
            for call in 1..=TRIP_AT / attempts {
                assert_eq!(callers.ask(Ask::Fail).await, Heard::Failed);
                assert_eq!(shop.reached(), call * attempts);
            }
            for heard in all(callers.at_once(Ask::Answer)).await {
                assert!(heard.is_refusal(Reason::Open), "{heard:?}");
            }
        })
        .await;
        assert_eq!(shop.reached(), TRIP_AT);

        let stack = http::client("shop").retries(|retries| retries.attempts = 1);
        let mut callers = place(stack, shop).await;
        let heard = callers.ask(Ask::Hang).await;
        assert!(heard.is_refusal(Reason::TimedOut), "{heard:?}");
    });
}

async fn one_is_served_and_the_others_refused(
    callers: &mut Callers,
    bulkhead: &Bulkhead,
    shop: &Shop,
) {
    let calls = callers.at_once(Ask::Wait);
    until(|| bulkhead.snapshot().full == callers.len() as u64 - 1).await;
    until(|| shop.reached() == 1).await;
    shop.open_gate(1);
    let heard = all(calls).await;
    let served = heard.iter().filter(|heard| **heard == Heard::said(ROSES));
    assert_eq!(served.count(), 1);
    let refusals = heard.iter().filter(|it| it.is_refusal(Reason::Full));
    assert_eq!(refusals.count(), callers.len() - 1);
    // Nobody knows when a permit will be free.
    assert!(heard.iter().all(|heard| !heard.knows_when()), "{heard:?}");
    assert_eq!((shop.reached(), shop.most_at_once()), (1, 1));
}

async fn answers_come_and_hangs_are_given_up(callers: &mut Callers) {
    let answers = all(callers.at_once(Ask::Answer));
    for heard in while_the_clock_stands(answers).await {
        assert_eq!(heard, Heard::said(ROSES));
    }
    for heard in all(callers.at_once(Ask::Hang)).await {
        assert!(heard.is_refusal(Reason::TimedOut), "{heard:?}");
    }
}

pub(crate) async fn all(calls: Vec<JoinHandle<Heard>>) -> Vec<Heard> {
    let heard = join_all(calls).await.into_iter();
    heard.map(|heard| heard.expect("no call panics")).collect()
}

pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        yield_now().await;
    }
}

/// A paused clock goes on when there is nothing to do, and takes a wait for a socket for that.
pub(crate) async fn while_the_clock_stands<F: Future>(future: F) -> F::Output {
    let busy = until(|| false);
    match select(pin!(future), pin!(busy)).await {
        Either::Left((output, _)) => output,
        Either::Right(_) => unreachable!("it is never done"),
    }
}

pub(crate) fn with_threads<F: Future>(test: F) -> F::Output {
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(test)
}

pub(crate) fn on_paused_time<F: Future>(test: F) -> F::Output {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    runtime.unwrap().block_on(test)
}
