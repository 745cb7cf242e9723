use std::{
    future::{Ready, ready},
    sync::Arc,
};

use crate::{Failure, Strategy};

/// Answers with a clone of one response.
#[derive(Debug)]
pub struct Value<V>(Arc<V>);

impl<V> Value<V> {
    /// Answers with clones of this.
    pub fn new(value: V) -> Self {
        Self(Arc::new(value))
    }
}

impl<Res: Clone, E, K> Strategy<Res, E, K> for Value<Res> {
    type Future = Ready<Result<Res, E>>;

    fn answer(&self, _: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        Ok(ready(Ok(Res::clone(&self.0))))
    }
}

impl<V> Clone for Value<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
