use std::{error::Error as StdError, fmt};

use crate::{BoxError, Rejected};

/// The error of a layer whose refusals are errors: either ours, or the inner service's own.
///
/// `source()` leads to the refusal or the inner error, so [`Rejected::find`] and the downcasts of tonic and hyper keep
/// working through the stack. What stands there is not repeated here: show an error with its sources, as reporters do.
///
/// ```
/// use std::error::Error as _;
/// use watertight_core::{Error, Reason, Rejected};
///
/// let stacked: Error<Error<std::io::Error>> = Error::Inner(Error::Rejected(Rejected::new("email", Reason::Full)));
/// let error = stacked.flatten();
/// assert_eq!(error.rejected().unwrap().by, "email");
/// assert_eq!(error.to_string(), "the call was refused (full)");
/// assert_eq!(error.source().unwrap().to_string(), "rejected by `email`: no permit is free");
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error<E> {
    /// The call was refused, or given up.
    Rejected(Rejected),
    /// The inner service's own error.
    Inner(E),
}

impl<E> Error<E> {
    /// The refusal of this layer; refusals from further in are found by [`Rejected::find`].
    pub const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(_) => None,
        }
    }

    /// The inner service's error.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Rejected(_) => None,
            Self::Inner(inner) => Some(inner),
        }
    }
}

impl<E> Error<Error<E>> {
    /// Folds the errors of two stacked layers into one.
    pub fn flatten(self) -> Error<E> {
        match self {
            Self::Rejected(rejected) => Error::Rejected(rejected),
            Self::Inner(inner) => inner,
        }
    }
}

impl Error<BoxError> {
    /// Folds a layer's error and a boxed one into a boxed one, which `?` cannot do.
    #[must_use]
    pub fn into_boxed(self) -> BoxError {
        match self {
            Self::Rejected(rejected) => rejected.into(),
            Self::Inner(inner) => inner,
        }
    }
}

impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the refusal nor the inner error itself: both are the source, and would be told twice.
        match self {
            Self::Rejected(Rejected { reason, .. }) if reason.attempted() => {
                write!(f, "the call was given up ({})", reason.as_str())
            }
            Self::Rejected(Rejected { reason, .. }) => {
                write!(f, "the call was refused ({})", reason.as_str())
            }
            Self::Inner(_) => f.write_str("the call failed"),
        }
    }
}

impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Inner(inner) => Some(inner),
        }
    }
}
