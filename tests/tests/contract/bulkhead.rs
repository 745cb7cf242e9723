use std::time::Duration;

use watertight::{
    BackPressure, Bulkhead, BulkheadBuilder, BulkheadLayer, KeyLimits, Keyed, Queue, Share,
    testing::{
        contract::{Contract, Rule},
        layer_contract_tests,
    },
};

use crate::LONG;

fn builder(limit: usize) -> BulkheadBuilder {
    Bulkhead::builder("email").max_concurrent(limit)
}

fn refusing(limit: usize) -> Bulkhead {
    builder(limit).build().unwrap()
}

fn queue(limit: usize) -> Bulkhead<Queue> {
    builder(limit).queue(2).max_wait(LONG).build().unwrap()
}

fn back_pressure(limit: usize) -> Bulkhead<BackPressure> {
    builder(limit).back_pressure().build().unwrap()
}

fn keyed(share: usize) -> Keyed<u32, Share> {
    let whole = builder(8).share_per_key(share);
    whole.keyed(KeyLimits::default()).unwrap()
}

layer_contract_tests! {
    new => Contract::plain(|| BulkheadLayer::new(refusing(2))),
    boxed => Contract::boxed(|| BulkheadLayer::boxed(refusing(2))),
    for_http => Contract::http(|| BulkheadLayer::for_http(refusing(2))),
    for_grpc => Contract::http(|| BulkheadLayer::for_grpc(refusing(2))),

    one_at_a_time of_one => Contract::plain(|| BulkheadLayer::new(refusing(1))),
    one_at_a_time until_body_end => Contract::http(|| {
        BulkheadLayer::for_http(refusing(1)).until_body_end()
    }),
    one_at_a_time by_key => Contract::plain(|| BulkheadLayer::keyed(keyed(1), |_: &u32| 0)),
    one_at_a_time with_exempt => Contract::plain(|| {
        BulkheadLayer::new(refusing(1).exempt(|n: &u32| *n > 1_000))
    }),
    one_at_a_time with_queue => Contract::plain(|| BulkheadLayer::new(queue(1))),
    one_at_a_time with_queue_boxed => Contract::boxed(|| BulkheadLayer::boxed(queue(1))),
    one_at_a_time with_queue_until_body_end => Contract::http(|| {
        BulkheadLayer::for_http(queue(1)).until_body_end()
    }),
    one_at_a_time with_back_pressure => Contract::plain(|| BulkheadLayer::new(back_pressure(1))),

    refusing shut => Contract::plain(|| BulkheadLayer::new(refusing(0))),
    refusing shut_for_http => Contract::http(|| BulkheadLayer::for_http(refusing(0))),
    refusing shut_by_key => Contract::plain(|| BulkheadLayer::keyed(keyed(0), |n: &u32| *n)),
    refusing no_wait => Contract::plain(|| {
        BulkheadLayer::new(builder(0).queue(1).max_wait(Duration::ZERO).build().unwrap())
    }),
    refusing shut_with_back_pressure => Contract::plain(|| BulkheadLayer::new(back_pressure(0)))
        .except(Rule::RefusalInPollReady, "not being ready is what back pressure is"),
}
