use watertight::{
    BoxError, CircuitBreaker, CircuitBreakerLayer, KeyLimits, Keyed, Rejected,
    testing::{contract::Contract, layer_contract_tests},
};

fn closed() -> CircuitBreaker {
    CircuitBreaker::builder("closed").build().unwrap()
}

fn open() -> CircuitBreaker {
    let breaker = closed();
    breaker.force_open("maintenance");
    breaker
}

fn keyed(
    breaker: impl Fn() -> CircuitBreaker + Send + Sync + 'static,
) -> Keyed<u32, CircuitBreaker> {
    Keyed::new(KeyLimits::default(), breaker(), move |_: &u32| breaker())
}

layer_contract_tests! {
    new => Contract::plain(|| CircuitBreakerLayer::new(closed())),
    boxed => Contract::boxed(|| CircuitBreakerLayer::boxed(closed())),
    for_http => Contract::http(|| CircuitBreakerLayer::for_http(closed())),
    for_grpc => Contract::http(|| CircuitBreakerLayer::for_grpc(closed())),
    until_body_end => Contract::http(|| CircuitBreakerLayer::for_http(closed()).until_body_end()),
    by_key => Contract::plain(|| CircuitBreakerLayer::keyed(keyed(closed), |n: &u32| n % 2)),
    responding => Contract::plain(|| CircuitBreakerLayer::new(closed()).respond_with(|_| 0_u32)),
    failing => Contract::boxed(|| CircuitBreakerLayer::boxed(closed()).fail_with(BoxError::from)),

    refusing open_new => Contract::plain(|| CircuitBreakerLayer::new(open())),
    refusing open_boxed => Contract::boxed(|| CircuitBreakerLayer::boxed(open())),
    refusing open_for_http => Contract::http(|| CircuitBreakerLayer::for_http(open())),
    refusing open_for_grpc => Contract::http(|| CircuitBreakerLayer::for_grpc(open())),
    refusing open_by_key => Contract::plain(|| {
        CircuitBreakerLayer::keyed(keyed(open), |n: &u32| *n)
    }),
    refusing open_responding => Contract::plain(|| {
        CircuitBreakerLayer::new(open()).respond_with_request(|_: Rejected, n: u32| n)
    }),
}
