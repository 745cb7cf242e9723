//! The standard stack for a gRPC server: [`server()`]. Nothing of it depends on tonic.

mod server;

pub use self::server::{ServerBuilder, ServerService, ServerStack, server};
