use std::{
    fmt,
    future::{Ready, ready},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use http_body::Body;
use tokio::time::Instant;
use watertight_core::BuildError;

use super::{
    Http, StaleBody,
    good::{age_of, is_good, is_whole},
    tee::Tee,
};
use crate::{Chain, Failure, FallbackLayer, Form, Made, Stale, StaleBuilder, StaleKey, Strategy};

/// The last good HTTP response per key, head and body, for as long as it is young enough. Clones share it.
///
/// Good is a 2xx response that is whole: neither 206 nor shorter than its `Content-Length`, as an answer to `HEAD` is. The
/// body is remembered while the caller reads it, so a response costs one copy of its body, and one that was not read to
/// its end is not remembered. Neither is one whose `Cache-Control` says `no-store` or `private`. `Set-Cookie` is left out;
/// the answer has an `Age` in seconds (RFC 9111, 5.1), to which the age that the response came with is added.
///
/// ```
/// use std::time::Duration;
/// use axum::{Router, extract::Request, routing::get};
/// use watertight_fallback::{Fallback, FallbackLayer, http::HttpStale};
///
/// let stale = HttpStale::builder(Duration::from_secs(300)).max_keys(500).max_body(64 * 1024).build()?;
/// let app: Router = Router::new()
///     .route("/prices/{flower}", get(async || "a rose is 3"))
///     .layer(
///         FallbackLayer::for_http(Fallback::builder("prices").build()?)
///             .capture(|request: &Request| request.uri().path().to_owned())
///             .stale(stale),
///     );
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
pub struct HttpStale<Q> {
    memory: Stale<Q, Arc<Remembered>>,
    max_body: usize,
}

/// Builds an [`HttpStale`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it is built"]
pub struct HttpStaleBuilder {
    memory: StaleBuilder<Arc<Remembered>>,
    max_body: usize,
}

/// Responses are remembered, and those that a fallback made are marked.
pub struct HttpRemembering<Q> {
    mark: Http,
    stale: HttpStale<Q>,
}

/// A response as it is remembered.
#[derive(Debug)]
pub struct Remembered {
    head: Head,
    body: Bytes,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    came: Instant,
    /// How old it was when it came: caches on its way may have kept it.
    came_aged: Duration,
}

impl HttpStale<()> {
    /// Remembers responses for at most this long.
    pub fn builder(max_age: Duration) -> HttpStaleBuilder {
        HttpStaleBuilder {
            memory: Stale::builder(max_age),
            max_body: 64 * 1024,
        }
    }
}

impl HttpStaleBuilder {
    /// Remembers at most so many keys; a key without a good response for the maximum age makes room. Default 1 000.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.memory = self.memory.max_keys(keys);
        self
    }

    /// Remembers no body of more bytes than this. Default 64 KiB.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Leaves a response in place that is younger than this, so that not every call pays for remembering. Default 0.
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.memory = self.memory.refresh_after(age);
        self
    }

    /// Builds the memory.
    ///
    /// # Errors
    ///
    /// As for [`StaleBuilder::build`].
    pub fn build<Q: Clone + Eq + Hash>(self) -> Result<HttpStale<Q>, BuildError> {
        Ok(HttpStale {
            memory: self.memory.build()?,
            max_body: self.max_body,
        })
    }
}

impl<Q> HttpStale<Q> {
    pub(super) const fn max_size(&self) -> usize {
        self.max_body
    }
}

impl<Q: Clone + Eq + Hash> HttpStale<Q> {
    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.memory.keys()
    }

    pub(super) fn put(&self, key: &Q, head: Head, body: Bytes) {
        if is_whole(&head.headers, body.len()) {
            self.memory.put(key, Arc::new(Remembered { head, body }));
        }
    }

    /// What is remembered for a key and how old it is, if that is young enough.
    fn remembered(&self, key: &Q) -> Option<(Arc<Remembered>, Duration)> {
        let (kept, _) = self.memory.kept(key)?;
        let remembered = Arc::clone(&kept.response);
        let age = remembered.head.age();
        (age <= self.memory.max_age()).then_some((remembered, age))
    }

    /// Whether a response to this key would be remembered that came this old.
    fn wants(&self, key: &Q, came_aged: Duration) -> bool {
        let known = self.remembered(key);
        let is_due = known.is_none_or(|(_, age)| age >= self.memory.refresh_after());
        is_due && came_aged <= self.memory.max_age()
    }

    fn answer<B: From<Bytes>>(&self, key: &Q) -> Option<Response<B>> {
        let (remembered, age) = self.remembered(key)?;
        let Head {
            status,
            version,
            headers,
            ..
        } = remembered.head.clone();
        let mut response = Response::new(B::from(remembered.body.clone()));
        *response.status_mut() = status;
        *response.version_mut() = version;
        *response.headers_mut() = headers;
        let age = HeaderValue::from(age.as_secs());
        response.headers_mut().insert(header::AGE, age);
        Some(response)
    }
}

