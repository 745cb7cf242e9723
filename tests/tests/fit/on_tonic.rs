//! tonic on both sides, with the generated client and server of its health service.

use std::time::Duration;

use bytes::Bytes;
use futures::future::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio_stream::Empty;
use tonic::{
    Code, Request, Response, Status,
    body::Body,
    client::GrpcService,
    service::Routes,
    transport::{self, Channel, Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse,
    health_check_response::ServingStatus,
    health_client::HealthClient,
    health_server::{Health, HealthServer},
};
use tower::{BoxError, Layer, Service};
use watertight::{
    BulkheadLayer, CircuitBreakerLayer, ClientDeadlineLayer, Deadline, DeadlineLayer,
    FallbackLayer, TimeoutLayer,
    http::{ClientBuilder, GrpcErrors, ServerStack},
};

use crate::{
    callers::{CALLERS, Callers},
    cells,
    checks::{
        SORRY, another_answer, as_a_client_that_tries, as_a_grpc_server, as_a_server,
        by_the_deadline, in_time, one_circuit, one_limit, one_queue, with_health_checks,
    },
    heard::Heard,
    shop::{Ask, ROSES, Shop},
    sockets::{self, listener},
};

cells! {
    fn tonic_channel_shares_one_circuit() = one_circuit(|breaker, shop| {
        channel(CircuitBreakerLayer::for_grpc(breaker), shop)
    });
    fn tonic_channel_shares_one_limit() = one_limit(|bulkhead, shop| {
        channel(BulkheadLayer::for_grpc(bulkhead), shop)
    });
    fn tonic_channel_shares_one_queue() = one_queue(|bulkhead, shop| {
        channel(BulkheadLayer::for_grpc(bulkhead), shop)
    });
    fn tonic_channel_gives_up_in_time() = in_time(|timeout, shop| {
        channel(TimeoutLayer::for_grpc(timeout), shop)
    });
    fn tonic_channel_keeps_the_deadline() = by_the_deadline(|limit, shop| {
        channel(ClientDeadlineLayer::for_grpc(limit), shop)
    });
    fn tonic_channel_gives_another_answer() = another_answer(|fallback, shop| {
        channel(FallbackLayer::for_grpc(fallback).respond_with(|_| sorry()), shop)
    });

    fn tonic_channel_takes_the_server_stack() = as_a_server(proxy);
    fn tonic_channel_takes_the_client_stack() = as_a_client_that_tries(1, |stack: ClientBuilder, shop| {
        // A gRPC body cannot be sent twice.
        let stack = stack.classify(GrpcErrors::new()).build().unwrap().without_retries();
        channel_with_errors(stack, shop)
    });

    fn tonic_server_shares_one_circuit() = one_circuit(|breaker, shop| {
        server(CircuitBreakerLayer::for_grpc(breaker), shop)
    });
    fn tonic_server_shares_one_limit() = one_limit(|bulkhead, shop| {
        server(BulkheadLayer::for_grpc(bulkhead), shop)
    });
    fn tonic_server_shares_one_queue() = one_queue(|bulkhead, shop| {
        server(BulkheadLayer::for_grpc(bulkhead), shop)
    });
    fn tonic_server_gives_up_in_time() = in_time(|timeout, shop| {
        server(TimeoutLayer::for_grpc(timeout), shop)
    });
    fn tonic_server_keeps_the_deadline() = by_the_deadline(|limit, shop| {
        server(DeadlineLayer::for_grpc(limit), shop)
    });
    fn tonic_server_gives_another_answer() = another_answer(|fallback, shop| {
        server(FallbackLayer::for_grpc(fallback).respond_with(|_| sorry()), shop)
    });

    fn tonic_server_takes_the_grpc_server_stack() = as_a_grpc_server(server);
    fn tonic_server_answers_health_checks_when_it_is_full() = with_health_checks(server);
}

/// The shop as a gRPC service. The service whose health is asked for says what to do.
#[tonic::async_trait]
impl Health for Shop {
    type WatchStream = Empty<Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let ask = Ask::parse(&request.into_inner().service);
        match self.clone().serve(ask).await {
            Ok(_) => Ok(Response::new(HealthCheckResponse {
                status: ServingStatus::Serving.into(),
            })),
            Err(broken) => Err(Status::internal(broken.to_string())),
        }
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("the shop is not to be watched"))
    }
}

