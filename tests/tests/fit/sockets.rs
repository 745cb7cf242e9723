//! HTTP over real sockets: servers on a port of their own, and callers with a connection each.

use std::{
    convert::Infallible,
    fmt::Debug,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::StatusCode;
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Mutex,
};
use tower::{BoxError, Service};

use crate::{
    callers::{CALLERS, Callers},
    heard::Heard,
    shop::{Ask, Shop},
};

/// Where the shop is in every router.
pub(crate) const PATH: &str = "/shop/roses";

/// The shop as a handler.
impl axum::handler::Handler<(), ()> for Shop {
    type Future = BoxFuture<'static, Response>;

    fn call(self, request: Request, (): ()) -> Self::Future {
        let ask = asked(request.uri());
        async move { status_of(self.serve(ask).await).into_response() }.boxed()
    }
}

/// The shop as a tower service of HTTP.
impl<B> Service<http::Request<B>> for Shop {
    type Response = http::Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send + Sync>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let said = self.clone().serve(asked(request.uri()));
        Box::pin(async {
            let (status, text) = status_of(said.await);
            let response = http::Response::builder().status(status);
            Ok(response
                .body(Full::from(text))
                .expect("a status and a text"))
        })
    }
}

/// What a request asks for.
pub(crate) fn asked(uri: &http::Uri) -> Ask {
    Ask::parse(uri.query().expect("every caller asks for something"))
}

/// What the shop says, in HTTP.
pub(crate) fn status_of(said: Result<&str, crate::shop::Broken>) -> (StatusCode, String) {
    match said {
        Ok(answer) => (StatusCode::OK, answer.to_owned()),
        Err(broken) => (StatusCode::INTERNAL_SERVER_ERROR, broken.to_string()),
    }
}

/// Listens on a port that was free.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The shop without any layer, to be called by clients that have them.
pub(crate) async fn bare(shop: Shop) -> SocketAddr {
    let (listener, address) = listener().await;
    let router = Router::new().route(PATH, get(shop));
    tokio::spawn(async { axum::serve(listener, router).await });
    address
}

/// Callers with a connection each, which stays open.
pub(crate) async fn connections(address: SocketAddr) -> Callers {
    let mut connections = Vec::new();
    for _ in 0..CALLERS {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        connections.push(Arc::new(Mutex::new(sender)));
    }
    Callers::new(connections.into_iter().map(move |connection| {
        move |ask, left: Option<Duration>| {
            let mut request = request(address, ask);
            if let Some(left) = left {
                let millis = left.as_millis().to_string().parse().unwrap();
                request.headers_mut().insert("x-request-timeout-ms", millis);
            }
            send(Arc::clone(&connection), request).boxed()
        }
    }))
}

/// Asks for roses at an address.
pub(crate) fn request(address: SocketAddr, ask: Ask) -> http::Request<Empty<Bytes>> {
    let request = http::Request::get(url(address, ask)).header("host", "localhost");
    request.body(Empty::new()).unwrap()
}

pub(crate) fn url(address: SocketAddr, ask: Ask) -> String {
    format!("http://{address}{PATH}?{}", ask.as_str())
}

/// What a client of HTTP heard.
pub(crate) async fn hear<B, E>(result: Result<http::Response<B>, E>) -> Heard
where
    B: http_body::Body<Data = Bytes, Error: Debug>,
    E: Into<BoxError>,
{
    match result {
        Ok(response) => read(response).await,
        Err(error) => Heard::error(&*error.into()),
    }
}

/// Reads a response to its end.
async fn read<B>(response: http::Response<B>) -> Heard
where
    B: http_body::Body<Data = Bytes, Error: Debug>,
{
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Heard::http(head.status.as_u16(), &head.headers, &body)
}

async fn send(
    connection: Arc<Mutex<SendRequest<Empty<Bytes>>>>,
    request: http::Request<Empty<Bytes>>,
) -> Heard {
    let mut connection = connection.lock().await;
    connection.ready().await.unwrap();
    read(connection.send_request(request).await.unwrap()).await
}
