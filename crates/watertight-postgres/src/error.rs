use sqlx::Error;
use watertight_events::{ReadError, group_commit::CommitError};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database was migrated by a newer version, which this one does not understand.
    #[error("the database has schema {found}, newer than {known}")]
    Newer {
        /// The schema of the database.
        found: i32,
        /// The newest that this version knows.
        known: i32,
    },
    /// The database cannot be reached, or refuses.
    #[error("the database cannot be used")]
    Database(#[from] Error),
}

/// What a failed statement says about its transaction.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A row that was believed to be free is not: somebody else has written.
    Taken,
    /// It was rolled back.
    RolledBack(CommitError),
    /// The connection is gone, and with it the answer.
    Lost(Error),
}

pub(crate) fn failure(error: Error) -> Failure {
    let Error::Database(said) = &error else {
        return Failure::Lost(error);
    };
    let code = said.code().unwrap_or_default();
    let message = || error.to_string().into();
    match code.get(..2) {
        _ if code == "23505" => Failure::Taken,
        Some("22" | "23" | "54") => Failure::RolledBack(CommitError::Data(message())),
        // The server is going down or has cut us off: the statement may have been done before.
        Some("57" | "08") if code != "57014" => Failure::Lost(error),
        _ => Failure::RolledBack(CommitError::Failed {
            transient: is_transient(&error),
            message: message(),
        }),
    }
}

pub(crate) fn failed(error: &Error) -> CommitError {
    CommitError::Failed {
        transient: is_transient(error),
        message: error.to_string().into(),
    }
}

pub(crate) fn read_error(error: &Error) -> ReadError {
    ReadError::new(is_transient(error), error.to_string())
}

/// Whether the same may go well another time: the connection, a deadlock, a server that is full or starting.
pub(crate) fn is_transient(error: &Error) -> bool {
    match error {
        Error::Database(said) => {
            let code = said.code().unwrap_or_default();
            // The server's guard against whoever is frozen in a transaction.
            code == "25P03" || matches!(code.get(..2), Some("08" | "40" | "53" | "55" | "57"))
        }
        Error::Io(_)
        | Error::Tls(_)
        | Error::Protocol(_)
        | Error::PoolTimedOut
        | Error::WorkerCrashed => true,
        _ => false,
    }
}
