use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

/// The state of every account, as far as it was used: its version is all that these commands need.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cached(Arc<Mutex<HashMap<Uuid, i64>>>);

impl Cached {
    /// The next version of an account, which is taken with it.
    pub(crate) fn next(&self, account: Uuid) -> i64 {
        let mut versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = versions.entry(account).or_default();
        *version += 1;
        *version
    }
}
