//! Commands and queries over HTTP: routes for axum, their headers, and their problems.
//!
//! | header | of a request | of an answer |
//! |---|---|---|
//! | `Consistency-Token` | what the caller has seen; a query waits for it | what a reader waits for to see this too |
//! | `Correlation-Id` | a UUID for everything that belongs together | the same, or a new one |
//! | `traceparent` | the trace that it is part of; a malformed one is left out, as W3C has it | |
//! | `Retry-After` | | seconds, where trying again may help |
//!
//! Of commands:
//!
//! | header | of a request | of an answer |
//! |---|---|---|
//! | `Idempotency-Key` | done once under this key, however often it is sent | |
//! | `If-Match` | only if the stream is at this version; `*`: only if it is there | |
//! | `If-None-Match` | `*`: only if it is not there | |
//! | `ETag` | | the version of the stream |
//! | `Idempotent-Replayed` | | `true`: it was done before, under the same key |
//!
//! Of queries:
//!
//! | header | of a request | of an answer |
//! |---|---|---|
//! | `Prefer` | `wait=2`: the token is waited for 2 s, not 5 | |
//! | `If-None-Match` | the answers that the caller has: 304, if it is still one of them | |
//! | `ETag` | | a hash of the answer, or the version of its stream |
//! | `Cache-Control` | | `no-cache`: what is kept is asked for again |
//!
//! What is not done is an `application/problem+json` (RFC 9457). Both have
//!
//! | status | why |
//! |---|---|
//! | 400 | a header is malformed; the body is no JSON |
//! | 413 | the body is too large |
//! | 415 | the body is not said to be JSON |
//! | 503 | overloaded, or the store failed for the moment |
//! | 504 | the deadline has passed |
//!
//! Of commands:
//!
//! | status | why |
//! |---|---|
//! | 400 | something in the command can be in no store |
//! | 409 | so many other commands came first that the handler gave up |
//! | 412 | the stream is not where `If-Match` or `If-None-Match` has it |
//! | 413 | what would be recorded is too large |
//! | 422 | the decider turned it down, or the status that you choose for it; the JSON is no such command; the key was used for another command |
//! | 500 | the store failed; or it was lost, and the same key tells whether it is done |
//! | 504 | with a key, the same key tells whether it is done |
//!
//! Of queries:
//!
//! | status | why |
//! |---|---|
//! | 400 | it is no such query: the problem names the field; or the token is of another store |
//! | 404 | [`Answer::found`] has found nothing |
//! | 500 | it cannot be read |
//! | 503 | the view has not reached the token in time, or too many wait for it; or nobody runs it, and it would never (without `Retry-After`) |
//!
//! What the store said is in none of them.

mod command;
mod exchange;
mod field;
mod head;
mod problem;
mod query;
mod shed;

use watertight_events::Version;

pub use self::{
    command::{Receipt, command_route, command_route_with},
    head::Actor,
    query::{Answer, query_route},
};

/// Seconds after which to come back when the queue was full, or the store was away for the moment.
const SOON: u64 = 1;

/// A version as an `ETag`.
fn quoted(version: Version) -> String {
    format!("\"{version}\"")
}
