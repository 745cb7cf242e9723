use std::{error::Error as StdError, fmt};

/// A configuration that makes no sense, found by `build()`.
///
/// ```
/// use watertight_core::BuildError;
///
/// let error = BuildError::invalid("payments", "probes", 0, "at least 1");
/// assert_eq!(error.field(), "probes");
/// assert_eq!(error.to_string(), "`payments`: `probes` is 0, expected at least 1");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BuildError {
    /// A field has a value that it cannot have.
    #[non_exhaustive]
    Invalid {
        /// The component that was being built.
        name: String,
        /// The builder method that set the field.
        field: &'static str,
        /// The value it was given.
        value: String,
        /// What it accepts.
        expected: &'static str,
    },
    /// Two fields contradict each other.
    #[non_exhaustive]
    Conflict {
        /// The component that was being built.
        name: String,
        /// The builder method whose value cannot hold.
        field: &'static str,
        /// The builder method it contradicts.
        other: &'static str,
        /// Why they cannot both hold.
        why: &'static str,
    },
    /// The registry has a component of this kind and name already.
    #[non_exhaustive]
    DuplicateName {
        /// The kind of the component.
        kind: &'static str,
        /// The name that is taken.
        name: String,
    },
}

impl BuildError {
    /// A field that has a value it cannot have.
    pub fn invalid(
        name: impl Into<String>,
        field: &'static str,
        value: impl fmt::Debug,
        expected: &'static str,
    ) -> Self {
        Self::Invalid {
            name: name.into(),
            field,
            value: format!("{value:?}"),
            expected,
        }
    }

    /// Two fields that contradict each other.
    pub fn conflict(
        name: impl Into<String>,
        field: &'static str,
        other: &'static str,
        why: &'static str,
    ) -> Self {
        Self::Conflict {
            name: name.into(),
            field,
            other,
            why,
        }
    }

    pub(crate) fn duplicate(kind: &'static str, name: impl Into<String>) -> Self {
        Self::DuplicateName {
            kind,
            name: name.into(),
        }
    }

    /// The builder method whose value is at fault; `name` for a name that is taken.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Invalid { field, .. } | Self::Conflict { field, .. } => field,
            Self::DuplicateName { .. } => "name",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid {
                name,
                field,
                value,
                expected,
            } => {
                write!(f, "`{name}`: `{field}` is {value}, expected {expected}")
            }
            Self::Conflict {
                name,
                field,
                other,
                why,
            } => {
                write!(f, "`{name}`: `{field}` contradicts `{other}`: {why}")
            }
            Self::DuplicateName { kind, name } => {
                write!(f, "the registry has a {kind} named `{name}` already")
            }
        }
    }
}

impl StdError for BuildError {}
