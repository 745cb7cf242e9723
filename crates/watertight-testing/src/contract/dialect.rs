use std::{
    error::Error as StdError,
    fmt,
    future::{Future, ready},
    marker::PhantomData,
};

use watertight_core::BoxError;

/// What the suite sends through a layer: requests and responses that bear a number, so that it can tell them apart.
///
/// [`Plain`] and `Http` are here. Write one for a layer that takes only requests of a type of yours.
pub trait Dialect: fmt::Debug + 'static {
    /// What is sent.
    type Request: Send + 'static;
    /// What the inner service answers.
    type Response: Answer + Send + 'static;
    /// How the inner service fails.
    type Error: From<ProbeError> + Into<BoxError> + Send + Sync + 'static;

    /// A request that bears this number.
    fn request(number: u32) -> Self::Request;

    /// The number that a request bears; `None` if it is not whole.
    fn number(request: &Self::Request) -> Option<u32>;

    /// A response that bears this number.
    fn response(number: u32) -> Self::Response;
}

/// What a layer answers, read by the suite.
///
/// Implemented for `u32` and for every `http::Response`. Implement it for the response type of a layer that has its own.
pub trait Answer {
    /// The number that it bears; `None` if the inner service did not make it, or if it is not whole.
    fn number(self) -> impl Future<Output = Option<u32>>;
}

/// Numbers, answered by the same number. The error is [`ProbeError`] or another that can be made of it.
pub struct Plain<E = ProbeError>(PhantomData<fn() -> E>);

/// How the suite's inner service fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ProbeError(pub(crate) u32);

impl<E> Dialect for Plain<E>
where
    E: From<ProbeError> + Into<BoxError> + Send + Sync + 'static,
{
    type Request = u32;
    type Response = u32;
    type Error = E;

    fn request(number: u32) -> u32 {
        number
    }

    fn number(request: &u32) -> Option<u32> {
        Some(*request)
    }

    fn response(number: u32) -> u32 {
        number
    }
}

impl Answer for u32 {
    fn number(self) -> impl Future<Output = Option<Self>> {
        ready(Some(self))
    }
}

impl ProbeError {
    /// The number of the failed call that an error tells of, however deep it is wrapped.
    pub(crate) fn find(error: &(dyn StdError + 'static)) -> Option<u32> {
        let mut error = error;
        loop {
            if let Some(Self(number)) = error.downcast_ref() {
                return Some(*number);
            }
            error = error.source()?;
        }
    }
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the inner service failed call {}", self.0)
    }
}

impl StdError for ProbeError {}

impl<E> fmt::Debug for Plain<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}
