//! A fault plan does to a service what its script says, and nothing else.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use tokio::time::{Instant, advance, timeout};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_testing::{
    Ended, Fault, FaultLayer, FaultPlan, Ledger, LedgerService, MAX_RULES, Rule,
};

const SECOND: Duration = Duration::from_secs(1);

fn under_test(
    plan: &FaultPlan<u32>,
    ledger: &Ledger,
) -> impl Service<u32, Response = u32, Error = &'static str, Future: Send> + Clone + use<> {
    let dependency = service_fn(async |n: u32| Ok::<_, &str>(n));
    let dependency = LedgerService::new(dependency, ledger.clone());
    FaultLayer::failing(plan.clone(), || "injected").layer(dependency)
}

#[tokio::test(start_paused = true)]
async fn without_rules_nothing_happens() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    assert_eq!(under_test(&plan, &ledger).oneshot(1).await, Ok(1));
    assert_eq!((plan.calls(), plan.injected()), (1, 0));
    ledger.assert_calls(1);
}

#[tokio::test(start_paused = true)]
async fn an_error_never_reaches_the_service() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    plan.set([Fault::error()]).unwrap();
    assert_eq!(under_test(&plan, &ledger).oneshot(1).await, Err("injected"));
    ledger.assert_calls(0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_an_error_although_the_work_was_done() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    plan.set([Fault::lost_answer()]).unwrap();
    assert_eq!(under_test(&plan, &ledger).oneshot(1).await, Err("injected"));
    assert_eq!(ledger.ended(Ended::Ok), 1);
}

#[tokio::test(start_paused = true)]
async fn latency_is_fixed_or_within_its_bounds() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    let service = under_test(&plan, &ledger);
    plan.set([Fault::latency(SECOND)]).unwrap();
    let start = Instant::now();
    service.clone().oneshot(1).await.unwrap();
    assert_eq!(start.elapsed(), SECOND);
    plan.set([Fault::latency_between(SECOND, 3 * SECOND)])
        .unwrap();
    let mut seen = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        service.clone().oneshot(1).await.unwrap();
        seen.push(start.elapsed());
    }
    // Tokio's timers are exact to the millisecond.
    let bounds = SECOND..=3 * SECOND + Duration::from_millis(1);
    assert!(seen.iter().all(|took| bounds.contains(took)), "{seen:?}");
    assert!(seen.iter().any(|took| *took > 2 * SECOND), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hang_lasts_longer_than_any_patience() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    plan.set([Fault::hang()]).unwrap();
    let call = under_test(&plan, &ledger).oneshot(1);
    timeout(3_600 * SECOND, call).await.unwrap_err();
    ledger.assert_calls(0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_happens_in_call_or_in_poll() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    let mut service = under_test(&plan, &ledger);
    plan.set([Fault::panic_in_call()]).unwrap();
    service.ready().await.unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| service.call(1))).is_err());
    plan.set([Fault::panic_in_poll()]).unwrap();
    let mut call = task::spawn(service.call(1));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_phase_starts_late_and_ends() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    let service = under_test(&plan, &ledger);
    plan.set([Rule::new(Fault::error())
        .starting(2 * SECOND)
        .lasting(5 * SECOND)])
        .unwrap();
    let mut failed = Vec::new();
    for second in 0..10 {
        if service.clone().oneshot(1).await.is_err() {
            failed.push(second);
        }
        advance(SECOND).await;
    }
    assert_eq!(failed, [2, 3, 4, 5, 6]);
}

#[tokio::test(start_paused = true)]
async fn rules_pick_by_number_and_by_request_and_the_first_decides() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    let service = under_test(&plan, &ledger);
    plan.set([
        Rule::new(Fault::lost_answer()).nth(2),
        Rule::new(Fault::error()).every(2).calls(1..=6),
        Rule::new(Fault::error()).when(|n: &u32| *n == 99),
    ])
    .unwrap();
    let mut failed = Vec::new();
    for (call, request) in (1..).zip([0, 0, 0, 0, 99, 0, 0, 0]) {
        if service.clone().oneshot(request).await.is_err() {
            failed.push(call);
        }
    }
    assert_eq!(failed, [2, 4, 5, 6]);
    // The second call was done and lost, the others never sent.
    ledger.assert_calls(5);
}

#[tokio::test(start_paused = true)]
async fn a_share_is_near_its_figure_and_the_same_for_the_same_seed() {
    async fn failed(seed: u64) -> Vec<u32> {
        let (plan, ledger) = (FaultPlan::seeded(seed), Ledger::new());
        let service = under_test(&plan, &ledger);
        plan.set([Rule::new(Fault::error()).share(0.3)]).unwrap();
        let mut failed = Vec::new();
        for n in 0..1_000 {
            if service.clone().oneshot(n).await.is_err() {
                failed.push(n);
            }
        }
        failed
    }
    let first = failed(7).await;
    assert!((250..=350).contains(&first.len()), "{}", first.len());
    assert_eq!(first, failed(7).await);
    assert_ne!(first, failed(8).await);
}

#[tokio::test(start_paused = true)]
async fn a_plan_changes_while_calls_are_in_flight() {
    let (plan, ledger) = (FaultPlan::seeded(1), Ledger::new());
    let service = under_test(&plan, &ledger);
    plan.set([Fault::hang()]).unwrap();
    let mut hung = task::spawn(service.clone().oneshot(1));
    assert_pending!(hung.poll());
    plan.clear();
    let mut call = task::spawn(service.oneshot(2));
    assert_eq!(assert_ready_ok!(call.poll()), 2);
    assert_pending!(hung.poll());
}

#[test]
fn a_script_is_bounded_and_makes_sense() {
    let plan = FaultPlan::<()>::seeded(1);
    plan.set([Fault::hang()]).unwrap();
    let endless = std::iter::repeat(Fault::error());
    assert_eq!(plan.set(endless).unwrap_err().field(), "rules");
    let rule = || Rule::new(Fault::error());
    let backwards = Fault::latency_between(2 * SECOND, SECOND);
    for (rule, field) in [
        (rule().share(1.5), "share"),
        (rule().share(f64::NAN), "share"),
        (rule().every(0), "every"),
        (rule().nth(0), "calls"),
        (Rule::new(backwards), "delay"),
    ] {
        assert_eq!(plan.set([rule]).unwrap_err().field(), field);
    }
    assert_eq!(plan.faults(), [Fault::hang()]);
    plan.set(std::iter::repeat_n(Fault::error(), MAX_RULES))
        .unwrap();
}
