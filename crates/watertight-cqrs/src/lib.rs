//! Commands and queries handled by tower Services, over an event store.
//!
//! - [`Decider`], [`Event`]: the domain, pure and synchronous.
//! - [`CommandHandler`]: a decider as a Service of [`CommandRequest`]s, with idempotency keys and deciding again on conflict.
//! - [`ConsistencyToken`]: what a reader waits for to see what it has written.

mod codec;
mod command;
mod decider;
mod idempotency;
mod token;

pub use self::{
    codec::{CodecError, Encoded, Event},
    command::{
        CommandError, CommandFuture, CommandHandler, CommandHandlerBuilder, CommandRequest,
        Committed,
    },
    decider::Decider,
    idempotency::IdempotencyKey,
    token::{ConsistencyToken, InvalidToken},
};
