//! Each flaw is found by the rule that it breaks, and by no other but those that follow from it.

use watertight_testing::contract::{Contract, Dialect, Rule, Subject};

use crate::{
    flawed::{Flaw, Flawed},
    leaky::{Leak, LeakyLimit},
};

/// Which of these rules a layer breaks.
async fn broken<D, L>(contract: Contract<D, impl Fn() -> L>, rules: &[Rule]) -> Vec<Rule>
where
    D: Dialect,
    L: Subject<D>,
{
    let broken = contract.broken(rules).await;
    broken.iter().map(|broken| broken.rule).collect()
}

async fn broken_by(flaw: Flaw) -> Vec<Rule> {
    broken(Contract::plain(|| Flawed(flaw)), &Rule::EVERY_LAYER).await
}

async fn broken_by_refusing(flaw: Flaw) -> Vec<Rule> {
    broken(Contract::plain(|| Flawed(flaw)), &Rule::REFUSING).await
}

async fn broken_by_leak(leak: Leak) -> Vec<Rule> {
    let rules = [&Rule::EVERY_LAYER[..], &Rule::SHARED_LIMIT].concat();
    broken(Contract::plain(|| LeakyLimit::new(leak)), &rules).await
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_calls_a_clone_is_found() {
    assert_eq!(
        broken_by(Flaw::CallsAClone).await,
        [
            Rule::ReadiedInstance,
            Rule::OverConcurrencyLimit,
            Rule::OverBuffer,
            Rule::OverRateLimit
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_reserves_in_a_clone_is_found() {
    assert_eq!(
        broken_by(Flaw::ReservesInAClone).await,
        [
            Rule::ReadiedInstance,
            Rule::StickyReadiness,
            Rule::PendingReadiness,
            Rule::OverConcurrencyLimit,
            Rule::OverBuffer,
            Rule::OverRateLimit
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_loses_readiness_is_found() {
    assert_eq!(
        broken_by(Flaw::LosesReadiness).await,
        [Rule::StickyReadiness]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_stays_ready_after_a_call_is_found() {
    assert_eq!(
        broken_by(Flaw::KeepsReadiness).await,
        [
            Rule::ReadiedInstance,
            Rule::OneCallPerReadiness,
            Rule::OverConcurrencyLimit,
            Rule::OverBuffer,
            Rule::OverRateLimit
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_calls_twice_is_found() {
    assert_eq!(
        broken_by(Flaw::CallsTwice).await,
        [Rule::OneCallPerReadiness, Rule::OverConcurrencyLimit]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_clones_its_readiness_is_found() {
    assert_eq!(
        broken_by(Flaw::ClonesReadiness).await,
        [Rule::CloneIsNotReady]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_is_always_ready_is_found() {
    assert_eq!(
        broken_by(Flaw::IsAlwaysReady).await,
        [
            Rule::OneCallPerReadiness,
            Rule::CloneIsNotReady,
            Rule::PendingReadiness,
            Rule::OverConcurrencyLimit
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_polls_readiness_in_circles_is_found() {
    assert_eq!(
        broken_by(Flaw::PollsReadinessInCircles).await,
        [Rule::PendingReadiness]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_forgets_to_wake_for_readiness_is_found() {
    assert_eq!(
        broken_by(Flaw::ForgetsToWakeForReadiness).await,
        [Rule::PendingReadiness, Rule::OverConcurrencyLimit]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_loses_the_readiness_error_is_found() {
    assert_eq!(
        broken_by(Flaw::LosesTheReadinessError).await,
        [Rule::ReadinessError]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_changes_the_response_is_found() {
    assert_eq!(
        broken_by(Flaw::ChangesTheResponse).await,
        [Rule::PassesUnchanged]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_changes_the_request_is_found() {
    assert_eq!(
        broken_by(Flaw::ChangesTheRequest).await,
        [Rule::PassesUnchanged, Rule::InnerError]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_loses_the_error_is_found() {
    assert_eq!(broken_by(Flaw::LosesTheError).await, [Rule::InnerError]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_calls_at_the_first_poll_is_found() {
    assert_eq!(broken_by(Flaw::CallsAtFirstPoll).await, [Rule::CallInCall]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_polls_the_call_in_circles_is_found() {
    assert_eq!(
        broken_by(Flaw::PollsTheCallInCircles).await,
        [Rule::PendingCall, Rule::OverRateLimit]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_forgets_to_wake_the_call_is_found() {
    assert_eq!(
        broken_by(Flaw::ForgetsToWakeTheCall).await,
        [Rule::PendingCall, Rule::OverBuffer, Rule::OverRateLimit]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_spawns_the_call_is_found() {
    assert_eq!(
        broken_by(Flaw::SpawnsTheCall).await,
        [
            Rule::DroppedUnpolled,
            Rule::DroppedPending,
            Rule::PanicInFuture
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_swallows_panics_of_call_is_found() {
    assert_eq!(
        broken_by(Flaw::SwallowsPanicsOfCall).await,
        [Rule::PanicInCall]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_swallows_panics_of_the_future_is_found() {
    assert_eq!(
        broken_by(Flaw::SwallowsPanicsOfTheFuture).await,
        [Rule::PanicInFuture]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_refuses_from_poll_ready_is_found() {
    assert_eq!(
        broken_by_refusing(Flaw::RefusesFromPollReady).await,
        [Rule::RefusalInPollReady]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_holds_back_in_poll_ready_is_found() {
    assert_eq!(
        broken_by_refusing(Flaw::HoldsBackInPollReady).await,
        [Rule::RefusalInPollReady]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_never_answers_a_refusal_is_found() {
    assert_eq!(
        broken_by_refusing(Flaw::NeverAnswersARefusal).await,
        [Rule::RefusalAtOnce]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_calls_though_it_refuses_is_found() {
    assert_eq!(
        broken_by_refusing(Flaw::CallsThoughItRefuses).await,
        [Rule::RefusalReachesNobody]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_loses_a_permit_when_a_call_is_dropped_is_found() {
    assert_eq!(
        broken_by_leak(Leak::WhenACallIsDropped).await,
        [
            Rule::DroppedUnpolled,
            Rule::DroppedPending,
            Rule::PanicInFuture,
            Rule::OverConcurrencyLimit,
            Rule::OverBuffer
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_loses_a_permit_when_call_panics_is_found() {
    assert_eq!(
        broken_by_leak(Leak::WhenCallPanics).await,
        [Rule::PanicInCall]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_loses_a_permit_when_a_ready_service_is_dropped_is_found() {
    assert_eq!(
        broken_by_leak(Leak::WhenAReadyServiceIsDropped).await,
        [
            Rule::ReadyAndDropped,
            Rule::OverConcurrencyLimit,
            Rule::SharedLimit
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_has_a_limit_per_service_is_found() {
    assert_eq!(broken_by_leak(Leak::NotShared).await, [Rule::SharedLimit]);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_does_not_refuse_is_found() {
    assert_eq!(
        broken_by_refusing(Flaw::Nothing).await,
        [Rule::RefusalReachesNobody]
    );
}
