mod client;
mod client_builder;
mod per_host;
mod replay;
mod retries;
mod retry;
mod server;

pub use self::{
    client::{ClientService, ClientStack},
    client_builder::{ClientBuilder, client},
    per_host::PerHost,
    replay::Replay,
    retries::Retries,
    retry::{Once, RetryPolicy, RetryService},
    server::{Paths, ServerBuilder, ServerService, ServerStack, server},
};
