mod client;
mod client_builder;
mod per_host;
mod plan;
mod replay;
mod retries;
mod retry;
mod server;

#[cfg(feature = "grpc")]
pub(crate) use self::plan::Plan;
pub use self::{
    client::{ClientService, ClientStack},
    client_builder::{ClientBuilder, client},
    per_host::PerHost,
    plan::Paths,
    replay::Replay,
    retries::Retries,
    retry::{Once, RetryPolicy, RetryService},
    server::{ServerBuilder, ServerService, ServerStack, server},
};
