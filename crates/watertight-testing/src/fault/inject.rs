use std::fmt;

use crate::fault::kind::Latency;

/// How an injected failure looks to the caller, and what can be done to a response.
///
/// Made by the constructors of [`FaultLayer`](crate::FaultLayer).
pub trait Inject<Res, E> {
    /// The response type of the layered service.
    type Response;

    /// Makes the failure.
    ///
    /// # Errors
    ///
    /// Where a failure is an error.
    fn fail(&self) -> Result<Self::Response, E>;

    /// Passes on a response, its body perhaps at fault.
    fn pass(&self, response: Res, body: Option<BodyFault>) -> Self::Response;
}

/// What is done to a response body.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only HTTP has bodies to break")
)]
pub struct BodyFault(pub(crate) BodyKind);

#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "http"),
    expect(dead_code, reason = "only HTTP has bodies to break")
)]
pub(crate) enum BodyKind {
    Slow(Latency, fastrand::Rng),
    Fail(usize),
}

/// An injected failure is an error made by a closure.
#[derive(Clone, Copy)]
pub struct Failing<F>(pub(crate) F);

/// An injected failure is a response made by a closure.
#[derive(Clone, Copy)]
pub struct Responding<F>(pub(crate) F);

impl<Res, E, F: Fn() -> E> Inject<Res, E> for Failing<F> {
    type Response = Res;

    fn fail(&self) -> Result<Res, E> {
        Err((self.0)())
    }

    fn pass(&self, response: Res, _: Option<BodyFault>) -> Res {
        response
    }
}

impl<Res, E, F: Fn() -> Res> Inject<Res, E> for Responding<F> {
    type Response = Res;

    fn fail(&self) -> Result<Res, E> {
        Ok((self.0)())
    }

    fn pass(&self, response: Res, _: Option<BodyFault>) -> Res {
        response
    }
}

impl<F> fmt::Debug for Failing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failing").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Responding<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responding").finish_non_exhaustive()
    }
}
