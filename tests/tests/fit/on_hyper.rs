//! hyper without a framework: a server through `TowerToHyperService`, and hyper-util's client.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tower::{Layer, Service, ServiceBuilder};
use tower_http::map_response_body::MapResponseBodyLayer;
use watertight::{
    ClientDeadlineLayer,
    http::{ClientBuilder, OwnBody, Problem},
};

use crate::{
    callers::Callers,
    cells,
    checks::{self, as_a_client, as_a_server},
    layers::http::{another_answer, by_the_deadline, in_time, one_circuit, one_limit, one_queue},
    shop::Shop,
    sockets::{bare, connections, hear, listener, request},
};

type HyperClient = Client<HttpConnector, Empty<Bytes>>;

cells! {
    fn hyper_server_shares_one_circuit() = one_circuit(hyper_server);
    fn hyper_server_shares_one_limit() = one_limit(hyper_server);
    fn hyper_server_shares_one_queue() = one_queue(hyper_server);
    fn hyper_server_gives_up_in_time() = in_time(hyper_server);
    fn hyper_server_keeps_the_deadline() = by_the_deadline(hyper_server);
    fn hyper_server_gives_another_answer() = another_answer(hyper_server);
    fn hyper_server_takes_the_server_stack() = as_a_server(hyper_server);

    fn hyper_client_shares_one_circuit() = one_circuit(hyper_client);
    fn hyper_client_shares_one_limit() = one_limit(hyper_client);
    fn hyper_client_shares_one_queue() = one_queue(hyper_client);
    fn hyper_client_gives_up_in_time() = in_time(hyper_client);
    fn hyper_client_keeps_the_deadline() = checks::by_the_deadline(|limit, shop| {
        hyper_client(ClientDeadlineLayer::http(limit).on_reject(Problem::new()), shop)
    });
    fn hyper_client_gives_another_answer() = another_answer(|fallback, shop| {
        // hyper's body cannot be made of bytes; one of ours around it can.
        let own_body = MapResponseBodyLayer::new(OwnBody::inner);
        hyper_client(ServiceBuilder::new().layer(fallback).layer(own_body), shop)
    });
    fn hyper_client_takes_the_client_stack() = as_a_client(hyper_client_stack);
}

async fn hyper_server<L, B>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Shop>,
    L::Service: Service<
            http::Request<Incoming>,
            Response = http::Response<B>,
            Error = Infallible,
            Future: Send,
        > + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    let (listener, address) = listener().await;
    let service = layer.layer(shop);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    connections(address).await
}

/// The client's error stays what it was.
async fn hyper_client<L, B>(layer: L, shop: Shop) -> Callers
where
    L: Layer<HyperClient>,
    L::Service: Service<
            http::Request<Empty<Bytes>>,
            Response = http::Response<B>,
            Error = legacy::Error,
            Future: Send,
        > + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug> + Send + 'static,
{
    let address = bare(shop).await;
    let client = Client::builder(TokioExecutor::new()).build_http();
    Callers::clones(&layer.layer(client), move |ask| request(address, ask), hear)
}

async fn hyper_client_stack(stack: ClientBuilder, shop: Shop) -> Callers {
    let address = bare(shop).await;
    let client: HyperClient = Client::builder(TokioExecutor::new()).build_http();
    let client = stack.build().unwrap().layer(client);
    Callers::clones(&client, move |ask| request(address, ask), hear)
}
