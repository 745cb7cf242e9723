use std::{io, path::PathBuf};

use rusqlite::{Error, ErrorCode};
use watertight_events::{ReadError, ViewError, WriteError, group_commit::CommitError};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another store of this one, has the file open.
    #[error("{} is in use by another store", .0.display())]
    InUse(PathBuf),
    /// The file was written by a newer version, which this one does not understand.
    #[error("the file has schema {found}, newer than {known}")]
    Newer {
        /// The schema of the file.
        found: u32,
        /// The newest that this version knows.
        known: u32,
    },
    /// A setting makes no sense.
    #[error("invalid {field}: {value}, expected {expected}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The lock file beside it cannot be made.
    #[error("the lock of the file cannot be taken")]
    Lock(#[source] io::Error),
    /// The system gives no thread for the writer.
    #[error("the writer cannot be started")]
    Thread(#[source] io::Error),
    /// SQLite cannot open the file, or it is no store.
    #[error("the file cannot be opened")]
    Sqlite(#[from] Error),
}

/// What became of a transaction that SQLite ended with an error: it always rolls back.
pub(crate) fn commit_error(error: &Error) -> CommitError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch) => {
            CommitError::Data(error.to_string().into())
        }
        code => CommitError::Failed {
            transient: code.is_some_and(is_transient),
            message: error.to_string().into(),
        },
    }
}

pub(crate) fn read_error(error: &Error) -> ReadError {
    let transient = error.sqlite_error_code().is_some_and(is_transient);
    ReadError::new(transient, error.to_string())
}

pub(crate) fn view_error(error: &Error) -> ViewError {
    let ReadError {
        transient, message, ..
    } = read_error(error);
    ViewError::store(transient, message)
}

pub(crate) fn write_error(error: &Error) -> WriteError {
    commit_error(error).into()
}

const fn is_transient(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::SystemIoFailure
            | ErrorCode::OperationInterrupted
    )
}
