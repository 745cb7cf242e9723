use std::time::Duration;

use watertight::{
    BodyTimeoutLayer, BoxError, ClientDeadlineLayer, DeadlineLayer, TimeoutLayer,
    testing::{
        contract::{Contract, Rule},
        layer_contract_tests,
    },
};

use crate::LONG;

const IN_FUTURE: &str = "the future readies an instance of its own, to give up on it";

layer_contract_tests! {
    new => Contract::plain(|| TimeoutLayer::new(LONG)),
    boxed => Contract::boxed(|| TimeoutLayer::boxed(LONG)),
    for_http => Contract::http(|| TimeoutLayer::for_http(LONG)),
    for_grpc => Contract::http(|| TimeoutLayer::for_grpc(LONG)),
    per_request => Contract::plain(|| {
        TimeoutLayer::new(LONG).per_request(|_: &u32, usual: Duration| Some(usual * 2))
    }),
    without_limit => Contract::plain(|| {
        TimeoutLayer::new(LONG).per_request(|_: &u32, _: Duration| None)
    }),
    responding => Contract::plain(|| TimeoutLayer::new(LONG).respond_with(|_| 0_u32)),
    failing => Contract::boxed(|| TimeoutLayer::new(LONG).fail_with(BoxError::from)),
    with_readiness => Contract::plain(|| TimeoutLayer::new(LONG).with_readiness(LONG))
        .except(Rule::OneCallPerReadiness, IN_FUTURE)
        .except(Rule::CloneIsNotReady, IN_FUTURE)
        .except(Rule::PendingReadiness, IN_FUTURE)
        .except(Rule::ReadinessError, IN_FUTURE)
        .except(Rule::StickyReadiness, IN_FUTURE)
        .except(Rule::CallInCall, IN_FUTURE),
    body => Contract::http(|| BodyTimeoutLayer::new().idle(LONG).total(LONG)),
    deadline => Contract::plain(|| DeadlineLayer::new(LONG)),
    deadline_for_http => Contract::http(|| DeadlineLayer::for_http(LONG)),
    deadline_for_grpc => Contract::http(|| DeadlineLayer::for_grpc(LONG)),
    client_deadline => Contract::plain(|| ClientDeadlineLayer::new(LONG)),
    client_deadline_http => Contract::http(|| ClientDeadlineLayer::http(LONG)),
    client_deadline_for_grpc => Contract::http(|| ClientDeadlineLayer::for_grpc(LONG)),

    refusing nothing_left => Contract::plain(|| DeadlineLayer::new(Duration::ZERO)),
    refusing nothing_left_for_http => Contract::http(|| DeadlineLayer::for_http(Duration::ZERO)),
    refusing nothing_left_for_clients => Contract::plain(|| ClientDeadlineLayer::new(Duration::ZERO)),
}
