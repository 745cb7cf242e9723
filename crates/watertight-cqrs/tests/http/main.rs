//! Commands and queries over HTTP, with real servers and clients.

mod books;
mod fresh;
mod headers;
mod keys;
mod lost;
mod queries;
mod stacks;
mod statuses;
#[path = "../support/mod.rs"]
mod support;
mod tags;
mod web;
