//! The table of a command's statuses.

use std::fmt;

use axum::http::StatusCode;
use watertight_core::Error;
use watertight_events::{Expected, Version};

use crate::{CommandError, http::problem::Problem};

/// How it was asked for, as far as it matters to the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// Where the caller said that the stream must be.
    pub(super) expected: Option<Expected>,
    /// The caller can ask again, under the same key.
    pub(super) by_key: bool,
}

impl Asked {
    fn excludes(self, actual: Version) -> bool {
        self.expected.is_some_and(|expected| !expected.fits(actual))
    }
}

/// The problem that a failure is; `status` is that of a rejection.
pub(super) fn problem<R: fmt::Display>(
    failure: Error<CommandError<R>>,
    asked: Asked,
    status: impl FnOnce(&R) -> StatusCode,
) -> Problem {
    let error = match failure {
        Error::Rejected(why) => return Problem::refused(why),
        Error::Inner(error) => error,
    };
    match error {
        CommandError::Rejected(why) => Problem::new(status(&why), why.to_string()),
        CommandError::Invalid(invalid) => {
            Problem::new(StatusCode::BAD_REQUEST, invalid.to_string())
        }
        CommandError::Conflict { actual, .. } if asked.excludes(actual) => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            format!("it is at version {actual} now"),
        ),
        CommandError::Conflict { .. } => Problem::new(
            StatusCode::CONFLICT,
            "other commands came first, try again later",
        )
        .soon(),
        CommandError::KeyMismatch => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the Idempotency-Key was used for another command",
        ),
        CommandError::TooLarge { field, size, limit } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the {field} is {size}, more than {limit}"),
        ),
        CommandError::Overloaded => Problem::overloaded(super::BY),
        CommandError::Deadline { attempted: false } => Problem::too_late(super::BY),
        CommandError::Deadline { attempted: true } => {
            Problem::new(StatusCode::GATEWAY_TIMEOUT, perhaps_done(asked))
        }
        CommandError::Store {
            transient: true, ..
        } => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing was recorded, try again later",
        )
        .soon(),
        CommandError::Unknown => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, perhaps_done(asked))
        }
        CommandError::Store { .. } | CommandError::Corrupt { .. } | CommandError::Codec(_) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "nothing was recorded")
        }
    }
}

const fn perhaps_done(asked: Asked) -> &'static str {
    if asked.by_key {
        "it may have been done; the same request with the same Idempotency-Key tells"
    } else {
        "it may have been done"
    }
}
