//! tower's own layers.

use tower::{
    Layer, Service, limit::ConcurrencyLimitLayer, load_shed::LoadShedLayer, timeout::TimeoutLayer,
};
use watertight_benches::{
    lab::Lab,
    ours::{NEVER, ROOM},
    service::{Answers, Fault, Yields},
    subject::{Subject, occupy},
};

/// The name in every case.
pub const NAME: &str = "tower";

/// `ConcurrencyLimit` with room for every call.
pub fn limit() -> Subject {
    Subject::answering(NAME, ConcurrencyLimitLayer::new(ROOM).layer(Answers))
}

/// `LoadShed` over a `ConcurrencyLimit` that is full.
pub fn limit_full(lab: &Lab) -> Subject {
    let service = LoadShedLayer::new().layer(ConcurrencyLimitLayer::new(1).layer(Answers));
    occupy(lab, &service);
    Subject::refusing(NAME, service)
}

/// `Timeout` around a service that answers at once.
pub fn timeout_ready() -> Subject {
    timeout(Answers)
}

/// `Timeout` around a service that answers at the second poll.
pub fn timeout_yielding() -> Subject {
    timeout(Yields)
}

fn timeout<S>(inner: S) -> Subject
where
    S: Service<u64, Error = Fault, Future: Send> + Clone + Send + 'static,
{
    Subject::answering(NAME, TimeoutLayer::new(NEVER).layer(inner))
}
