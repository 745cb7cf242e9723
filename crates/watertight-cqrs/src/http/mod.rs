//! Commands over HTTP: a route for axum, its headers, and its problems.
//!
//! | header | of a request | of an answer |
//! |---|---|---|
//! | `Idempotency-Key` | done once under this key, however often it is sent | |
//! | `If-Match` | only if the stream is at this version; `*`: only if it is there | |
//! | `If-None-Match` | `*`: only if it is not there | |
//! | `ETag` | | the version of the stream |
//! | `Consistency-Token` | what the caller has seen | what a reader waits for to see this too |
//! | `Correlation-Id` | a UUID for everything that belongs together | the same, or a new one |
//! | `traceparent` | the trace that it is part of; a malformed one is left out, as W3C has it | |
//! | `Idempotent-Replayed` | | `true`: it was done before, under the same key |
//! | `Retry-After` | | seconds, where trying again may help |
//!
//! What is not done is an `application/problem+json` (RFC 9457):
//!
//! | status | why |
//! |---|---|
//! | 400 | a header is malformed; the body is no JSON; something in the command can be in no store |
//! | 409 | so many other commands came first that the handler gave up |
//! | 412 | the stream is not where `If-Match` or `If-None-Match` has it |
//! | 413 | the body, or what would be recorded, is too large |
//! | 415 | the body is not said to be JSON |
//! | 422 | the decider turned it down, or the status that you choose for it; the JSON is no such command; the key was used for another command |
//! | 500 | the store failed; or it was lost, and the same key tells whether it is done |
//! | 503 | overloaded, or the store failed for the moment |
//! | 504 | the deadline has passed; with a key, the same key tells whether it is done |
//!
//! What the store said is in none of them.

mod failure;
mod head;
mod problem;
mod receipt;
mod route;
mod shed;

pub use self::{
    head::Actor,
    receipt::Receipt,
    route::{command_route, command_route_with},
};

/// Seconds after which to come back when the queue was full, or the store was away for the moment.
const SOON: u64 = 1;
