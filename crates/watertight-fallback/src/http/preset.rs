use http::HeaderName;
#[cfg(feature = "grpc")]
use watertight_core::http::GrpcErrors;
use watertight_core::{Boxed, http::ServerErrors};

use crate::{
    Failures, Fallback, FallbackLayer, NoCapture, Nothing,
    http::{Http, HttpRemembering, InHttp},
};

impl FallbackLayer<Nothing, Failures<ServerErrors, InHttp>, NoCapture, Http> {
    /// For axum routers and other HTTP services: 5xx responses, errors and refusals get another answer, which is marked
    /// by a [`Made`](crate::Made) in its extensions.
    ///
    /// ```
    /// use axum::{Router, response::IntoResponse, routing::get};
    /// use http::StatusCode;
    /// use watertight_fallback::{Fallback, FallbackLayer};
    ///
    /// let app: Router = Router::new()
    ///     .route("/quote", get(async || StatusCode::INTERNAL_SERVER_ERROR))
    ///     .layer(FallbackLayer::for_http(Fallback::default()).respond_with(|_why| "no quote today".into_response()));
    /// ```
    pub fn for_http(fallback: impl Into<Fallback>) -> Self {
        let failures = Failures::of(ServerErrors::new(), InHttp::new());
        Self::of(fallback.into(), failures, Http::new())
    }
}

impl FallbackLayer<Nothing, Failures<ServerErrors<Boxed>, InHttp<Boxed>>, NoCapture, Http> {
    /// [`for_http`](FallbackLayer::for_http) for services whose error is [`BoxError`](watertight_core::BoxError).
    pub fn for_http_boxed(fallback: impl Into<Fallback>) -> Self {
        let failures = Failures::of(ServerErrors::boxed(), InHttp::new());
        Self::of(fallback.into(), failures, Http::new())
    }
}

#[cfg(feature = "grpc")]
impl FallbackLayer<Nothing, Failures<GrpcErrors, InHttp>, NoCapture, Http> {
    /// For gRPC, without depending on tonic: errors, refusals and a failing `grpc-status` in the response head get
    /// another answer.
    ///
    /// A status that comes in the trailers is too late for another answer: its body is on the way to the caller.
    pub fn for_grpc(fallback: impl Into<Fallback>) -> Self {
        let failures = Failures::of(GrpcErrors::new(), InHttp::new());
        Self::of(fallback.into(), failures, Http::new())
    }
}

impl<A: Clone, D: Clone, K: Clone> FallbackLayer<A, D, K, Http> {
    /// Marks the answers it makes by this header too; its value is the cause: `refused`, `timed_out`, `error` or
    /// `response`.
    ///
    /// ```
    /// use http::{HeaderName, Response};
    /// use watertight_fallback::{Fallback, FallbackLayer};
    ///
    /// let layer = FallbackLayer::for_http(Fallback::default())
    ///     .response(Response::new("no quote today".into()))
    ///     .mark_header(HeaderName::from_static("x-fallback"));
    /// ```
    pub fn mark_header(self, header: HeaderName) -> Self {
        self.map_form(|_| Http::with_header(header))
    }
}

impl<A: Clone, D: Clone, K: Clone, Q> FallbackLayer<A, D, K, HttpRemembering<Q>> {
    /// Marks the answers it makes by this header too, as without [`stale`](Self::stale).
    pub fn mark_header(self, header: HeaderName) -> Self {
        self.map_form(|form| form.with_header(header))
    }
}
