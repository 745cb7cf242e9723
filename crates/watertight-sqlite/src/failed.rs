use watertight_events::{ViewId, group_commit::CommitError};

use crate::error::commit_error;

/// Why a batch was not committed.
#[derive(Debug)]
pub(crate) enum Failed {
    Sqlite(rusqlite::Error),
    /// An inline read model did not take it.
    Refused(String),
    /// An inline read model took too long.
    Slow(ViewId),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Failed> for CommitError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Sqlite(error) => commit_error(&error),
            Failed::Refused(why) => Self::Data(why.into()),
            // A smaller batch may take less.
            Failed::Slow(view) => {
                Self::Data(format!("read model {view} took too long for a commit").into())
            }
        }
    }
}
