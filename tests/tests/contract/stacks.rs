use watertight::{
    Fallback, FallbackLayer, KeyLimits, grpc,
    http::{ClientStack, ServerStack, client, server},
    testing::{contract::Contract, layer_contract_tests},
};

use crate::LONG;

fn outgoing(limit: usize) -> ClientStack {
    let stack = client("payments")
        .max_concurrent(limit)
        .queue(2)
        .total(LONG);
    stack.build().unwrap()
}

fn incoming(limit: usize) -> ServerStack {
    server("shop")
        .max_concurrent(limit)
        .total(LONG)
        .build()
        .unwrap()
}

fn grpc_incoming(limit: usize) -> grpc::ServerStack {
    let stack = grpc::server("shop").max_concurrent(limit).total(LONG);
    stack.build().unwrap()
}

fn open() -> ClientStack {
    let stack = outgoing(8);
    stack.circuit_breaker().force_open("maintenance");
    stack
}

layer_contract_tests! {
    http_client => Contract::http(|| outgoing(8)),
    one_at_a_time http_client_of_one => Contract::http(|| outgoing(1)),
    http_client_per_host => Contract::http(|| {
        client("payments").total(LONG).build_per_host(KeyLimits::default()).unwrap()
    }),
    http_server => Contract::http(|| incoming(8)),
    one_at_a_time http_server_of_one => Contract::http(|| incoming(1)),
    grpc_server => Contract::http(|| grpc_incoming(8)),
    one_at_a_time grpc_server_of_one => Contract::http(|| grpc_incoming(1)),
    timeout_fallback => Contract::plain(|| {
        let fallback = FallbackLayer::new(Fallback::default());
        watertight::timeout_fallback(LONG, fallback)
    }),
    timeout_fallback_for_http => Contract::http(|| {
        let fallback = FallbackLayer::for_http(Fallback::default());
        watertight::timeout_fallback_for_http(LONG, fallback)
    }),

    refusing http_client_open => Contract::http(open),
    refusing http_server_shut => Contract::http(|| incoming(0)),
    refusing grpc_server_shut => Contract::http(|| grpc_incoming(0)),
}
