use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::{
    BuildError, Feed,
    event::{Broadcast, Change, Event, Events},
};

/// Finds every component of a process: for health routes, consoles and tests.
///
/// Explicit, never global: hand it to the builders. It holds weak references, so a handle that is dropped is gone here.
///
/// ```
/// use watertight_core::{Registry, Value};
///
/// /// The names of the circuits that are not closed, for a health page.
/// fn troubled(registry: &Registry) -> Vec<String> {
///     let circuits = registry.snapshots().into_iter().filter(|it| it.kind == "circuit_breaker");
///     let closed = Value::Text("closed".to_owned());
///     circuits.filter(|it| it.field("state") != Some(&closed)).map(|it| it.name).collect()
/// }
/// assert!(troubled(&Registry::new()).is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<Inner>);

type Components = HashMap<(&'static str, Arc<str>), Weak<dyn Component>>;

#[derive(Default)]
struct Inner {
    components: Mutex<Components>,
    events: Arc<Broadcast<Event<Change>>>,
}

/// A component as a registry sees it.
pub trait Component: Send + Sync {
    /// The kind of component, such as `circuit_breaker`.
    fn kind(&self) -> &'static str;

    /// Its name, unique among its kind.
    fn name(&self) -> &str;

    /// Its state now.
    fn snapshot(&self) -> ComponentSnapshot;
}

/// A component's state in words that fit every component.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComponentSnapshot {
    /// The kind of component.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What there is to know of it, in a fixed order.
    pub fields: Vec<(&'static str, Value)>,
}

/// One fact in a [`ComponentSnapshot`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A count or a limit.
    Count(u64),
    /// A share between 0 and 1.
    Ratio(f64),
    /// A span of time.
    Time(Duration),
    /// A word, such as the name of a state.
    Text(String),
    /// Not known, or not set.
    Unknown,
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component; the builders do this.
    ///
    /// # Errors
    ///
    /// A living component of this kind has the name already.
    pub fn register(&self, component: &Arc<dyn Component>) -> Result<Feed, BuildError> {
        let (kind, name) = (component.kind(), component.name());
        let mut components = self.0.lock();
        components.retain(|_, known| known.strong_count() > 0);
        if components.contains_key(&(kind, Arc::from(name))) {
            return Err(BuildError::duplicate(kind, name));
        }
        components.insert((kind, Arc::from(name)), Arc::downgrade(component));
        Ok(Feed::to(&self.0.events))
    }

    /// The component of this kind and name.
    #[must_use]
    pub fn get(&self, kind: &'static str, name: &str) -> Option<Arc<dyn Component>> {
        self.0.lock().get(&(kind, Arc::from(name)))?.upgrade()
    }

    /// Every living component, ordered by kind and name.
    #[must_use]
    pub fn components(&self) -> Vec<Arc<dyn Component>> {
        let mut all: Vec<_> = self.0.lock().values().filter_map(Weak::upgrade).collect();
        all.sort_by(|one, other| (one.kind(), one.name()).cmp(&(other.kind(), other.name())));
        all
    }

    /// The state of every living component, ordered by kind and name.
    #[must_use]
    pub fn snapshots(&self) -> Vec<ComponentSnapshot> {
        let all = self.components();
        all.iter().map(|component| component.snapshot()).collect()
    }

    /// Subscribes to what happens to any component from now on, also to those that are registered later.
    #[must_use]
    pub fn subscribe(&self) -> Events<Event<Change>> {
        self.0.events.subscribe()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Components> {
        // The map is valid after any panic: no change to it is made in two steps.
        self.components
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl ComponentSnapshot {
    /// A snapshot of a component of this kind and name.
    pub fn new(
        kind: &'static str,
        name: impl Into<String>,
        fields: Vec<(&'static str, Value)>,
    ) -> Self {
        let name = name.into();
        Self { kind, name, fields }
    }

    /// One fact by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find_map(|(known, value)| (*known == name).then_some(value))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("components", &self.lock().len())
            .finish_non_exhaustive()
    }
}
