use crate::Cause;

/// What a fallback does to responses on their way out: remembers the good ones, marks its own.
pub trait Form<Res, K> {
    /// The response type of the layered service.
    type Response;

    /// Passes on a response of a call that went well.
    fn good(&self, response: Res, captured: &K) -> Self::Response;

    /// Passes on a response that says the call failed, where no strategy applied.
    fn untouched(&self, response: Res) -> Self::Response;

    /// Passes on a response that a strategy made.
    fn made(&self, response: Res, made: Made) -> Self::Response;
}

/// The mark of an answer that a fallback made: by which one, and why. In the extensions of an HTTP response.
///
/// ```
/// use watertight_fallback::Made;
///
/// fn is_from_a_fallback<B>(response: &http::Response<B>) -> bool {
///     response.extensions().get::<Made>().is_some()
/// }
/// # assert!(!is_from_a_fallback(&http::Response::new(())));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Made {
    /// The name of the fallback.
    pub by: &'static str,
    /// Why the call needed another answer.
    pub cause: Cause,
}

/// Responses pass as they are. The default, for any protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl<Res, K> Form<Res, K> for Plain {
    type Response = Res;

    fn good(&self, response: Res, _: &K) -> Res {
        response
    }

    fn untouched(&self, response: Res) -> Res {
        response
    }

    fn made(&self, response: Res, _: Made) -> Res {
        response
    }
}