impl Head {
    fn age(&self) -> Duration {
        self.came_aged.saturating_add(self.came.elapsed())
    }
}

impl<Q> HttpRemembering<Q> {
    pub(super) fn with_header(self, header: HeaderName) -> Self {
        let mark = Http::with_header(header);
        Self { mark, ..self }
    }
}

impl<A: Clone, D: Clone, K: Clone> FallbackLayer<A, D, K, Http> {
    /// Answers with the last good response to a request with the same key: what [`capture`](Self::capture) took.
    ///
    /// The response body must be one that can be made of [`Bytes`], such as axum's or reqwest's; others are turned into
    /// one by `map_response`.
    pub fn stale<Q>(
        self,
        stale: HttpStale<Q>,
    ) -> FallbackLayer<Chain<A, HttpStale<Q>>, D, K, HttpRemembering<Q>> {
        self.remember(stale.clone()).then(stale)
    }

    /// Remembers good responses without answering with them: for [`when`](Self::when).
    pub fn remember<Q>(self, stale: HttpStale<Q>) -> FallbackLayer<A, D, K, HttpRemembering<Q>> {
        self.map_form(|mark| HttpRemembering { mark, stale })
    }
}

impl<Q, B, E, K> Strategy<Response<B>, E, K> for HttpStale<Q>
where
    Q: Clone + Eq + Hash,
    B: From<Bytes>,
    K: StaleKey<Q>,
{
    type Future = Ready<Result<Response<B>, E>>;

    fn answer(
        &self,
        failure: Failure<Response<B>, E, K>,
    ) -> Result<Self::Future, Failure<Response<B>, E, K>> {
        let key = failure.captured.stale_key();
        match key.and_then(|key| self.answer(key)) {
            Some(response) => Ok(ready(Ok(response))),
            None => Err(failure),
        }
    }
}

impl<Q, B, K> Form<Response<B>, K> for HttpRemembering<Q>
where
    Q: Clone + Eq + Hash,
    B: Body,
    K: StaleKey<Q>,
{
    type Response = Response<StaleBody<B, Q>>;

    fn good(&self, response: Response<B>, captured: &K) -> Self::Response {
        let good = is_good(response.status(), response.headers());
        let came_aged = age_of(response.headers());
        let wanted = |key: &&Q| good && self.stale.wants(key, came_aged);
        let Some(key) = captured.stale_key().filter(wanted) else {
            return response.map(StaleBody::untouched);
        };
        let mut headers = response.headers().clone();
        headers.remove(header::SET_COOKIE);
        let head = Head {
            status: response.status(),
            version: response.version(),
            headers,
            came: Instant::now(),
            came_aged,
        };
        let tee = Tee::new(self.stale.clone(), key.clone(), head, BytesMut::new());
        response.map(|body| StaleBody::remembered(body, tee))
    }

    fn untouched(&self, response: Response<B>) -> Self::Response {
        response.map(StaleBody::untouched)
    }

    fn made(&self, mut response: Response<B>, made: Made) -> Self::Response {
        self.mark.mark(&mut response, made);
        response.map(StaleBody::untouched)
    }
}

impl<Q> Clone for HttpStale<Q> {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            max_body: self.max_body,
        }
    }
}

impl<Q> Clone for HttpRemembering<Q> {
    fn clone(&self) -> Self {
        Self {
            mark: self.mark.clone(),
            stale: self.stale.clone(),
        }
    }
}

impl<Q> fmt::Debug for HttpStale<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpStale")
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}

impl<Q> fmt::Debug for HttpRemembering<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRemembering")
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}
