use tower_layer::Stack;
use watertight_fallback::FallbackLayer;
use watertight_timeout::{Timeout, TimeoutLayer};

/// A timeout whose other answer is a fallback, as one layer: for any protocol.
///
/// The timeout is inside, so the fallback answers for calls that took too long as well as for those that failed or were
/// refused; [`Only::timeouts`](watertight_fallback::Only::timeouts) picks the former alone. The timeout covers the call,
/// not the making of the other answer. A call that was given up may have had its effect.
///
/// The error becomes [`Error`](watertight_core::Error) of the inner one, for failures that no strategy answers.
///
/// ```
/// use std::{convert::Infallible, future::pending, time::Duration};
/// use tower::{ServiceBuilder, ServiceExt};
/// use watertight::{Fallback, FallbackLayer};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// let fallback = FallbackLayer::new(Fallback::builder("stock").build()?).value("ask us");
/// let stock = ServiceBuilder::new()
///     .layer(watertight::timeout_fallback(Duration::from_secs(1), fallback))
///     .service_fn(async |_: &str| pending::<Result<&str, Infallible>>().await);
/// assert_eq!(stock.oneshot("roses").await.unwrap(), "ask us");
/// # Ok::<(), watertight::BuildError>(())
/// # }).unwrap();
/// ```
pub fn timeout_fallback<A, D, K, M>(
    timeout: impl Into<Timeout>,
    fallback: FallbackLayer<A, D, K, M>,
) -> Stack<TimeoutLayer, FallbackLayer<A, D, K, M>> {
    Stack::new(TimeoutLayer::new(timeout), fallback)
}

/// [`timeout_fallback`] for axum routers and other HTTP services: the error type stays what it was.
///
/// Where no strategy answers, a call that took too long is a 504 problem. The response body must be one that can be made
/// of `Bytes`, such as axum's.
///
/// ```
/// use std::time::Duration;
/// use axum::{Router, response::IntoResponse, routing::get};
/// use watertight::{Fallback, FallbackLayer};
///
/// let fallback = FallbackLayer::for_http(Fallback::builder("stock").build()?)
///     .respond_with(|_why| "ask us".into_response());
/// let app: Router = Router::new()
///     .route("/stock", get(async || std::future::pending::<&str>().await))
///     .layer(watertight::timeout_fallback_for_http(Duration::from_secs(1), fallback));
/// # Ok::<(), watertight::BuildError>(())
/// ```
#[cfg(feature = "http")]
pub fn timeout_fallback_for_http<A, D, K, M>(
    timeout: impl Into<Timeout>,
    fallback: FallbackLayer<A, D, K, M>,
) -> Stack<TimeoutLayer<watertight_core::http::SameBody>, FallbackLayer<A, D, K, M>> {
    let late = watertight_core::http::Problem::new().same_body();
    Stack::new(TimeoutLayer::new(timeout).on_reject(late), fallback)
}
