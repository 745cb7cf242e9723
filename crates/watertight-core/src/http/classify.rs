use std::{fmt, marker::PhantomData, time::Duration};

use http::{Extensions, HeaderMap, StatusCode, header};

use crate::{
    Boxed, Classify, Rejected, Typed, Verdict,
    classify::{LookInto, judge},
};

/// The head of a response, whoever made its type.
pub trait ResponseHead {
    /// Its status.
    fn status(&self) -> StatusCode;
    /// Its headers.
    fn headers(&self) -> &HeaderMap;
    /// Its extensions.
    fn extensions(&self) -> &Extensions;
}

impl<B> ResponseHead for http::Response<B> {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

#[cfg(feature = "reqwest")]
impl ResponseHead for reqwest::Response {
    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }

    fn extensions(&self) -> &Extensions {
        self.extensions()
    }
}

/// 5xx responses and errors fail; every other response is a success, 4xx too: those are the caller's mistakes.
///
/// A response that one of our own layers made of a refusal further in is ignored, like the refusal itself.
///
/// ```
/// use watertight_core::{Classify, Verdict, http::ServerErrors};
///
/// let response = http::Response::builder().status(503).body(()).unwrap();
/// let verdict = ServerErrors::new().classify(Ok::<_, &std::io::Error>(&response));
/// assert_eq!(verdict, Verdict::Failure);
/// ```
pub struct ServerErrors<V = Typed>(PhantomData<fn() -> V>);

impl ServerErrors {
    /// For error types that implement [`std::error::Error`].
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl ServerErrors<Boxed> {
    /// For [`BoxError`](crate::BoxError).
    #[must_use]
    pub const fn boxed() -> Self {
        Self(PhantomData)
    }
}

impl<Res: ResponseHead, E: LookInto<V>, V> Classify<Res, E> for ServerErrors<V> {
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        match result {
            Ok(response) if is_our_refusal(response.extensions()) => Verdict::Ignore,
            Ok(response) if response.status().is_server_error() => Verdict::Failure,
            Ok(_) => Verdict::Success,
            Err(error) => judge(error.look()),
        }
    }

    fn retry_after(&self, result: Result<&Res, &E>) -> Option<Duration> {
        result
            .ok()
            .and_then(|response| retry_after(response.headers()))
    }
}

impl<V> Clone for ServerErrors<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for ServerErrors<V> {}

impl<V> Default for ServerErrors<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V> fmt::Debug for ServerErrors<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerErrors")
    }
}

/// Whether a response is a refusal by a layer further in, and no failure of the service behind.
pub(crate) fn is_our_refusal(extensions: &Extensions) -> bool {
    extensions
        .get::<Rejected>()
        .is_some_and(|rejected| !rejected.reason.is_failure())
}

/// `Retry-After` in either form. A date counts from the response's own `Date`: the clocks of two machines differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit()) {
        // More digits than a number holds are as long as can be; whoever follows it has bounds of its own.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let date = headers.get(header::DATE)?.to_str().ok()?;
    until
        .duration_since(httpdate::parse_http_date(date).ok()?)
        .ok()
}
