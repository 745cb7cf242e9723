//! Deadlines that travel: read from a request by the server, inherited by its clients, sent along as what is left.

mod client;
#[cfg(feature = "grpc")]
mod grpc_timeout;
mod layer;
mod server;
mod wire;

#[cfg(feature = "http")]
pub use self::wire::Millis;
pub use self::{
    client::{ClientDeadlineLayer, ClientDeadlineService},
    layer::{Client, Deadlines, Server},
    server::{DeadlineFuture, DeadlineLayer, DeadlineService},
    wire::{Local, Wire},
};
#[cfg(feature = "grpc")]
pub use self::{
    grpc_timeout::{format as format_grpc_timeout, parse as parse_grpc_timeout},
    wire::GrpcTimeout,
};
