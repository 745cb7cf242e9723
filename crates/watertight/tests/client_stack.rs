//! The standard client stack: what its settings mean, and how its parts are watched and changed.

mod support;

use std::time::Duration;

use http::{Response, StatusCode};
use support::{Remote, SECOND, attempts, get, refusal};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, buffer::Buffer};
use watertight::{
    BuildError, CauseKind, Fallback, FallbackLayer, Handled, KeyLimits, Phase, Reason, Registry,
    State, Window,
    http::{ClientBuilder, ServerErrors, client},
};
use watertight_testing::{Fault, Rule};

fn conflicts(build: ClientBuilder) -> String {
    let error = build.clone().build().unwrap_err();
    let per_host = build.build_per_host(KeyLimits::default()).unwrap_err();
    assert_eq!(error, per_host);
    error.to_string()
}

#[test]
fn settings_that_contradict_each_other_are_errors_that_name_both() {
    let a = || client("a");
    for (build, expected) in [
        (
            a().total(SECOND),
            "`a`: `total` contradicts `attempt`: the total is shorter than one attempt",
        ),
        (
            a().attempt(SECOND * 11),
            "`a`: `total` contradicts `attempt`: the total is shorter than one attempt",
        ),
        (
            a().circuit_breaker(|breaker| breaker.window(Window::time(SECOND * 5))),
            "`a`: `window` contradicts `attempt`: the window is shorter than two attempts",
        ),
        (
            a().retries(|retries| retries.delay = SECOND * 2),
            "`a`: `retries.delay` contradicts `retries.max_delay`: the first wait is longer than the longest",
        ),
    ] {
        assert_eq!(conflicts(build), expected);
    }
    let fits = a().circuit_breaker(|breaker| breaker.window(Window::time(SECOND * 6)));
    assert!(fits.total(SECOND * 3).build().is_ok());
}

