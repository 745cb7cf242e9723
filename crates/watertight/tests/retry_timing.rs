//! When the client stack makes another attempt, what pays for it, and what it holds meanwhile.

mod support;

use std::{future::ready, io, time::Duration};

use http::{Response, StatusCode, header};
use support::{MILLISECOND, Remote, Request, SECOND, attempts, get, refusal};
use tokio::time::{Instant, advance};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight::{
    Bulkhead, BulkheadLayer, Reason,
    http::{ClientBuilder, ClientStack, client},
};
use watertight_testing::{Ended, Fault, Ledger, LedgerLayer, Rule};

/// A service that answers 503 and asks its callers to stay away for so many seconds.
fn asks_for(
    seconds: u64,
) -> (
    ClientBuilder,
    Ledger,
    impl Service<Request, Response = Response<()>, Error = io::Error, Future: Send> + Clone,
) {
    let ledger = Ledger::new();
    let busy = service_fn(move |_: Request| {
        let answer = Response::builder().status(StatusCode::SERVICE_UNAVAILABLE);
        let answer = answer.header(header::RETRY_AFTER, seconds).body(());
        ready(Ok::<_, io::Error>(answer.unwrap()))
    });
    let stack = client("a").retries(|retries| {
        attempts(2)(retries);
        retries.max_delay = SECOND * 2;
    });
    (stack, ledger.clone(), LedgerLayer::new(ledger).layer(busy))
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_for() {
    let (stack, ledger, busy) = asks_for(2);
    let start = Instant::now();
    let answer = stack
        .build()
        .unwrap()
        .layer(busy)
        .oneshot(get())
        .await
        .unwrap();
    assert_eq!(
        (answer.status().as_u16(), start.elapsed()),
        (503, SECOND * 2)
    );
    ledger.assert_calls(2);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_wants_to_be_left_alone_for_longer_is_left_alone() {
    for seconds in [3, 60, u64::MAX] {
        let (stack, ledger, busy) = asks_for(seconds);
        let start = Instant::now();
        let answer = stack
            .build()
            .unwrap()
            .layer(busy)
            .oneshot(get())
            .await
            .unwrap();
        assert_eq!(
            (answer.status().as_u16(), start.elapsed()),
            (503, Duration::ZERO)
        );
        ledger.assert_calls(1);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_double_up_to_the_longest_less_a_repeatable_jitter() {
    let waits = async |seed| {
        let remote = Remote::new();
        remote.plan.set([Fault::error()]).unwrap();
        let stack = client("a").retries(|retries| {
            retries.attempts = 7;
            retries.delay = MILLISECOND * 100;
            retries.max_delay = SECOND;
            retries.seed = Some(seed);
        });
        let service = stack.build().unwrap().layer(remote.client());
        service.oneshot(get()).await.unwrap();
        let starts = remote.starts();
        starts
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect::<Vec<_>>()
    };
    let drawn = waits(7).await;
    for (wait, longest) in drawn.iter().zip([100, 200, 400, 800, 1_000, 1_000]) {
        let longest = MILLISECOND * longest;
        // tokio's timers are due at whole milliseconds.
        assert!(
            *wait >= longest / 2 && *wait <= longest + MILLISECOND,
            "{drawn:?}"
        );
    }
    assert_eq!(drawn.len(), 6);
    assert_eq!(drawn, waits(7).await);
    assert_ne!(drawn, waits(8).await);
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_made_that_the_deadline_would_cut_off_at_once() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let stack = client("a").total(SECOND * 3 + MILLISECOND * 50);
    let service = stack
        .retries(attempts(3))
        .build()
        .unwrap()
        .layer(remote.client());
    let start = Instant::now();
    let why = refusal(service.oneshot(get()).await);
    assert_eq!((why.by, start.elapsed()), ("a.attempt", SECOND * 3));
    remote.ledger.assert_calls(1);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_what_it_is_given_or_what_is_left_then_if_that_is_less() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let stack = client("a").total(SECOND * 8).retries(attempts(3));
    let stack = stack.build().unwrap();
    let why = refusal(stack.layer(remote.client()).oneshot(get()).await);
    assert_eq!(why.reason, Reason::TimedOut);
    let sent = remote
        .ledger
        .labels()
        .into_iter()
        .map(|left| left.parse().unwrap());
    let sent: Vec<_> = sent.map(Duration::from_millis).collect();
    let last = SECOND * 8 - remote.starts()[2];
    assert_eq!(sent, [SECOND * 3, SECOND * 3, last]);
    assert!(last < SECOND * 2, "{sent:?}");
}

/// The stack of a service that fails, whose circuit never opens, with so much of a budget.
fn budgeted(remote: &Remote, min_per_second: u32, share: f32) -> (ClientStack, impl AsyncFn()) {
    let stack = client("a")
        .retries(|retries| {
            attempts(2)(retries);
            retries.min_per_second = min_per_second;
            retries.share = share;
        })
        .circuit_breaker(|breaker| breaker.no_failure_rate().consecutive_failures(u32::MAX))
        .build()
        .unwrap();
    let service = stack.layer(remote.client());
    (stack, async move || {
        drop(service.clone().oneshot(get()).await);
    })
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_the_budget_bounds_the_retries() {
    let remote = Remote::new();
    let (_, call) = budgeted(&remote, 1, 0.0);
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..50 {
        call().await;
    }
    // One per second, over ten seconds.
    remote.ledger.assert_calls(50 + 10);
    advance(SECOND * 20).await;
    call().await;
    remote.ledger.assert_calls(62);
}

#[tokio::test(start_paused = true)]
async fn calls_that_succeed_pay_for_retries() {
    let remote = Remote::new();
    let (_, call) = budgeted(&remote, 0, 0.2);
    for _ in 0..10 {
        call().await;
    }
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..10 {
        call().await;
    }
    remote.ledger.assert_calls(10 + 10 + 2);
}

#[tokio::test(start_paused = true)]
async fn refused_calls_do_not_pay_for_retries() {
    let remote = Remote::new();
    let (stack, call) = budgeted(&remote, 0, 1.0);
    stack.circuit_breaker().force_open("maintenance");
    for _ in 0..50 {
        call().await;
    }
    stack.circuit_breaker().reset();
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..10 {
        call().await;
    }
    remote.ledger.assert_calls(10);
}

#[tokio::test(start_paused = true)]
async fn refusals_from_further_in_do_not_pay_either() {
    let remote = Remote::new();
    let (stack, _) = budgeted(&remote, 0, 1.0);
    let full = Bulkhead::builder("full").max_concurrent(0).build().unwrap();
    let service = stack.layer(BulkheadLayer::new(full.clone()).layer(remote.client()));
    for _ in 0..50 {
        service.clone().oneshot(get()).await.unwrap_err();
    }
    full.resize(1);
    remote.plan.set([Fault::error()]).unwrap();
    for _ in 0..10 {
        service.clone().oneshot(get()).await.unwrap();
    }
    remote.ledger.assert_calls(10);
}

#[tokio::test(start_paused = true)]
async fn one_permit_is_held_for_all_attempts_and_the_pauses_between_them() {
    let remote = Remote::new();
    remote.plan.set([Rule::new(Fault::error()).nth(1)]).unwrap();
    let stack = client("a")
        .max_concurrent(1)
        .retries(attempts(2))
        .build()
        .unwrap();
    let call = tokio::spawn(stack.layer(remote.client()).oneshot(get()));
    while remote.ledger.ended(Ended::Ok) == 0 {
        tokio::task::yield_now().await;
    }
    remote.ledger.assert_idle();
    assert_eq!(stack.bulkhead().snapshot().in_flight, 1);
    assert_eq!(call.await.unwrap().unwrap().status(), StatusCode::OK);
    let seen = stack.bulkhead().snapshot();
    assert_eq!((seen.in_flight, seen.completed), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_between_two_attempts_leaves_nothing_behind() {
    let remote = Remote::new();
    remote.plan.set([Fault::error()]).unwrap();
    let stack = client("a").retries(attempts(3)).build().unwrap();
    let call = tokio::spawn(stack.layer(remote.client()).oneshot(get()));
    while remote.ledger.ended(Ended::Ok) == 0 {
        tokio::task::yield_now().await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(stack.bulkhead().snapshot().in_flight, 0);
    advance(SECOND).await;
    remote.ledger.assert_calls(1);
}
