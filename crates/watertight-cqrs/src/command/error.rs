use std::{error::Error, fmt, sync::Arc};

use watertight_events::{Expected, Invalid, ReadError, StreamId, Version, WriteError};

use crate::CodecError;

/// Why a command was not done; `R` is the decider's rejection.
///
/// Nothing was recorded, except after [`Unknown`](Self::Unknown) and a [`Deadline`](Self::Deadline) that passed on the way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CommandError<R> {
    /// The decider turned it down.
    Rejected(R),
    /// Something in it can be in no store.
    Invalid(Invalid),
    /// The stream is not where the caller expects it; or so many others were first that the handler gave up.
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What was expected.
        expected: Expected,
        /// Where it is.
        actual: Version,
    },
    /// The idempotency key was used before, for another command.
    KeyMismatch,
    /// Something in it is larger than the store takes.
    TooLarge {
        /// What is too large, and in which unit.
        field: &'static str,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The queue of the store is full; nothing was tried.
    Overloaded,
    /// The deadline has passed.
    Deadline {
        /// Whether the store had been asked to record it: then it may be done, and the same key tells.
        attempted: bool,
    },
    /// An event of the stream cannot be read, so that its state is not known.
    Corrupt {
        /// The stream.
        stream: StreamId,
        /// Which event it is.
        version: Version,
        /// What is wrong with it.
        why: Arc<str>,
    },
    /// An event that was decided upon cannot be stored, or the upcasters do not fit together.
    Codec(Arc<CodecError>),
    /// The store failed.
    Store {
        /// Whether trying again may help.
        transient: bool,
        /// What it said.
        message: Arc<str>,
    },
    /// The store failed, and could not say afterwards whether it is done; the same key tells.
    Unknown,
}

impl<R> CommandError<R> {
    /// What the decider said, if it turned the command down.
    pub const fn rejection(&self) -> Option<&R> {
        match self {
            Self::Rejected(why) => Some(why),
            _ => None,
        }
    }

    /// The same with another rejection.
    pub fn map_rejection<R2>(self, map: impl FnOnce(R) -> R2) -> CommandError<R2> {
        match self {
            Self::Rejected(why) => CommandError::Rejected(map(why)),
            Self::Invalid(invalid) => CommandError::Invalid(invalid),
            Self::Conflict {
                stream,
                expected,
                actual,
            } => CommandError::Conflict {
                stream,
                expected,
                actual,
            },
            Self::KeyMismatch => CommandError::KeyMismatch,
            Self::TooLarge { field, size, limit } => CommandError::TooLarge { field, size, limit },
            Self::Overloaded => CommandError::Overloaded,
            Self::Deadline { attempted } => CommandError::Deadline { attempted },
            Self::Corrupt {
                stream,
                version,
                why,
            } => CommandError::Corrupt {
                stream,
                version,
                why,
            },
            Self::Codec(why) => CommandError::Codec(why),
            Self::Store { transient, message } => CommandError::Store { transient, message },
            Self::Unknown => CommandError::Unknown,
        }
    }
}

impl<R> From<WriteError> for CommandError<R> {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict {
                stream,
                expected,
                actual,
            } => Self::Conflict {
                stream,
                expected,
                actual,
            },
            WriteError::KeyMismatch => Self::KeyMismatch,
            WriteError::Invalid(invalid) => Self::Invalid(invalid),
            WriteError::TooLarge { field, size, limit } => Self::TooLarge { field, size, limit },
            WriteError::Overloaded => Self::Overloaded,
            WriteError::Store { transient, message } => Self::Store { transient, message },
            WriteError::Unknown => Self::Unknown,
            other => Self::Store {
                transient: false,
                message: other.to_string().into(),
            },
        }
    }
}

impl<R> From<ReadError> for CommandError<R> {
    fn from(error: ReadError) -> Self {
        Self::Store {
            transient: error.transient,
            message: error.message,
        }
    }
}

impl<R> From<CodecError> for CommandError<R> {
    fn from(error: CodecError) -> Self {
        Self::Codec(Arc::new(error))
    }
}

impl<R: fmt::Display> fmt::Display for CommandError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(why) => why.fmt(f),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Conflict {
                stream,
                expected,
                actual,
            } => write!(
                f,
                "stream {stream} is at version {actual}, expected {expected}"
            ),
            Self::KeyMismatch => f.write_str("the idempotency key was used for another command"),
            Self::TooLarge { field, size, limit } => {
                write!(f, "the {field} is {size}, more than {limit}")
            }
            Self::Overloaded => f.write_str("the queue of the store is full"),
            Self::Deadline { attempted: false } => f.write_str("the deadline has passed"),
            Self::Deadline { attempted: true } => {
                f.write_str("the deadline has passed while the command was being recorded")
            }
            Self::Corrupt {
                stream,
                version,
                why,
            } => write!(
                f,
                "event {version} of stream {stream} cannot be read: {why}"
            ),
            Self::Codec(why) => write!(f, "events cannot be stored: {why}"),
            Self::Store { message, .. } => write!(f, "the store failed: {message}"),
            Self::Unknown => f.write_str("the store was lost, and with it the answer"),
        }
    }
}

impl<R: Error + 'static> Error for CommandError<R> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Rejected(why) => Some(why),
            Self::Invalid(invalid) => Some(invalid),
            Self::Codec(why) => Some(&**why),
            _ => None,
        }
    }
}
