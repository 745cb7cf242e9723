use std::{fmt, marker::PhantomData};

use watertight_core::{LookInto, Rejected, Typed, http::ResponseHead};

use crate::FindRefusal;

/// Refusals are found in errors, and in the extensions of the responses that our layers make of them.
pub struct InHttp<V = Typed>(PhantomData<fn() -> V>);

impl<V> InHttp<V> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Res: ResponseHead, E: LookInto<V>, V> FindRefusal<Res, E> for InHttp<V> {
    fn find(&self, result: Result<&Res, &E>) -> Option<Rejected> {
        match result {
            Ok(response) => response.extensions().get().copied(),
            Err(error) => Rejected::find(error.look()).copied(),
        }
    }
}

impl<V> Clone for InHttp<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for InHttp<V> {}

impl<V> fmt::Debug for InHttp<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InHttp")
    }
}
