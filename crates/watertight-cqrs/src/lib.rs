//! Commands and queries handled by tower Services, over an event store.
//!
//! - [`Decider`], [`Event`]: the domain, pure and synchronous.
//! - [`Upcasters`]: how stored events of the past become the events of today.
//! - [`CommandHandler`]: a decider as a Service of [`CommandRequest`]s, with idempotency keys and deciding again on conflict.
//! - [`HandlerFailure`]: a handler's error with whatever layers there are around it; [`ByHealth`] judges it for them.
//! - `http`, behind the feature `axum`: commands and queries over HTTP.
//! - [`CommandBus`], [`QueryBus`]: all the commands and all the queries of a program in one place.
//! - [`View`], [`Projection`]: read models, and what keeps them up to date.
//! - [`TableProjection`], [`TableRunner`]: the same in tables of the user's own.
//! - [`Reactor`], [`Emit`]: side effects and process managers: what happens because something has happened.
//! - [`Lookup`], [`QueryHandler`]: queries of a view as a Service, which wait for what the asker has written.
//! - [`ConsistencyToken`]: what a reader waits for to see what it has written.

mod bus;
mod codec;
mod command;
mod decider;
mod failure;
#[cfg(feature = "axum")]
pub mod http;
mod idempotency;
mod projection;
mod query;
mod reactor;
mod token;

pub use self::{
    bus::{
        BusError, CommandBus, CommandBusBuilder, CommandsOf, NamedCommands, NamedQueries,
        NoHandler, QueriesOf, QueryBus, QueryBusBuilder, Told,
    },
    codec::{CodecError, Encoded, Event, Steps, Upcast, UpcasterError, Upcasters},
    command::{
        CommandError, CommandFuture, CommandHandler, CommandHandlerBuilder, CommandRequest,
        Committed, SnapshotCounts,
    },
    decider::Decider,
    failure::{ByHealth, CommandFailure, HandlerFailure, unboxed, unboxed_query},
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
