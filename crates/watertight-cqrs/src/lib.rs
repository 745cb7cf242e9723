//! Commands and queries handled by tower Services, over an event store.
//!
//! - [`Decider`], [`Event`]: the domain, pure and synchronous.
//! - [`CommandHandler`]: a decider as a Service of [`CommandRequest`]s, with idempotency keys and deciding again on conflict.
//! - [`CommandFailure`]: the handler's error with whatever layers there are around it.
//! - `http`, behind the feature `axum`: commands over HTTP.
//! - [`CommandBus`]: all the commands of a program in one place.
//! - [`View`], [`Projection`]: read models, and what keeps them up to date.
//! - [`ConsistencyToken`]: what a reader waits for to see what it has written.

mod bus;
mod codec;
mod command;
mod decider;
#[cfg(feature = "axum")]
pub mod http;
mod idempotency;
mod projection;
mod token;

pub use self::{
    bus::{BusError, CommandBus, CommandBusBuilder, CommandsOf, NamedCommands, NoHandler, Told},
    codec::{CodecError, Encoded, Event},
    command::{
        CommandError, CommandFailure, CommandFuture, CommandHandler, CommandHandlerBuilder,
        CommandRequest, Committed, unboxed,
    },
    decider::Decider,
    idempotency::IdempotencyKey,
    projection::{
        Fact, OnPoison, Projection, ProjectionError, ProjectionHandle, ProjectionSnapshot,
        ProjectionState, View,
    },
    token::{ConsistencyToken, InvalidToken},
};
