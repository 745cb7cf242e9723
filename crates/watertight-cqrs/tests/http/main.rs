//! Commands over HTTP, with real servers and clients.

mod headers;
mod keys;
mod stacks;
mod statuses;
#[path = "../support/mod.rs"]
mod support;
mod web;
