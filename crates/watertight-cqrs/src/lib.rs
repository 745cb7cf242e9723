//! Commands and queries handled by tower Services, over an event store.
//!
//! - [`Decider`], [`Event`]: the domain, pure and synchronous.
//! - [`Upcasters`]: how stored events of the past become the events of today.
//! - [`CommandHandler`]: a decider as a Service of [`CommandRequest`]s, with idempotency keys and deciding again on conflict.
//! - [`CommandFailure`]: the handler's error with whatever layers there are around it.
//! - `http`, behind the feature `axum`: commands over HTTP.
//! - [`CommandBus`]: all the commands of a program in one place.
//! - [`View`], [`Projection`]: read models, and what keeps them up to date.
//! - [`TableProjection`], [`TableRunner`]: the same in tables of the user's own.
//! - [`Reactor`], [`Emit`]: side effects and process managers: what happens because something has happened.
//! - [`Lookup`], [`QueryHandler`]: queries of a view as a Service, which wait for what the asker has written.
//! - [`ConsistencyToken`]: what a reader waits for to see what it has written.

mod bus;
mod codec;
mod command;
mod decider;
#[cfg(feature = "axum")]
pub mod http;
mod idempotency;
mod projection;
mod query;
mod reactor;
mod token;

pub use self::{
    bus::{BusError, CommandBus, CommandBusBuilder, CommandsOf, NamedCommands, NoHandler, Told},
    codec::{CodecError, Encoded, Event, Steps, Upcast, UpcasterError, Upcasters},
    command::{
        CommandError, CommandFailure, CommandFuture, CommandHandler, CommandHandlerBuilder,
        CommandRequest, Committed, SnapshotCounts, unboxed,
    },
    decider::Decider,
    idempotency::IdempotencyKey,
    projection::{
        Fact, Folds, Model, OnPoison, Projection, ProjectionError, ProjectionHandle,
        ProjectionSnapshot, ProjectionState, Runner, TableProjection, TableRunner, Tables, View,
    },
    query::{
        Fresh, Lookup, Matches, QueryError, QueryFuture, QueryHandler, QueryHandlerBuilder,
        QueryRequest, ViewReader,
    },
    reactor::{Delivery, Emit, Reactions, Reactor, Reacts, Start},
    token::{ConsistencyToken, InvalidToken},
};
