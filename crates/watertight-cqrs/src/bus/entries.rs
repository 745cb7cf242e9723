use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
};

use watertight_core::BuildError;

use super::NoHandler;

/// The services of a bus: each by a type, some also by a name as an `N`.
pub(super) struct Entries<N> {
    what: &'static str,
    typed: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    named: HashMap<String, N>,
    /// The first one that was registered again.
    twice: Option<String>,
}

impl<N: Clone> Entries<N> {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            what,
            typed: HashMap::new(),
            named: HashMap::new(),
            twice: None,
        }
    }

    /// Adds the service of the type `K`, which errors call by this name.
    pub(super) fn add<K: 'static>(&mut self, name: &str, service: impl Any + Send + Sync) {
        let before = self.typed.insert(TypeId::of::<K>(), Box::new(service));
        if before.is_some() {
            self.twice.get_or_insert_with(|| name.to_owned());
        }
    }

    pub(super) fn add_named(&mut self, name: String, service: N) {
        if self.named.insert(name.clone(), service).is_some() {
            self.twice.get_or_insert(name);
        }
    }

    /// These, if each was registered once.
    pub(super) fn build(self, bus: &str, expected: &'static str) -> Result<Self, BuildError> {
        match &self.twice {
            None => Ok(self),
            Some(twice) => Err(BuildError::invalid(bus, "register", twice, expected)),
        }
    }

    /// The service of the type `K`.
    pub(super) fn typed<K: 'static, S: Any + Clone>(&self, name: &str) -> Result<S, NoHandler> {
        let service = self.typed.get(&TypeId::of::<K>());
        let service = service.and_then(|service| service.downcast_ref::<S>());
        service.cloned().ok_or_else(|| self.no_handler(name))
    }

    pub(super) fn named(&self, name: &str) -> Result<N, NoHandler> {
        let service = self.named.get(name).cloned();
        service.ok_or_else(|| self.no_handler(name))
    }

    fn no_handler(&self, name: &str) -> NoHandler {
        NoHandler {
            what: self.what,
            name: name.to_owned(),
        }
    }
}

impl<N> fmt::Debug for Entries<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("of", &self.what)
            .field("types", &self.typed.len())
            .field("names", &self.named.keys())
            .finish_non_exhaustive()
    }
}
