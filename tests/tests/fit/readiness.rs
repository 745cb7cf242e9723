//! Inner services that mind who was polled ready: they panic when called without, and give a place away for each time
//! they said yes. Everybody must be served before, between and after whatever a layer does.

use std::time::Duration;

use futures::future::join_all;
use tokio::{runtime::Builder, time::advance};
use watertight::{
    Bulkhead, CircuitBreaker, Fallback, Queue, Reason, Timeout,
    http::{self, ClientBuilder, ServerBuilder},
};

use crate::{
    callers::{CALLERS, Callers},
    checks::SORRY,
    heard::Heard,
    shop::{Ask, ROSES, Shop},
};

const SECOND: Duration = Duration::from_secs(1);

/// An open circuit asks for no readiness, and one that was opened in between gives it back.
pub(crate) fn circuit<F: Future<Output = Callers>>(place: impl FnOnce(CircuitBreaker, Shop) -> F) {
    let breaker = CircuitBreaker::builder("shop").build().unwrap();
    everybody_is_served(
        |shop| place(breaker.clone(), shop),
        async |callers| {
            breaker.force_open("inventory");
            all_hear(callers, Ask::Answer, |it| it.is_refusal(Reason::ForcedOpen)).await;
            breaker.reset();
        },
    );
}

pub(crate) fn limit<F: Future<Output = Callers>>(place: impl FnOnce(Bulkhead, Shop) -> F) {
    let bulkhead = Bulkhead::builder("shop").max_concurrent(CALLERS).build();
    let bulkhead = bulkhead.unwrap();
    everybody_is_served(
        |shop| place(bulkhead.clone(), shop),
        async |callers| {
            bulkhead.resize(0);
            all_hear(callers, Ask::Answer, |it| it.is_refusal(Reason::Full)).await;
            bulkhead.resize(CALLERS);
        },
    );
}

/// The queue keeps what it readied for as long as a call waits.
pub(crate) fn queue<F: Future<Output = Callers>>(place: impl FnOnce(Bulkhead<Queue>, Shop) -> F) {
    let bulkhead = Bulkhead::builder("shop").max_concurrent(1).queue(CALLERS);
    let bulkhead = bulkhead.max_wait(SECOND * 60).build().unwrap();
    everybody_is_served(
        |shop| place(bulkhead.clone(), shop),
        async |callers| {
            let held = bulkhead.try_acquire().expect("nobody is inside");
            all_hear(callers, Ask::Answer, |it| {
                it.is_refusal(Reason::WaitedTooLong)
            })
            .await;
            drop(held);
        },
    );
}

pub(crate) fn timeout<F: Future<Output = Callers>>(place: impl FnOnce(Timeout, Shop) -> F) {
    let timeout = Timeout::builder("shop").duration(SECOND).build().unwrap();
    everybody_is_served(|shop| place(timeout, shop), hangs_are_given_up);
}

pub(crate) fn fallback<F: Future<Output = Callers>>(place: impl FnOnce(Fallback, Shop) -> F) {
    let fallback = Fallback::builder("shop").build().unwrap();
    everybody_is_served(
        |shop| place(fallback, shop),
        async |callers| all_hear(callers, Ask::Fail, |it| *it == Heard::said(SORRY)).await,
    );
}

pub(crate) fn server_stack<F: Future<Output = Callers>>(
    place: impl FnOnce(ServerBuilder, Shop) -> F,
) {
    let stack = http::server("shop").total(SECOND);
    everybody_is_served(|shop| place(stack, shop), hangs_are_given_up);
}

pub(crate) fn client_stack<F: Future<Output = Callers>>(
    place: impl FnOnce(ClientBuilder, Shop) -> F,
) {
    let stack = http::client("shop")
        .total(SECOND * 600)
        .attempt(SECOND * 60);
    let stack =
        stack.circuit_breaker(|breaker| breaker.no_failure_rate().consecutive_failures(1_000));
    everybody_is_served(|shop| place(stack, shop), hangs_are_given_up);
}

async fn hangs_are_given_up(callers: &mut Callers) {
    all_hear(callers, Ask::Hang, |it| it.is_refusal(Reason::TimedOut)).await;
}

fn everybody_is_served<F: Future<Output = Callers>>(
    place: impl FnOnce(Shop) -> F,
    trouble: impl AsyncFnOnce(&mut Callers),
) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let shop = Shop::new();
        let mut callers = place(shop.clone()).await;
        all_are_served(&mut callers).await;
        trouble(&mut callers).await;
        all_are_served(&mut callers).await;
        let (before, calls) = (shop.reached(), callers.at_once(Ask::Wait));
        while shop.reached() == before {
            advance(SECOND / 1_000).await;
        }
        // Some are inside, some wait until they are ready, and all go away.
        for call in &calls {
            call.abort();
        }
        let gone = join_all(calls).await;
        assert!(gone.iter().all(Result::is_err));
        all_are_served(&mut callers).await;
    });
}

async fn all_are_served(callers: &mut Callers) {
    for heard in callers.in_turn(Ask::Answer).await {
        assert_eq!(heard, Heard::said(ROSES));
    }
    all_hear(callers, Ask::Answer, |it| *it == Heard::said(ROSES)).await;
}

async fn all_hear(callers: &mut Callers, ask: Ask, expected: impl Fn(&Heard) -> bool) {
    for heard in join_all(callers.at_once(ask)).await {
        let heard = heard.expect("nobody is called who was not ready");
        assert!(expected(&heard), "{heard:?}");
    }
}
