use std::{
    fmt,
    future::{Future, Ready, ready},
};

use crate::{Cause, Failure, Strategy};

/// Answers with what a closure `Fn(Cause) -> Response` makes.
#[derive(Clone, Copy)]
pub struct RespondWith<F>(F);

/// Answers with what a closure `Fn(Failure<Response, E, Captured>) -> Result<Response, E>` makes.
#[derive(Clone, Copy)]
pub struct Recover<F>(F);

/// Answers with what an async closure `Fn(Failure<Response, E, Captured>) -> Future` makes.
#[derive(Clone, Copy)]
pub struct RecoverAsync<F>(F);

impl<F> RespondWith<F> {
    /// Answers with what the closure makes of the cause.
    pub const fn new<Res>(respond: F) -> Self
    where
        F: Fn(Cause) -> Res,
    {
        Self(respond)
    }
}

impl<F> Recover<F> {
    /// Answers with what the closure makes of the failure.
    pub const fn new(recover: F) -> Self {
        Self(recover)
    }
}

impl<F> RecoverAsync<F> {
    /// Answers with what the future that the closure makes of the failure comes to.
    pub const fn new(recover: F) -> Self {
        Self(recover)
    }
}

impl<F, Res, E, K> Strategy<Res, E, K> for RespondWith<F>
where
    F: Fn(Cause) -> Res,
{
    type Future = Ready<Result<Res, E>>;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        Ok(ready(Ok((self.0)(failure.cause))))
    }
}

impl<F, Res, E, K> Strategy<Res, E, K> for Recover<F>
where
    F: Fn(Failure<Res, E, K>) -> Result<Res, E>,
{
    type Future = Ready<Result<Res, E>>;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        Ok(ready((self.0)(failure)))
    }
}

impl<F, Fut, Res, E, K> Strategy<Res, E, K> for RecoverAsync<F>
where
    F: Fn(Failure<Res, E, K>) -> Fut,
    Fut: Future<Output = Result<Res, E>>,
{
    type Future = Fut;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Fut, Failure<Res, E, K>> {
        Ok((self.0)(failure))
    }
}

impl<F> fmt::Debug for RespondWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RespondWith").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Recover<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recover").finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for RecoverAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecoverAsync").finish_non_exhaustive()
    }
}
