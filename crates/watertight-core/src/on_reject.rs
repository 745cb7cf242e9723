use std::fmt;

use crate::{Error, Rejected};

/// What the caller gets when a call is refused: a typed error, a response, an error of another type.
///
/// The ready-made ones are [`Fail`], [`Respond`], [`RespondWithRequest`], [`FailWith`] and, behind features, `Problem`
/// and `GrpcStatus`. `K` is what [`Keep`] kept of the refused request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not fit a service that answers `{Res}` or fails with `{E}`",
    note = "`Fail` fits every service; `Flat` one whose error is a layer's `Error` already; `Respond` must make the \
            service's response; `FailWith` an error that is `From` the service's; `Problem` is for HTTP responses"
)]
pub trait OnReject<Res, E, K = ()> {
    /// The response type of the layered service.
    type Response;
    /// The error type of the layered service.
    type Error;

    /// Turns a refusal into the answer.
    ///
    /// # Errors
    ///
    /// Where a refusal is an error.
    fn reject(&self, why: Rejected, kept: K) -> Result<Self::Response, Self::Error>;

    /// Passes on a response of the inner service.
    fn response(response: Res) -> Self::Response;

    /// Passes on an error of the inner service.
    fn error(error: E) -> Self::Error;
}

/// What is kept of a refused request for the answer: nothing, or all of it.
pub trait Keep<Req> {
    /// What is kept.
    type Kept;

    /// Takes from the request what [`OnReject::reject`] will need.
    fn keep(&self, request: Req) -> Self::Kept;
}

/// A refusal is the typed error [`Error::Rejected`]. The default, for any protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fail;

/// A refusal is a response made by a closure `Fn(Rejected) -> Response`.
#[derive(Clone, Copy)]
pub struct Respond<F>(pub(crate) F);

/// A refusal is a response made by a closure `Fn(Rejected, Request) -> Response` from the very request that was refused.
#[derive(Clone, Copy)]
pub struct RespondWithRequest<F>(pub(crate) F);

/// A refusal is an error made by a closure `Fn(Rejected) -> E2`, with `E2: From<E>` for the inner service's error.
#[derive(Clone, Copy)]
pub struct FailWith<F>(pub(crate) F);

/// A refusal joins the errors of a layer further in: a stack of layers has one [`Error<E>`](Error), not one in another.
///
/// ```
/// use watertight_core::{AdmissionLayer, Flat};
///
/// # let (outer, inner) = ((), ());
/// let inner = AdmissionLayer::new(inner);
/// let outer = AdmissionLayer::new(outer).on_reject(Flat);
/// # let _ = (inner, outer);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Flat;

impl<F> Respond<F> {
    /// Answers with what the closure makes of a refusal.
    pub const fn new(respond: F) -> Self {
        Self(respond)
    }
}

impl<F> RespondWithRequest<F> {
    /// Answers with what the closure makes of a refusal and the refused request.
    pub const fn new(respond: F) -> Self {
        Self(respond)
    }
}

impl<F> FailWith<F> {
    /// Fails with what the closure makes of a refusal.
    pub const fn new(fail: F) -> Self {
        Self(fail)
    }
}

impl<Res, E> OnReject<Res, E> for Fail {
    type Response = Res;
    type Error = Error<E>;

    fn reject(&self, why: Rejected, (): ()) -> Result<Res, Error<E>> {
        Err(Error::Rejected(why))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> Error<E> {
        Error::Inner(error)
    }
}

impl<Res, E> OnReject<Res, Error<E>> for Flat {
    type Response = Res;
    type Error = Error<E>;

    fn reject(&self, why: Rejected, (): ()) -> Result<Res, Error<E>> {
        Err(Error::Rejected(why))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: Error<E>) -> Error<E> {
        error
    }
}

impl<Res, E, F> OnReject<Res, E> for Respond<F>
where
    F: Fn(Rejected) -> Res,
{
    type Response = Res;
    type Error = E;

    fn reject(&self, why: Rejected, (): ()) -> Result<Res, E> {
        Ok((self.0)(why))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> E {
        error
    }
}

impl<Req, Res, E, F> OnReject<Res, E, (Req,)> for RespondWithRequest<F>
where
    F: Fn(Rejected, Req) -> Res,
{
    type Response = Res;
    type Error = E;

    fn reject(&self, why: Rejected, (request,): (Req,)) -> Result<Res, E> {
        Ok((self.0)(why, request))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> E {
        error
    }
}

impl<Res, E, E2, F> OnReject<Res, E> for FailWith<F>
where
    E2: From<E>,
    F: Fn(Rejected) -> E2,
{
    type Response = Res;
    type Error = E2;

    fn reject(&self, why: Rejected, (): ()) -> Result<Res, E2> {
        Err((self.0)(why))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> E2 {
        error.into()
    }
}

impl<Req> Keep<Req> for Fail {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

impl<Req> Keep<Req> for Flat {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

impl<Req, F> Keep<Req> for Respond<F> {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

impl<Req, F> Keep<Req> for FailWith<F> {
    type Kept = ();

    fn keep(&self, _: Req) {}
}

impl<Req, F> Keep<Req> for RespondWithRequest<F> {
    type Kept = (Req,);

    fn keep(&self, request: Req) -> (Req,) {
        (request,)
    }
}

impl<F> fmt::Debug for Respond<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Respond").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for RespondWithRequest<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondWithRequest").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for FailWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailWith").finish_non_exhaustive()
    }
}
