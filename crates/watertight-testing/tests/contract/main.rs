//! The contract suite leaves good layers alone, and finds what is wrong with the others by the right rule.

mod finds;
mod flawed;
mod leaky;

use std::{collections::BTreeSet, time::Duration};

use tower::{
    limit::GlobalConcurrencyLimitLayer, load_shed::LoadShedLayer, timeout::TimeoutLayer,
    util::MapErrLayer,
};
use watertight_testing::{
    contract::{Contract, ProbeError, Rule},
    layer_contract_tests,
};

use self::{
    flawed::{Flaw, Flawed},
    leaky::{Leak, LeakyLimit},
};

const SHEDS: &str = "it is always ready, and sheds what comes meanwhile";

layer_contract_tests! {
    tower_timeout => Contract::boxed(|| TimeoutLayer::new(Duration::from_secs(1))),
    tower_map_err => Contract::plain(|| MapErrLayer::new(|error: ProbeError| error)),
    one_at_a_time tower_limit => Contract::plain(|| GlobalConcurrencyLimitLayer::new(1)),
    tower_load_shed => Contract::plain(LoadShedLayer::new)
        .except(Rule::OneCallPerReadiness, SHEDS)
        .except(Rule::CloneIsNotReady, SHEDS)
        .except(Rule::PendingReadiness, SHEDS),
    without_flaw => Contract::plain(|| Flawed(Flaw::Nothing)),
    one_at_a_time without_leak => Contract::plain(|| LeakyLimit::new(Leak::Nowhere)),
}

#[tokio::test(start_paused = true)]
async fn a_finding_names_the_rule_and_says_what_was_seen() {
    let contract = Contract::plain(|| Flawed(Flaw::CallsAtFirstPoll));
    let broken = contract.check(Rule::CallInCall).await.unwrap_err();
    assert_eq!(
        broken.to_string(),
        "the layer breaks `the_inner_service_is_called_in_call`: \
         when `call` returned, there had been 0 inner calls"
    );
}

#[test]
#[should_panic(expected = "the layer breaks `a_clone_is_not_ready`")]
fn asserting_panics_with_what_is_broken() {
    Contract::plain(|| Flawed(Flaw::ClonesReadiness)).assert_every_layer();
}

#[tokio::test(start_paused = true)]
async fn an_exception_that_nobody_needs_is_a_finding() {
    let contract = Contract::plain(|| Flawed(Flaw::Nothing)).except(Rule::CallInCall, "it waits");
    let broken = contract.check(Rule::CallInCall).await.unwrap_err();
    assert!(
        broken
            .seen
            .contains("no need for the exception \"it waits\"")
    );
}

#[test]
fn every_rule_is_in_one_set_and_has_a_name_of_its_own() {
    let sets = [&Rule::EVERY_LAYER[..], &Rule::SHARED_LIMIT, &Rule::REFUSING];
    let names: BTreeSet<_> = sets.concat().into_iter().map(Rule::name).collect();
    assert_eq!(names.len(), sets.concat().len());
}
