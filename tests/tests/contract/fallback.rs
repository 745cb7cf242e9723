use watertight::{
    Failure, Fallback, FallbackLayer, FallbackValue, Only, Stale,
    testing::{
        contract::{Contract, ProbeError, Rule},
        layer_contract_tests,
    },
};

const ANSWERED: &str = "errors get another answer: that is what it is for";

fn fallback() -> FallbackLayer {
    FallbackLayer::new(Fallback::default())
}

fn stale() -> Stale<u32, u32> {
    Stale::builder(crate::LONG).build().unwrap()
}

layer_contract_tests! {
    without_strategy => Contract::plain(fallback),
    boxed => Contract::boxed(|| FallbackLayer::boxed(Fallback::default())),
    for_http => Contract::http(|| FallbackLayer::for_http(Fallback::default())),
    for_timeouts_only => Contract::plain(|| fallback().when(Only::timeouts(), FallbackValue::new(0_u32))),
    value => Contract::plain(|| fallback().value(0_u32)).except(Rule::InnerError, ANSWERED),
    respond_with => Contract::plain(|| fallback().respond_with(|_| 0_u32))
        .except(Rule::InnerError, ANSWERED),
    recovering_nothing => Contract::plain(|| {
        fallback().recover(|failure: Failure<u32, ProbeError, ()>| failure.result)
    }),
    recovering_nothing_later => Contract::plain(|| {
        fallback().recover_async(async |failure: Failure<u32, ProbeError, ()>| failure.result)
    }),
    backup => Contract::plain(|| {
        let backup = tower::service_fn(async |n: u32| Ok::<_, ProbeError>(n));
        fallback().capture(|n: &u32| *n).backup(backup)
    })
    .except(Rule::InnerError, ANSWERED),
    last_good => Contract::plain(|| fallback().capture(|n: &u32| *n).stale(stale())),
}
