//! What the layers need of HTTP: a reject behaviour, classifiers, body wrappers, deadlines and keys from requests.

mod body;
mod classify;
mod deadline;
#[cfg(feature = "grpc")]
mod grpc;
mod hold;
mod key;
mod preset;
mod problem;

pub use self::body::OwnBody;
pub use self::classify::{ResponseHead, ServerErrors};
pub use self::deadline::HttpDeadline;
#[cfg(feature = "grpc")]
pub use self::grpc::{GrpcErrors, GrpcStatus, GrpcTrailers, code_of};
pub use self::hold::{BodyEnd, Ending, HeldBody, UntilBodyEnd};
pub use self::key::{Host, RequestTarget, host_of};
pub use self::problem::{Problem, SameBody};
