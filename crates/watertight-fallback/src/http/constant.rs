use std::{
    future::{Ready, ready},
    sync::Arc,
};

use bytes::Bytes;
use http::Response;

use crate::{Chain, Failure, FallbackLayer, Strategy};

/// Answers with one response whose body is at hand, whatever the body type of the service, if it can be made of
/// [`Bytes`].
#[derive(Clone, Debug)]
pub struct Constant(Arc<Response<Bytes>>);

impl Constant {
    /// Answers with copies of this; the body is shared.
    #[must_use]
    pub fn new(response: Response<Bytes>) -> Self {
        Self(Arc::new(response))
    }
}

impl<A: Clone, D: Clone, K: Clone, M: Clone> FallbackLayer<A, D, K, M> {
    /// Answers with copies of one HTTP response whose body is at hand; the service's body must be one that can be made
    /// of [`Bytes`], such as axum's.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use http::{Response, StatusCode};
    /// use watertight_fallback::{Fallback, FallbackLayer};
    ///
    /// let app: Router = Router::new()
    ///     .route("/greeting", get(async || StatusCode::BAD_GATEWAY))
    ///     .layer(FallbackLayer::for_http(Fallback::default()).response(Response::new("roses are red".into())));
    /// ```
    pub fn response(self, response: Response<Bytes>) -> FallbackLayer<Chain<A, Constant>, D, K, M> {
        self.then(Constant::new(response))
    }
}

impl<B: From<Bytes>, E, K> Strategy<Response<B>, E, K> for Constant {
    type Future = Ready<Result<Response<B>, E>>;

    fn answer(
        &self,
        _: Failure<Response<B>, E, K>,
    ) -> Result<Self::Future, Failure<Response<B>, E, K>> {
        Ok(ready(Ok(Response::clone(&self.0).map(B::from))))
    }
}