#[test]
fn settings_that_make_no_sense_are_errors_that_name_the_field() {
    let a = || client("a");
    for (build, field) in [
        (a().total(Duration::ZERO).attempt(Duration::ZERO), "total"),
        (a().attempt(Duration::ZERO), "attempt"),
        (a().max_concurrent(usize::MAX), "max_concurrent"),
        (a().queue(usize::MAX), "queue"),
        (a().retries(|it| it.attempts = 0), "retries.attempts"),
        (a().retries(|it| it.share = f32::NAN), "retries.share"),
        (a().retries(|it| it.share = -0.1), "retries.share"),
        (a().retries(|it| it.share = 1e-9), "retries.share"),
        (a().retries(|it| it.share = 1_001.0), "retries.share"),
        (
            a().retries(|it| it.min_per_second = u32::MAX),
            "retries.min_per_second",
        ),
        (a().circuit_breaker(|it| it.probes(0)), "probes"),
        (client(""), "name"),
    ] {
        let error = build.clone().build().unwrap_err();
        assert_eq!(error.field(), field, "{error}");
        assert!(build.build_per_host(KeyLimits::default()).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn durations_without_end_do_not_panic() {
    let endless = |stack: ClientBuilder| stack.total(Duration::MAX).attempt(Duration::MAX);
    let stack = endless(client("a")).retries(|retries| {
        retries.delay = Duration::MAX;
        retries.max_delay = Duration::MAX;
        retries.attempts = u32::MAX;
        retries.max_body = u64::MAX;
    });
    let remote = Remote::new();
    let service = stack.build().unwrap().layer(remote.client());
    assert!(service.clone().oneshot(get()).await.is_ok());
    remote.plan.set([Rule::new(Fault::error()).nth(1)]).unwrap();
    // Thirty years are as good as never: the deadline leaves no time for the pause.
    let failed = service.oneshot(get()).await.unwrap();
    assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_registry_finds_every_part_and_refuses_a_second_client_of_the_name() {
    let registry = Registry::new();
    let stack = client("payments").register(&registry).build().unwrap();
    let names = || {
        let all = registry.snapshots().into_iter();
        all.map(|part| format!("{} {}", part.kind, part.name))
            .collect::<Vec<_>>()
    };
    let all = [
        "bulkhead payments",
        "circuit_breaker payments",
        "timeout payments.attempt",
        "timeout payments.total",
    ];
    assert_eq!(names(), all);
    let second = client("payments").register(&registry).build();
    assert!(
        matches!(second, Err(BuildError::DuplicateName { ref name, .. }) if name.starts_with("payments"))
    );
    assert_eq!(names(), all, "what was half built is gone");
    let other = client("orders").register(&registry).build();
    assert!(other.is_ok());
    drop(stack);
    let again = client("payments").register(&registry).build();
    assert!(again.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_parts_can_be_changed_while_the_client_works() {
    let remote = Remote::new();
    let stack = client("payments").retries(attempts(1)).build().unwrap();
    let service = stack.layer(remote.client());
    stack.circuit_breaker().force_open("maintenance");
    let why = refusal(service.clone().oneshot(get()).await);
    assert_eq!((why.by, why.reason), ("payments", Reason::ForcedOpen));
    stack.circuit_breaker().reset();
    stack.bulkhead().resize(0);
    let why = refusal(service.clone().oneshot(get()).await);
    assert_eq!((why.by, why.reason), ("payments", Reason::Full));
    stack.bulkhead().resize(1);
    remote.plan.set([Fault::hang()]).unwrap();
    stack.attempt().set(SECOND / 2);
    let start = Instant::now();
    let why = refusal(service.clone().oneshot(get()).await);
    assert_eq!((why.by, start.elapsed()), ("payments.attempt", SECOND / 2));
    stack.total().set(SECOND / 4);
    let why = refusal(service.oneshot(get()).await);
    assert_eq!(
        (why.by, start.elapsed()),
        ("payments.total", SECOND * 3 / 4)
    );
    remote.ledger.assert_calls(2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_the_total_cuts_off_is_the_totals_and_a_failure_of_the_service() {
    let remote = Remote::new();
    remote.plan.set([Fault::hang()]).unwrap();
    let stack = client("payments").total(SECOND * 4).retries(attempts(2));
    let stack = stack.build().unwrap();
    let start = Instant::now();
    let why = refusal(stack.layer(remote.client()).oneshot(get()).await);
    assert_eq!(
        (why.by, why.reason, start.elapsed()),
        ("payments.total", Reason::TimedOut, SECOND * 4)
    );
    assert_eq!(stack.total().snapshot().elapsed(Phase::Total), 1);
    assert_eq!(stack.attempt().snapshot().elapsed(Phase::Response), 1);
    assert_eq!(stack.circuit_breaker().snapshot().counts.failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_may_take_as_long_as_any_other_attempt() {
    let remote = Remote::new();
    let stack = client("reports")
        .total(SECOND * 20)
        .attempt(SECOND * 20)
        .retries(attempts(1))
        .circuit_breaker(|breaker| breaker.consecutive_failures(1).probes(1))
        .build()
        .unwrap();
    let service = stack.layer(remote.client());
    remote.plan.set([Fault::error()]).unwrap();
    service.clone().oneshot(get()).await.unwrap();
    assert_eq!(stack.circuit_breaker().state(), State::Open);
    // Answers take longer than a circuit breaker of its own would wait for a probe.
    remote.plan.set([Fault::latency(SECOND * 12)]).unwrap();
    tokio::time::advance(SECOND * 5).await;
    let probe = tokio::spawn(service.clone().oneshot(get()));
    while remote.ledger.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(SECOND * 6).await;
    let why = refusal(service.oneshot(get()).await);
    assert_eq!(why.reason, Reason::ProbesTaken);
    probe.await.unwrap().unwrap();
    assert_eq!(stack.circuit_breaker().state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_errors_are_boxed_takes_a_boxed_classifier() {
    let remote = Remote::new();
    remote.plan.set([Fault::error()]).unwrap();
    let stack = client("payments").classify(ServerErrors::boxed());
    let stack = stack.retries(attempts(3)).build().unwrap();
    let service = stack.layer(Buffer::new(remote.client(), 1));
    assert!(service.clone().oneshot(get()).await.is_ok());
    remote.ledger.assert_calls(3);
    stack.circuit_breaker().force_open("maintenance");
    let error = service.oneshot(get()).await.unwrap_err();
    assert_eq!(error.rejected().unwrap().reason, Reason::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_answers_for_every_failure_and_every_refusal() {
    let fallback = Fallback::builder("roses").build().unwrap();
    let stack = client("roses")
        .max_concurrent(1)
        .queue(1)
        .retries(attempts(1))
        .circuit_breaker(|breaker| breaker.no_failure_rate().consecutive_failures(9))
        .build()
        .unwrap();
    let parts = stack.clone();
    let answer = |_| {
        Response::builder()
            .status(203)
            .body("ask us".into())
            .unwrap()
    };
    let stack = stack.with_fallback(FallbackLayer::for_http(fallback.clone()).respond_with(answer));
    let remote = Remote::new();
    let service = stack.layer(remote.client());
    let ask = async || service.clone().oneshot(get()).await.unwrap().status();
    remote.plan.set([Fault::error()]).unwrap();
    assert_eq!(ask().await, 203, "a broken answer");
    remote.plan.set([Fault::hang()]).unwrap();
    assert_eq!(ask().await, 203, "no answer in time");
    parts.circuit_breaker().force_open("maintenance");
    assert_eq!(ask().await, 203, "an open circuit");
    parts.bulkhead().resize(0);
    assert_eq!(ask().await, 203, "no permits at all");
    parts.bulkhead().resize(1);
    let _held = parts.bulkhead().try_acquire().unwrap();
    assert_eq!(ask().await, 203, "no permit before the deadline");
    let waits = tokio::spawn(service.clone().oneshot(get()));
    tokio::task::yield_now().await;
    assert_eq!(ask().await, 203, "a full queue");
    waits.abort();
    remote.ledger.assert_calls(2);
    let answered = |cause| fallback.snapshot().count(cause, Handled::Answered);
    let causes = [CauseKind::Response, CauseKind::TimedOut, CauseKind::Refused];
    assert_eq!(causes.map(answered), [1, 1, 4]);
}
