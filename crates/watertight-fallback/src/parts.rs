use std::{fmt, sync::Arc};

use watertight_core::Stripes;

use crate::Fallback;

/// What a layer is made of.
#[derive(Clone)]
pub(crate) struct Parts<A, D, K, M> {
    pub(crate) fallback: Fallback,
    pub(crate) strategy: A,
    pub(crate) failures: D,
    pub(crate) capture: K,
    pub(crate) form: M,
}

/// The parts once per worker: calls on different workers must not meet on one reference count.
pub(crate) struct Shared<T>(Arc<Stripes<Arc<T>>>);

impl<T: Clone> Shared<T> {
    pub(crate) fn new(parts: &T) -> Self {
        Self(Arc::new(Stripes::new(|_| Arc::new(parts.clone()))))
    }
}

impl<T> Shared<T> {
    pub(crate) fn get(&self) -> &Arc<T> {
        self.0.mine()
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A, D, K, M> fmt::Debug for Parts<A, D, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}
