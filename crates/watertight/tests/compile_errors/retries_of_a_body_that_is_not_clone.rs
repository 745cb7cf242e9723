use axum::body::Body;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{Layer, Service};

fn call(_: impl Service<http::Request<Body>>) {}

fn main() {
    let stack = watertight::http::client("roses").build().unwrap();
    // A body that streams is sent once: `without_retries`.
    call(stack.layer(Client::builder(TokioExecutor::new()).build_http::<Body>()));
}
