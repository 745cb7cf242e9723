//! `connector_layer` of reqwest: what is guarded is the making of connections. There is no fallback here, because
//! nobody but reqwest can make one.

use reqwest::Client;
use tower::BoxError;
use watertight::{
    Bulkhead, BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, ClientDeadlineLayer, Reason,
    Timeout, TimeoutLayer, Window,
    testing::{Fault, FaultLayer, FaultPlan},
};

use crate::{
    callers::CALLERS,
    checks::{SOON, all, on_paused_time, until, while_the_clock_stands, with_threads},
    heard::Heard,
    on_reqwest::callers,
    shop::{Ask, ROSES, Shop},
    sockets::bare,
};

#[test]
fn connector_layer_shares_one_circuit() {
    with_threads(async {
        let breaker = CircuitBreaker::builder("shop").window(Window::calls(10));
        let breaker = breaker.minimum_calls(3).build().unwrap();
        let plan = FaultPlan::seeded(7);
        plan.set([Fault::error()]).unwrap();
        let client = Client::builder()
            .connector_layer(FaultLayer::failing(plan.clone(), no_route))
            .connector_layer(CircuitBreakerLayer::boxed(breaker.clone()))
            .build();
        let mut callers = callers(&client.unwrap(), bare(Shop::new()).await);
        let heard = callers.in_turn(Ask::Answer).await;
        assert_eq!(heard[..3], [Heard::Failed, Heard::Failed, Heard::Failed]);
        for refusal in &heard[3..] {
            assert!(refusal.is_refusal(Reason::Open), "{refusal:?}");
        }
        assert_eq!(plan.calls(), 3);
        plan.clear();
        breaker.reset();
        assert_eq!(callers.ask(Ask::Answer).await, Heard::said(ROSES));
    });
}

#[test]
fn connector_layer_shares_one_limit() {
    with_threads(async {
        let bulkhead = Bulkhead::builder("shop").max_concurrent(1).build().unwrap();
        let client = Client::builder().connector_layer(BulkheadLayer::boxed(bulkhead.clone()));
        let mut callers = callers(&client.build().unwrap(), bare(Shop::new()).await);
        let permit = bulkhead.try_acquire().unwrap();
        for refusal in all(callers.at_once(Ask::Answer)).await {
            assert!(refusal.is_refusal(Reason::Full), "{refusal:?}");
        }
        drop(permit);
        assert_eq!(callers.ask(Ask::Answer).await, Heard::said(ROSES));
    });
}

#[test]
fn connector_layer_shares_one_queue() {
    with_threads(async {
        let bulkhead = Bulkhead::builder("shop").max_concurrent(1).queue(CALLERS);
        let bulkhead = bulkhead.build().unwrap();
        let client = Client::builder().connector_layer(BulkheadLayer::boxed(bulkhead.clone()));
        let mut callers = callers(&client.build().unwrap(), bare(Shop::new()).await);
        let permit = bulkhead.try_acquire().unwrap();
        let calls = callers.at_once(Ask::Answer);
        until(|| bulkhead.snapshot().queued == CALLERS).await;
        drop(permit);
        for heard in all(calls).await {
            assert_eq!(heard, Heard::said(ROSES));
        }
    });
}

#[test]
fn connector_layer_gives_up_in_time() {
    on_paused_time(async {
        let timeout = Timeout::builder("shop").duration(SOON).build().unwrap();
        let plan = FaultPlan::seeded(7);
        let client = Client::builder()
            .connector_layer(FaultLayer::failing(plan.clone(), no_route))
            .connector_layer(TimeoutLayer::boxed(timeout))
            .build();
        let mut callers = callers(&client.unwrap(), bare(Shop::new()).await);
        plan.set([Fault::hang()]).unwrap();
        for heard in all(callers.at_once(Ask::Answer)).await {
            assert!(heard.is_refusal(Reason::TimedOut), "{heard:?}");
        }
        plan.clear();
        let answer = while_the_clock_stands(callers.ask(Ask::Answer)).await;
        assert_eq!(answer, Heard::said(ROSES));
    });
}

#[test]
fn connector_layer_keeps_the_deadline() {
    on_paused_time(async {
        let plan = FaultPlan::seeded(7);
        plan.set([Fault::hang()]).unwrap();
        let deadline = ClientDeadlineLayer::new(SOON * 1_000).fail_with(BoxError::from);
        let client = Client::builder()
            .connector_layer(FaultLayer::failing(plan.clone(), no_route))
            .connector_layer(deadline)
            .build();
        let mut callers = callers(&client.unwrap(), bare(Shop::new()).await);
        let start = tokio::time::Instant::now();
        let heard = callers.ask_within(Ask::Answer, SOON).await;
        assert!(heard.is_refusal(Reason::TimedOut), "{heard:?}");
        assert!(start.elapsed() < SOON * 2);
    });
}

fn no_route() -> BoxError {
    "no route to the shop".into()
}
