//! `reqwest::Client` as a service.

use std::{error::Error as StdError, net::SocketAddr};

use reqwest::{Client, Method, Request, Response};
use tower::{Layer, Service};
use watertight::{
    BulkheadLayer, CircuitBreakerLayer, ClientDeadlineLayer, FallbackLayer, TimeoutLayer,
    http::{ClientBuilder, Problem, ServerErrors},
};

use crate::{
    callers::Callers,
    cells,
    checks::{
        SORRY, another_answer, as_a_client, by_the_deadline, in_time, one_circuit, one_limit,
        one_queue,
    },
    heard::Heard,
    shop::Shop,
    sockets::{bare, url},
};

cells! {
    fn reqwest_client_shares_one_circuit() = one_circuit(|breaker, shop| {
        reqwest_client(CircuitBreakerLayer::new(breaker).classify(ServerErrors::new()), shop)
    });
    fn reqwest_client_shares_one_limit() = one_limit(|bulkhead, shop| {
        reqwest_client(BulkheadLayer::new(bulkhead).classify(ServerErrors::new()), shop)
    });
    fn reqwest_client_shares_one_queue() = one_queue(|bulkhead, shop| {
        reqwest_client(BulkheadLayer::new(bulkhead).classify(ServerErrors::new()), shop)
    });
    fn reqwest_client_gives_up_in_time() = in_time(|timeout, shop| {
        reqwest_client(TimeoutLayer::new(timeout), shop)
    });
    fn reqwest_client_keeps_the_deadline() = by_the_deadline(|limit, shop| {
        reqwest_client(ClientDeadlineLayer::http(limit), shop)
    });
    fn reqwest_client_gives_another_answer() = another_answer(|fallback, shop| {
        let sorry = |_| Response::from(http::Response::new(SORRY));
        reqwest_client(FallbackLayer::for_http(fallback).respond_with(sorry), shop)
    });
    fn reqwest_client_takes_the_client_stack() = as_a_client(|stack: ClientBuilder, shop| {
        reqwest_client(stack.build().unwrap(), shop)
    });
    fn reqwest_client_keeps_its_error_when_refusals_are_responses() = one_circuit(|breaker, shop| {
        let layer = CircuitBreakerLayer::new(breaker).classify(ServerErrors::new());
        let layer = layer.respond_with(|why| {
            Response::from(Problem::new().respond::<reqwest::Body>(why).map(reqwest::Body::wrap))
        });
        reqwest_client::<_, reqwest::Error>(layer, shop)
    });
}

async fn reqwest_client<L, E>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Client>,
    L::Service:
        Service<Request, Response = Response, Error = E, Future: Send> + Clone + Send + 'static,
    E: StdError + Send + 'static,
{
    callers(&layer.layer(Client::new()), bare(shop).await)
}

/// Each caller has a clone of a client of that address.
pub(crate) fn callers<S>(client: &S, address: SocketAddr) -> Callers
where
    S: Service<Request, Response = Response, Error: StdError + Send + 'static, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let request = move |ask| Request::new(Method::GET, url(address, ask).parse().unwrap());
    Callers::clones(client, request, async |heard| match heard {
        Ok(response) => read(response).await,
        Err(error) => Heard::error(&error),
    })
}

async fn read(response: Response) -> Heard {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.bytes().await.unwrap();
    Heard::http(status.as_u16(), &headers, &body)
}
