use std::sync::{Arc, OnceLock, Weak};

use tokio::time::Instant;

use crate::event::{Broadcast, Change, Event, EventKind, Events};

/// Where a component's events come from; costs nothing until somebody subscribes.
#[derive(Debug)]
pub struct EventSource<K> {
    component: &'static str,
    sender: Broadcast<Event<K>>,
    feed: OnceLock<Feed>,
}

/// Where a component tells a registry's subscribers what happened.
#[derive(Clone, Debug)]
pub struct Feed(Weak<Broadcast<Event<Change>>>);

impl<K: EventKind> EventSource<K> {
    /// A source for a component of this kind.
    #[must_use]
    pub const fn new(component: &'static str) -> Self {
        Self {
            component,
            sender: Broadcast::new(),
            feed: OnceLock::new(),
        }
    }

    /// Subscribes to what happens from now on.
    pub fn subscribe(&self) -> Events<Event<K>> {
        self.sender.subscribe()
    }

    /// Lets a registry's subscribers hear these events too.
    pub fn attach(&self, feed: Feed) {
        // A component is built into one registry only, so a second feed cannot come.
        let _ = self.feed.set(feed);
    }

    /// Whether anybody would hear an event, so that nothing need be made where nobody listens.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.sender.is_heard() || self.feed.get().is_some_and(Feed::is_heard)
    }

    /// Tells the subscribers, if there are any.
    pub fn emit(&self, name: &str, generation: u64, at: Instant, kind: K) {
        if !self.is_heard() {
            return;
        }
        let (component, name) = (self.component, Arc::from(name));
        let event = Event {
            component,
            name,
            generation,
            at,
            kind,
        };
        if let Some(feed) = self.feed.get() {
            feed.send(Event {
                component,
                name: Arc::clone(&event.name),
                generation,
                at,
                kind: event.kind.change(),
            });
        }
        self.sender.send(event);
    }
}

impl Feed {
    pub(crate) fn to(registry: &Arc<Broadcast<Event<Change>>>) -> Self {
        Self(Arc::downgrade(registry))
    }

    fn is_heard(&self) -> bool {
        self.0.upgrade().is_some_and(|registry| registry.is_heard())
    }

    fn send(&self, event: Event<Change>) {
        if let Some(registry) = self.0.upgrade() {
            registry.send(event);
        }
    }
}
