//! Services that speak no protocol, by hand, by builder and in a box.

use std::{fmt::Debug, pin::Pin};

use bytes::Bytes;
use http_body_util::Empty;
use tower::{BoxError, Layer, Service, ServiceBuilder, util::ServiceFn};
use watertight::http::ClientBuilder;

use crate::{
    callers::Callers,
    cells,
    checks::{as_a_client, as_a_server},
    heard::Heard,
    layers::any::{another_answer, by_the_deadline, in_time, one_circuit, one_limit, one_queue},
    shop::{Ask, Broken, Shop},
    sockets,
};

cells! {
    fn service_fn_shares_one_circuit() = one_circuit(service_fn);
    fn service_fn_shares_one_limit() = one_limit(service_fn);
    fn service_fn_shares_one_queue() = one_queue(service_fn);
    fn service_fn_gives_up_in_time() = in_time(service_fn);
    fn service_fn_keeps_the_deadline() = by_the_deadline(service_fn);
    fn service_fn_gives_another_answer() = another_answer(service_fn);
    fn service_by_hand_takes_the_server_stack() = as_a_server(http_service);
    fn service_by_hand_takes_the_client_stack() = as_a_client(|stack: ClientBuilder, shop| {
        http_service(stack.build().unwrap(), shop)
    });

    fn service_builder_shares_one_circuit() = one_circuit(service_builder);
    fn service_builder_shares_one_limit() = one_limit(service_builder);
    fn service_builder_shares_one_queue() = one_queue(service_builder);
    fn service_builder_gives_up_in_time() = in_time(service_builder);
    fn service_builder_keeps_the_deadline() = by_the_deadline(service_builder);
    fn service_builder_gives_another_answer() = another_answer(service_builder);

    fn boxed_clone_sync_shares_one_circuit() = one_circuit(boxed_clone_sync);
    fn boxed_clone_sync_shares_one_limit() = one_limit(boxed_clone_sync);
    fn boxed_clone_sync_shares_one_queue() = one_queue(boxed_clone_sync);
    fn boxed_clone_sync_gives_up_in_time() = in_time(boxed_clone_sync);
    fn boxed_clone_sync_keeps_the_deadline() = by_the_deadline(boxed_clone_sync);
    fn boxed_clone_sync_gives_another_answer() = another_answer(boxed_clone_sync);
    fn boxed_clone_sync_takes_the_server_stack() = as_a_server(boxed_http_service);
    fn boxed_clone_sync_takes_the_client_stack() = as_a_client(|stack: ClientBuilder, shop| {
        boxed_http_service(stack.build().unwrap(), shop)
    });
}

/// What is asked of a shop.
pub(crate) type Order = (Shop, Ask);

/// A service that is nothing but a function.
pub(crate) type Plain = ServiceFn<fn(Order) -> Serving>;

/// `ServiceBuilder::boxed_clone_sync` asks for a `Sync` future, so all of ours must be what theirs is.
pub(crate) type Serving = Pin<Box<dyn Future<Output = Result<&'static str, Broken>> + Send + Sync>>;

pub(crate) fn plain() -> Plain {
    tower::service_fn(|(shop, ask)| Box::pin(shop.serve(ask)))
}

async fn service_fn<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Plain, Service: Serves + Clone>,
{
    clones(&layer.layer(plain()), shop)
}

async fn service_builder<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Plain, Service: Serves + Clone>,
{
    let builder = ServiceBuilder::new().map_err(Into::<BoxError>::into);
    clones(&builder.layer(layer).service(plain()), shop)
}

async fn boxed_clone_sync<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Plain> + Send + Sync + 'static,
    L::Service: Serves<Future: Sync> + Clone + Sync,
    <L::Service as Service<Order>>::Error: 'static,
{
    let builder = ServiceBuilder::new().layer(layer).boxed_clone_sync();
    clones(&builder.service(plain()), shop)
}

async fn http_service<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Shop, Service: ServesHttp + Clone>,
{
    http_clones(&layer.layer(shop))
}

async fn boxed_http_service<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Shop> + Send + Sync + 'static,
    L::Service: ServesHttp<Future: Sync> + Clone + Sync,
    <L::Service as Service<http::Request<Empty<Bytes>>>>::Error: 'static,
{
    let builder = ServiceBuilder::new().layer(layer).boxed_clone_sync();
    http_clones(&builder.service(shop))
}

/// A service of orders.
pub(crate) trait Serves:
    Service<Order, Response = &'static str, Error: Into<BoxError> + Send, Future: Send> + Send + 'static
{
}

impl<S> Serves for S where
    S: Service<Order, Response = &'static str, Error: Into<BoxError> + Send, Future: Send>
        + Send
        + 'static
{
}

/// A service of HTTP.
pub(crate) trait ServesHttp:
    Service<
        http::Request<Empty<Bytes>>,
        Response = http::Response<Self::Body>,
        Error: Into<BoxError> + Send,
        Future: Send,
    > + Send
    + 'static
{
    type Body: http_body::Body<Data = Bytes, Error: Debug> + Send + 'static;
}

impl<S, B> ServesHttp for S
where
    S: Service<
            http::Request<Empty<Bytes>>,
            Response = http::Response<B>,
            Error: Into<BoxError> + Send,
            Future: Send,
        > + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Debug> + Send + 'static,
{
    type Body = B;
}

/// Each caller has a clone.
pub(crate) fn clones<S: Serves + Clone>(service: &S, shop: Shop) -> Callers {
    Callers::clones(service, move |ask| (shop.clone(), ask), hear)
}

/// All callers have the one, which need not be `Clone`.
pub(crate) fn sharing<S: Serves>(service: S, shop: Shop) -> Callers {
    Callers::sharing(service, move |ask| (shop.clone(), ask), hear)
}

/// Each caller has a clone of a service of HTTP.
pub(crate) fn http_clones<S: ServesHttp + Clone>(service: &S) -> Callers {
    Callers::clones(service, nowhere, sockets::hear)
}

/// All callers have the one service of HTTP.
pub(crate) fn http_sharing<S: ServesHttp>(service: S) -> Callers {
    Callers::sharing(service, nowhere, sockets::hear)
}

fn nowhere(ask: Ask) -> http::Request<Empty<Bytes>> {
    sockets::request(([127, 0, 0, 1], 80).into(), ask)
}

async fn hear<E: Into<BoxError>>(said: Result<&'static str, E>) -> Heard {
    match said {
        Ok(answer) => Heard::said(answer),
        Err(error) => Heard::error(&*error.into()),
    }
}