/// The channel's error stays what it was.
async fn channel<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Channel, Service: Speaks<Error = transport::Error>>,
{
    channel_with_errors(layer, shop).await
}

async fn channel_with_errors<L>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Channel, Service: Speaks>,
{
    let client = HealthClient::new(layer.layer(connect(shop).await));
    Callers::new((0..CALLERS).map(|_| {
        let client = client.clone();
        move |ask, left: Option<Duration>| {
            let call = check(client.clone(), ask, None);
            match left {
                Some(left) => Deadline::after(left).scope(call).boxed(),
                None => call.boxed(),
            }
        }
    }))
}

/// A server in front of a channel; its refusals are HTTP, as the whole stack is.
async fn proxy(stack: ServerStack, shop: Shop) -> Callers {
    let proxy = stack.layer(connect(shop).await);
    Callers::clones(&proxy, on_the_wire, async |response| {
        match sockets::hear(response).await {
            Heard::Said(message) if message.as_bytes() == SERVING => Heard::said(ROSES),
            other => other,
        }
    })
}

/// A connection for each caller.
async fn server<L, B>(layer: L, shop: Shop) -> Callers
where
    L: Layer<Routes> + Clone + Send + 'static,
    L::Service: Service<http::Request<Body>, Response = http::Response<B>, Future: Send>
        + Clone
        + Send
        + 'static,
    <L::Service as Service<http::Request<Body>>>::Error: Into<BoxError> + Send,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (listener, address) = listener().await;
    let server = Server::builder()
        .layer(layer)
        .add_service(HealthServer::new(shop));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let origin: http::Uri = format!("http://{address}").parse().unwrap();
    Callers::new((0..CALLERS).map(|_| {
        // tonic's channel would give up by itself when the time that it sends along is over.
        let client = Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build_http();
        let client = HealthClient::with_origin(client, origin.clone());
        move |ask, left| check(client.clone(), ask, left).boxed()
    }))
}

async fn connect(shop: Shop) -> Channel {
    let (listener, address) = listener().await;
    let server = Server::builder().add_service(HealthServer::new(shop));
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap();
    channel.connect().await.unwrap()
}

/// The health service's `SERVING`, as it is on the wire.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, ServingStatus::Serving as u8];

/// What the generated client asks of a channel.
trait Speaks:
    GrpcService<
        Body,
        ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError> + Send> + Send + 'static,
        Error: Into<BoxError>,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
}

impl<S> Speaks for S where
    S: GrpcService<
            Body,
            ResponseBody: http_body::Body<Data = Bytes, Error: Into<BoxError> + Send>
                              + Send
                              + 'static,
            Error: Into<BoxError>,
            Future: Send,
        > + Clone
        + Send
        + 'static
{
}

/// One call of the generated client; what is left is its own `grpc-timeout`.
async fn check<S: Speaks>(mut client: HealthClient<S>, ask: Ask, left: Option<Duration>) -> Heard {
    let service = ask.as_str().to_owned();
    let mut request = Request::new(HealthCheckRequest { service });
    if let Some(left) = left {
        request.set_timeout(left);
    }
    match client.check(request).await {
        Err(status) => Heard::grpc(&status),
        Ok(response) => match response.into_inner().status() {
            ServingStatus::Serving => Heard::said(ROSES),
            _ => Heard::said(SORRY),
        },
    }
}

/// The request of the generated client, by hand.
fn on_the_wire(ask: Ask) -> http::Request<Body> {
    let service = ask.as_str().as_bytes();
    let length = service.len() as u8;
    let message = [&[0, 0, 0, 0, length + 2, 10, length], service].concat();
    let request = http::Request::post("/grpc.health.v1.Health/Check");
    let request = request.header("content-type", "application/grpc");
    let body = Body::new(Full::from(message));
    request.body(body).expect("a method and a message")
}

/// The health service's `NOT_SERVING`, as it is on the wire.
fn sorry() -> http::Response<Body> {
    let message = Bytes::from_static(&[0, 0, 0, 0, 2, 8, ServingStatus::NotServing as u8]);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("grpc-status", (Code::Ok as i32).into());
    let body = Full::new(message).with_trailers(async { Some(Ok(trailers)) });
    let response = http::Response::builder().header("content-type", "application/grpc");
    response
        .body(Body::new(body))
        .expect("a message and a status")
}
