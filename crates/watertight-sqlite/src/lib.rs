//! The embedded event store: one SQLite file.
//!
//! Every write of the process goes through one writer, which commits together whatever is waiting; with `synchronous=FULL`,
//! the default, what was acknowledged survives a power cut. The tables are plain and documented in the migrations.

mod answer;
mod clock;
mod error;
mod failed;
mod guard;
mod inbox;
mod inline;
mod lock;
mod migrate;
mod open;
mod outbox;
mod read;
mod row;
mod snapshot;
mod store;
mod task;
mod transaction;
mod view;
mod writer;

pub use self::{
    error::OpenError,
    inbox::Inbox,
    open::{SqliteStoreBuilder, Synchronous},
    outbox::{Outbox, OutboxError},
    store::SqliteStore,
    transaction::{SqliteTransaction, TransactionError},
};
