use std::{fmt, marker::PhantomData};

use watertight_core::{Classify, Errors, LookInto, Rejected, Typed, Verdict};

use crate::Cause;

/// Tells which results need another answer, and why: a classifier for failures, and where refusals are found.
///
/// A refusal from further in needs another answer although a classifier ignores it: it says nothing about the
/// dependency, but the caller has no answer.
pub struct Failures<C = Errors, L = InErrors> {
    classify: C,
    look: L,
}

/// Finds the refusal in a result, if it is one.
pub trait FindRefusal<Res, E> {
    /// The refusal.
    fn find(&self, result: Result<&Res, &E>) -> Option<Rejected>;
}

/// Refusals are found in errors and in what caused them. The default, for any protocol.
pub struct InErrors<V = Typed>(PhantomData<fn() -> V>);

impl<C, L> Failures<C, L> {
    pub(crate) const fn of(classify: C, look: L) -> Self {
        Self { classify, look }
    }

    pub(crate) fn classify<C2>(self, classify: C2) -> Failures<C2, L> {
        let look = self.look;
        Failures { classify, look }
    }

    pub(crate) fn cause<Res, E>(&self, result: Result<&Res, &E>) -> Option<Cause>
    where
        C: Classify<Res, E>,
        L: FindRefusal<Res, E>,
    {
        let verdict = self.classify.classify(result);
        if verdict == Verdict::Success {
            return None;
        }
        match (self.look.find(result), verdict) {
            (Some(rejected), _) => Some(rejected.into()),
            (None, Verdict::Failure) => Some(match result {
                Ok(_) => Cause::Response,
                Err(_) => Cause::Error,
            }),
            (None, _) => None,
        }
    }
}

impl<V> InErrors<V> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Res, E: LookInto<V>, V> FindRefusal<Res, E> for InErrors<V> {
    fn find(&self, result: Result<&Res, &E>) -> Option<Rejected> {
        let error = result.err()?;
        Rejected::find(error.look()).copied()
    }
}

impl<V> Clone for InErrors<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for InErrors<V> {}

impl<V> fmt::Debug for InErrors<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InErrors")
    }
}

impl<C: Clone, L: Clone> Clone for Failures<C, L> {
    fn clone(&self) -> Self {
        Self {
            classify: self.classify.clone(),
            look: self.look.clone(),
        }
    }
}

impl<C, L> fmt::Debug for Failures<C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures").finish_non_exhaustive()
    }
}
