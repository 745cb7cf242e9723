use std::{fmt, hash::Hash};

use crate::{Admit, Forget, Gated, Keyed, Rejected};

/// Admission by key: the closure says which key a request has.
pub struct ByKey<K, V, G> {
    keyed: Keyed<K, V>,
    key: G,
}

impl<K, V, G> ByKey<K, V, G> {
    /// Admits by the component of the request's key.
    pub const fn new(keyed: Keyed<K, V>, key: G) -> Self {
        Self { keyed, key }
    }

    /// The components by key.
    pub const fn keyed(&self) -> &Keyed<K, V> {
        &self.keyed
    }
}

impl<K, V, G, Req> Admit<Req> for ByKey<K, V, G>
where
    K: Clone + Eq + Hash,
    V: Admit<Req> + Clone + Forget,
    G: Fn(&Req) -> K,
{
    type Permit = V::Permit;

    fn admit(&self, request: &Req) -> Result<V::Permit, Rejected> {
        self.keyed.get(&(self.key)(request)).admit(request)
    }

    fn refuse(&self, gated: Option<Gated>) -> Rejected {
        self.keyed.overflow().refuse(gated)
    }
}

impl<K, V, G: Clone> Clone for ByKey<K, V, G> {
    fn clone(&self) -> Self {
        Self::new(self.keyed.clone(), self.key.clone())
    }
}

impl<K, V, G> fmt::Debug for ByKey<K, V, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey")
            .field("keyed", &self.keyed)
            .finish_non_exhaustive()
    }
}
