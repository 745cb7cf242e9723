use std::{future::Future, marker::PhantomData, pin::Pin};

/// A service of `K`'s commands or queries, for those that are JSON.
pub(super) struct ByJson<K, S> {
    pub(super) service: S,
    kind: PhantomData<fn() -> K>,
}

/// An answer on its way.
pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<K, S> ByJson<K, S> {
    pub(super) const fn new(service: S) -> Self {
        let kind = PhantomData;
        Self { service, kind }
    }
}

impl<K, S: Clone> Clone for ByJson<K, S> {
    fn clone(&self) -> Self {
        Self::new(self.service.clone())
    }
}
