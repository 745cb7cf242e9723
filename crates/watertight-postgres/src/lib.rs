//! The event store that many nodes share: PostgreSQL, through the user's own pool.
//!
//! Every node has one writer, which commits together whatever is waiting in a single statement that is guarded by the head.
//! So positions are gapless and in commit order, also between nodes. Read models are in the same database, moved on by one
//! node at a time: leases are on the server's clock. The tables are plain and documented in the migrations;
//! they are in a schema of their own, `watertight`.

mod connection;
mod error;
mod inbox;
mod inline;
mod journal;
mod locked;
mod migrate;
mod moving;
mod news;
mod open;
mod outbox;
mod read;
mod row;
mod snapshot;
mod store;
mod transaction;
mod view;
mod writer;

pub use self::{
    error::OpenError,
    inbox::Inbox,
    open::PostgresStoreBuilder,
    outbox::{Outbox, OutboxError},
    store::PostgresStore,
};
