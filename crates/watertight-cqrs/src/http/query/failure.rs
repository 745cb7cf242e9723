//! The table of a query's statuses.

use axum::http::StatusCode;
use watertight_core::Error;

use super::BY;
use crate::{QueryError, http::problem::Problem};

/// The problem that a failure is.
pub(super) fn problem(failure: Error<QueryError>) -> Problem {
    let error = match failure {
        Error::Rejected(why) => return Problem::refused(why),
        Error::Inner(error) => error,
    };
    match error {
        QueryError::Invalid { .. } => Problem::new(StatusCode::BAD_REQUEST, error.to_string()),
        QueryError::OtherStore { .. } => Problem::new(
            StatusCode::BAD_REQUEST,
            "the header consistency-token is of another store: ask without it",
        ),
        QueryError::Stopped { view, .. } => away(format!(
            "the view {} is behind the Consistency-Token, and nobody brings it up to date",
            view.name
        )),
        QueryError::Unknown { name } => away(format!("there is no view {name} yet")),
        QueryError::Behind { view, .. } => away(format!(
            "the view {} has not reached the Consistency-Token yet, try again later",
            view.name
        ))
        .soon(),
        QueryError::Overloaded => Problem::overloaded(BY),
        QueryError::Deadline => Problem::too_late(BY),
        QueryError::Store {
            transient: true, ..
        } => away("it cannot be read, try again later".to_owned()).soon(),
        QueryError::Store { .. } | QueryError::Corrupt { .. } | QueryError::Codec(_) => broken(),
    }
}

/// There may be an answer, but it cannot be told.
pub(super) fn broken() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "it cannot be read")
}

fn away(why: String) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)
}
