//! axum, in all forms that take a layer, behind `axum::serve` with a connection for each caller.

use std::convert::Infallible;

use axum::{
    Router, ServiceExt,
    body::Body,
    extract::Request,
    handler::{Handler, HandlerService},
    response::{IntoResponse, Response},
    routing::{Route, get},
    serve::IncomingStream,
};
use bytes::Bytes;
use tokio::net::TcpListener;
use tower::{Layer, Service, ServiceBuilder};
use tower_http::map_response_body::MapResponseBodyLayer;

use crate::{
    callers::Callers,
    cells,
    checks::as_a_server,
    layers::http::{another_answer, by_the_deadline, in_time, one_circuit, one_limit, one_queue},
    shop::Shop,
    sockets::{PATH, connections, listener},
};

cells! {
    fn router_layer_shares_one_circuit() = one_circuit(router_layer);
    fn router_layer_shares_one_limit() = one_limit(router_layer);
    fn router_layer_shares_one_queue() = one_queue(router_layer);
    fn router_layer_gives_up_in_time() = in_time(router_layer);
    fn router_layer_keeps_the_deadline() = by_the_deadline(router_layer);
    fn router_layer_gives_another_answer() = another_answer(router_layer);
    fn router_layer_takes_the_server_stack() = as_a_server(router_layer);

    fn route_layer_shares_one_circuit() = one_circuit(route_layer);
    fn route_layer_shares_one_limit() = one_limit(route_layer);
    fn route_layer_shares_one_queue() = one_queue(route_layer);
    fn route_layer_gives_up_in_time() = in_time(route_layer);
    fn route_layer_keeps_the_deadline() = by_the_deadline(route_layer);
    fn route_layer_gives_another_answer() = another_answer(route_layer);
    fn route_layer_takes_the_server_stack() = as_a_server(route_layer);

    fn method_router_layer_shares_one_circuit() = one_circuit(method_router_layer);
    fn method_router_layer_shares_one_limit() = one_limit(method_router_layer);
    fn method_router_layer_shares_one_queue() = one_queue(method_router_layer);
    fn method_router_layer_gives_up_in_time() = in_time(method_router_layer);
    fn method_router_layer_keeps_the_deadline() = by_the_deadline(method_router_layer);
    fn method_router_layer_gives_another_answer() = another_answer(method_router_layer);
    fn method_router_layer_takes_the_server_stack() = as_a_server(method_router_layer);

    fn handler_layer_shares_one_circuit() = one_circuit(handler_layer);
    fn handler_layer_shares_one_limit() = one_limit(handler_layer);
    fn handler_layer_shares_one_queue() = one_queue(handler_layer);
    fn handler_layer_gives_up_in_time() = in_time(handler_layer);
    fn handler_layer_keeps_the_deadline() = by_the_deadline(handler_layer);
    fn handler_layer_gives_another_answer() = another_answer(handler_layer);
    fn handler_layer_takes_the_server_stack() = as_a_server(handler_layer);

    fn nested_router_shares_one_circuit() = one_circuit(nested_router);
    fn nested_router_shares_one_limit() = one_limit(nested_router);
    fn nested_router_shares_one_queue() = one_queue(nested_router);
    fn nested_router_gives_up_in_time() = in_time(nested_router);
    fn nested_router_keeps_the_deadline() = by_the_deadline(nested_router);
    fn nested_router_gives_another_answer() = another_answer(nested_router);
    fn nested_router_takes_the_server_stack() = as_a_server(nested_router);

    fn make_service_shares_one_circuit() = one_circuit(make_service);
    fn make_service_shares_one_limit() = one_limit(make_service);
    fn make_service_shares_one_queue() = one_queue(make_service);
    fn make_service_gives_up_in_time() = in_time(make_service);
    fn make_service_keeps_the_deadline() = by_the_deadline(make_service);
    fn make_service_gives_another_answer() = another_answer(make_service);
    fn make_service_takes_the_server_stack() = as_a_server(make_service);

    fn around_a_router_shares_one_circuit() = one_circuit(around_a_router);
    fn around_a_router_shares_one_limit() = one_limit(around_a_router);
    fn around_a_router_shares_one_queue() = one_queue(around_a_router);
    fn around_a_router_gives_up_in_time() = in_time(around_a_router);
    fn around_a_router_keeps_the_deadline() = by_the_deadline(around_a_router);
    fn around_a_router_gives_another_answer() = another_answer(around_a_router);
    fn around_a_router_takes_the_server_stack() = as_a_server(around_a_router);
}

/// What axum asks of a layer. Nothing handles errors here, so there must be none.
trait Fits<S>: Layer<S, Service: FitsService> + Clone + Send + Sync + 'static {}

trait FitsService:
    Service<Request, Response: IntoResponse + 'static, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

async fn router_layer(layer: impl Fits<Route>, shop: Shop) -> Callers {
    served(Router::new().route(PATH, get(shop)).layer(layer)).await
}

async fn route_layer(layer: impl Fits<Route>, shop: Shop) -> Callers {
    served(Router::new().route(PATH, get(shop)).route_layer(layer)).await
}

async fn method_router_layer(layer: impl Fits<Route>, shop: Shop) -> Callers {
    served(Router::new().route(PATH, get(shop).layer(layer))).await
}

async fn handler_layer(layer: impl Fits<HandlerService<Shop, (), ()>>, shop: Shop) -> Callers {
    served(Router::new().route(PATH, get(shop.layer(layer)))).await
}

async fn nested_router(layer: impl Fits<Route>, shop: Shop) -> Callers {
    let (outer, inner) = PATH.split_at(PATH.rfind('/').expect("a path in two parts"));
    let nested = Router::new().route(inner, get(shop)).layer(layer);
    served(Router::new().nest(outer, nested)).await
}

async fn make_service(layer: impl Fits<Route>, shop: Shop) -> Callers {
    let router = Router::new().route(PATH, get(shop)).layer(layer);
    served(router.into_make_service()).await
}

async fn around_a_router<L, B>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Router>,
    L::Service: Service<Request, Response = http::Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    // `axum::serve` takes axum's body only, and a layer with a body of its own has made it another one.
    let app = ServiceBuilder::new()
        .layer(MapResponseBodyLayer::new(Body::new))
        .layer(layer)
        .service(Router::new().route(PATH, get(shop)));
    served(ServiceExt::<Request>::into_make_service(app)).await
}

/// Serves it to a connection for each caller.
async fn served<M, S>(app: M) -> Callers
where
    M: for<'a> Service<
            IncomingStream<'a, TcpListener>,
            Error = Infallible,
            Response = S,
            Future: Send,
        > + Send
        + 'static,
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
{
    let (listener, address) = listener().await;
    tokio::spawn(async { axum::serve(listener, app).await });
    connections(address).await
}

impl<S, L> Fits<S> for L where L: Layer<S, Service: FitsService> + Clone + Send + Sync + 'static {}

impl<S> FitsService for S where
    S: Service<
            Request,
            Response: IntoResponse + 'static,
            Error = Infallible,
            Future: Send + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}
