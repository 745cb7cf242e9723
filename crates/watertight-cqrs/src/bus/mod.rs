//! All the commands, or all the queries, of a program in one place.

mod command;
mod entries;
mod json;
mod query;

use watertight_core::Error;

pub use self::{
    command::{CommandBus, CommandBusBuilder, CommandsOf, NamedCommands, Told},
    query::{NamedQueries, QueriesOf, QueryBus, QueryBusBuilder},
};

/// Why a bus did not answer; `E` is a [`CommandError`](crate::CommandError) or a [`QueryError`](crate::QueryError).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BusError<E: std::error::Error + 'static> {
    /// Nobody has registered for it.
    #[error(transparent)]
    NoHandler(#[from] NoHandler),
    /// A layer refused, or the handler failed.
    #[error(transparent)]
    Failed(#[from] Error<E>),
}

/// Nobody has registered under this name, for this decider, or for this lookup.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("nobody handles the {what} of `{name}`")]
#[non_exhaustive]
pub struct NoHandler {
    /// `commands` or `queries`.
    pub what: &'static str,
    /// The name; or the decider's category, or the lookup's type.
    pub name: String,
}
