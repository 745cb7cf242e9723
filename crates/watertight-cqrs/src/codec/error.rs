use watertight_core::BoxError;
use watertight_events::Kind;

/// Why an event could not be stored, or what is stored is no event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// No variant has the name, or the payload is not what that variant holds.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It was stored by a program that is newer than this one.
    #[error("`{kind}` has version {schema}, newer than {known}")]
    Newer {
        /// The stored name.
        kind: Kind,
        /// The version of its shape.
        schema: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// An upcaster does not take what is stored.
    #[error("the upcaster of `{kind}` from version {schema} failed: {source}")]
    Upcast {
        /// The stored name, or that of an event on the way.
        kind: Kind,
        /// The version of its shape.
        schema: u32,
        /// Why.
        source: BoxError,
    },
    /// One stored event was split into more than anybody can want.
    #[error("`{kind}` of version {schema} is split into more than {limit} events")]
    TooMany {
        /// The stored name.
        kind: Kind,
        /// The version of its shape.
        schema: u32,
        /// How many it may be.
        limit: usize,
    },
    /// The upcasters do not fit together.
    #[error(transparent)]
    Upcasters(#[from] UpcasterError),
}

/// Why upcasters do not fit together: which event, and which version of its shape.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpcasterError {
    /// There are two steps from there.
    #[error("`{kind}` has two upcasters from version {version}")]
    Twice {
        /// The stored name.
        kind: &'static str,
        /// The version of its shape.
        version: u32,
    },
    /// There is a later version, and no way to it from this one.
    #[error("`{kind}` has no upcaster from version {version}")]
    Gap {
        /// The stored name.
        kind: &'static str,
        /// The version of its shape.
        version: u32,
    },
    /// What is made from there comes to the same again.
    #[error("the upcasters from `{kind}` of version {version} lead back to it")]
    Cycle {
        /// The stored name.
        kind: &'static str,
        /// The version of its shape.
        version: u32,
    },
    /// A variant is stored in this version, and would be replaced when it is read.
    #[error("`{kind}` is stored in version {version}, which an upcaster replaces")]
    Replaced {
        /// The stored name.
        kind: &'static str,
        /// The version of its shape.
        version: u32,
    },
    /// This is where a chain ends, and no variant has the name.
    #[error("upcasters make `{kind}` of version {version}, and no variant has that name")]
    Unknown {
        /// The stored name.
        kind: &'static str,
        /// The version of its shape.
        version: u32,
    },
}
