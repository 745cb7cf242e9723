use std::{error::Error as StdError, fmt, marker::PhantomData, time::Duration};

use crate::{BoxError, Error, Rejected, Verdict};

/// Judges a finished call: success, failure, or nothing that counts.
///
/// Closures implement it; name their argument types, because a closure behind a generic bound is not inferred:
///
/// ```
/// use watertight_core::{Classify, Verdict};
///
/// let judge = |result: Result<&u16, &std::io::Error>| match result {
///     Ok(code) if *code < 500 => Verdict::Success,
///     _ => Verdict::Failure,
/// };
/// assert_eq!(judge.classify(Ok(&503)), Verdict::Failure);
/// ```
///
/// # Panics
///
/// A classifier that panics breaks its own call only: the permit goes back without a verdict and the panic goes on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not judge responses `{Res}` and errors `{E}`",
    note = "where errors are a `BoxError`, it is `Errors::boxed()`, `ServerErrors::boxed()`, or the layer's `boxed`; \
            `ServerErrors` is for HTTP responses; a closure is `|result: Result<&Res, &E>| -> Verdict`, types and all"
)]
pub trait Classify<Res, E> {
    /// The verdict on this result.
    fn classify(&self, result: Result<&Res, &E>) -> Verdict;

    /// How long the service asked its callers to stay away; asked after a failure only.
    fn retry_after(&self, _result: Result<&Res, &E>) -> Option<Duration> {
        None
    }
}

impl<Res, E, F> Classify<Res, E> for F
where
    F: Fn(Result<&Res, &E>) -> Verdict,
{
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        self(result)
    }
}

/// How a classifier looks into an error: straight, or through a box. `V` keeps the two implementations apart.
pub trait LookInto<V> {
    /// The error to search for a refusal.
    fn look(&self) -> &(dyn StdError + 'static);
}

/// The error type implements [`std::error::Error`].
#[derive(Clone, Copy, Debug)]
pub struct Typed;

/// The error type is [`BoxError`].
#[derive(Clone, Copy, Debug)]
pub struct Boxed;

impl<E: StdError + 'static> LookInto<Typed> for E {
    fn look(&self) -> &(dyn StdError + 'static) {
        self
    }
}

impl LookInto<Boxed> for BoxError {
    fn look(&self) -> &(dyn StdError + 'static) {
        &**self
    }
}

/// A layer's error around a boxed one, which does not implement [`std::error::Error`] itself.
impl LookInto<Boxed> for Error<BoxError> {
    fn look(&self) -> &(dyn StdError + 'static) {
        match self {
            Self::Rejected(rejected) => rejected,
            Self::Inner(inner) => &**inner,
        }
    }
}

/// Errors fail, every response is a success; a refusal from further in counts as neither. The default.
///
/// ```
/// use watertight_core::{Classify, Errors, Reason, Rejected, Verdict};
///
/// let refused = Rejected::new("email", Reason::Full);
/// assert_eq!(Errors::new().classify(Err::<&(), _>(&refused)), Verdict::Ignore);
/// ```
pub struct Errors<V = Typed>(PhantomData<fn() -> V>);

impl Errors {
    /// For error types that implement [`std::error::Error`].
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl Errors<Boxed> {
    /// For [`BoxError`], the error type of `tower::Buffer` and its like.
    #[must_use]
    pub const fn boxed() -> Self {
        Self(PhantomData)
    }
}

impl<Res, E: LookInto<V>, V> Classify<Res, E> for Errors<V> {
    fn classify(&self, result: Result<&Res, &E>) -> Verdict {
        result.map_or_else(|error| judge(error.look()), |_| Verdict::Success)
    }
}

impl<V> Clone for Errors<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Errors<V> {}

impl<V> Default for Errors<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<V> fmt::Debug for Errors<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Errors")
    }
}

/// The verdict on an error: a refusal that is no failure of the dependency says nothing about it.
#[must_use]
pub fn judge(error: &(dyn StdError + 'static)) -> Verdict {
    match Rejected::find(error) {
        Some(rejected) if !rejected.reason.is_failure() => Verdict::Ignore,
        _ => Verdict::Failure,
    }
}
