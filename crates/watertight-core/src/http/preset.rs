#[cfg(feature = "grpc")]
use crate::http::{GrpcErrors, GrpcStatus, GrpcTrailers};
use crate::{
    AdmissionLayer, UntilHead,
    http::{Problem, ServerErrors, UntilBodyEnd},
};

impl<A> AdmissionLayer<A, ServerErrors, Problem> {
    /// For axum routers and other HTTP services: refusals are 503 problems with `Retry-After`, the error type stays
    /// what it was, 5xx and errors are failures. No `HandleErrorLayer` is needed.
    pub const fn for_http(handle: A) -> Self {
        Self::of(handle, ServerErrors::new(), Problem::new(), UntilHead)
    }
}

#[cfg(feature = "grpc")]
impl<A> AdmissionLayer<A, GrpcErrors, GrpcStatus, UntilBodyEnd<GrpcTrailers>> {
    /// For gRPC on both sides, without depending on tonic: refusals are a trailers-only `grpc-status`, and a call is
    /// judged by the status in its headers or trailers.
    pub const fn for_grpc(handle: A) -> Self {
        let hold = UntilBodyEnd::judged_by(GrpcTrailers);
        Self::of(handle, GrpcErrors::new(), GrpcStatus, hold)
    }
}

impl<A, C, R, U> AdmissionLayer<A, C, R, U> {
    /// Holds the permit until the response's body has ended instead of until its head.
    pub fn until_body_end(self) -> AdmissionLayer<A, C, R, UntilBodyEnd> {
        self.hold(UntilBodyEnd::new())
    }
}
