use std::{
    borrow::Borrow,
    cmp::Reverse,
    fmt,
    hash::Hash,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use papaya::HashMap;
use tokio::time::Instant;

use crate::BuildError;

// The tick of an entry that is being forgotten.
const RETIRED: u64 = u64::MAX;

/// One component per key (host, route, tenant), bounded: beyond the limit, new keys share one overflow component.
///
/// A key that was idle for long enough is forgotten when room is needed, unless its component is busy.
/// A hostile number of keys costs a bounded amount of memory and a constant amount of work per call.
///
/// The builders of the layer crates make one by `keyed`, and the layers take it by `keyed`. It can be used by itself, too:
///
/// ```
/// use std::sync::Arc;
/// use watertight_core::{Forget, KeyLimits, Keyed};
///
/// #[derive(Clone)]
/// struct Seen(Arc<str>);
///
/// impl Forget for Seen {
///     fn can_be_forgotten(&self) -> bool {
///         Arc::strong_count(&self.0) == 1
///     }
/// }
///
/// let hosts = Keyed::new(KeyLimits::default(), Seen("others".into()), |host: &String| Seen(host.as_str().into()));
/// assert_eq!(&*hosts.get(&"a.test".to_owned()).0, "a.test");
/// assert_eq!((hosts.len(), hosts.overflowed()), (1, 0));
/// ```
pub struct Keyed<K, V>(Arc<Inner<K, V>>);

struct Inner<K, V> {
    entries: HashMap<K, Entry<V>>,
    len: AtomicUsize,
    overflowed: AtomicU64,
    overflow: V,
    make: Box<dyn Fn(&K) -> V + Send + Sync>,
    limits: KeyLimits,
    start: Instant,
    next_sweep: AtomicU64,
    making: Mutex<()>,
}

struct Entry<V> {
    component: V,
    used: AtomicU64,
}

/// How many keys are kept, and for how long.
///
/// ```
/// use std::time::Duration;
/// use watertight_core::KeyLimits;
///
/// let limits = KeyLimits::new("hosts", 500, Duration::from_secs(3_600))?;
/// assert_eq!(KeyLimits::new("hosts", 0, limits.idle).unwrap_err().field(), "max_keys");
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KeyLimits {
    /// Keys kept at the same time. Default 1 000.
    pub max_keys: usize,
    /// Time without a call after which a key may be forgotten. Default 10 minutes.
    pub idle: Duration,
}

/// Whether a component can be forgotten without anybody noticing: nothing in flight, nothing forced.
pub trait Forget {
    /// Whether it can be forgotten now.
    fn can_be_forgotten(&self) -> bool;
}

impl KeyLimits {
    /// Keeps this many keys, and forgets those idle for this long when it needs room.
    ///
    /// # Errors
    ///
    /// `max_keys` is zero, or `idle` is under a millisecond.
    pub fn new(name: &str, max_keys: usize, idle: Duration) -> Result<Self, BuildError> {
        Self { max_keys, idle }.checked(name)
    }

    /// The same limits, if they make sense.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn checked(self, name: &str) -> Result<Self, BuildError> {
        let Self { max_keys, idle } = self;
        if max_keys == 0 {
            return Err(BuildError::invalid(
                name,
                "max_keys",
                max_keys,
                "at least 1",
            ));
        }
        if idle < Duration::from_millis(1) {
            return Err(BuildError::invalid(name, "idle", idle, "at least 1ms"));
        }
        Ok(self)
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self {
            max_keys: 1_000,
            idle: Duration::from_secs(600),
        }
    }
}

impl<K, V> Keyed<K, V>
where
    K: Clone + Eq + Hash,
    V: Clone + Forget,
{
    /// Makes a component per key by the closure; `overflow` serves the keys there is no room for.
    pub fn new(
        limits: KeyLimits,
        overflow: V,
        make: impl Fn(&K) -> V + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            entries: HashMap::new(),
            len: AtomicUsize::new(0),
            overflowed: AtomicU64::new(0),
            overflow,
            make: Box::new(make),
            limits,
            start: Instant::now(),
            next_sweep: AtomicU64::new(0),
            making: Mutex::new(()),
        }))
    }

    /// The component of a key, made now if it is new, or the overflow component if there is no room.
    pub fn get(&self, key: &K) -> V {
        self.get_or_own(key, || key.clone())
    }

    /// The component of a key that is borrowed, such as a `&str`; only a key that is not known yet is made its own.
    pub fn get_or_own<Q>(&self, key: &Q, own: impl FnOnce() -> K) -> V
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let now = self.0.tick();
        match self.0.find(key, now) {
            Some(component) => component,
            None => self.0.make_room_for(&own(), now),
        }
    }

    /// The component of a key that is known, without making one.
    #[must_use]
    pub fn peek(&self, key: &K) -> Option<V> {
        let entries = self.0.entries.pin();
        entries.get(key).map(|entry| entry.component.clone())
    }

    /// The component that serves the keys there is no room for.
    #[must_use]
    pub fn overflow(&self) -> &V {
        &self.0.overflow
    }

    /// Every known key with its component, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<(K, V)> {
        let entries = self.0.entries.pin();
        let known = entries.iter();
        known
            .map(|(key, entry)| (key.clone(), entry.component.clone()))
            .collect()
    }

    /// The known keys of which most can be said, at most so many of them, the first one first: for a page or a metric
    /// that has room for a few.
    ///
    /// `how_much` says how much there is of a component, such as its refusals. Looks at every key.
    #[must_use]
    pub fn top(&self, most: usize, how_much: impl Fn(&V) -> u64) -> Vec<(K, V)> {
        let ranked = self.all().into_iter();
        let mut ranked: Vec<_> = ranked.map(|it| (how_much(&it.1), it)).collect();
        ranked.sort_by_key(|(much, _)| Reverse(*much));
        ranked.truncate(most);
        ranked.into_iter().map(|(_, it)| it).collect()
    }
}

impl<K, V> Keyed<K, V> {
    /// How many keys are kept now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len.load(Ordering::Relaxed)
    }

    /// Whether no key is kept now.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many calls the overflow component has served.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.0.overflowed.load(Ordering::Relaxed)
    }

    /// How many keys are kept, and for how long.
    #[must_use]
    pub fn limits(&self) -> KeyLimits {
        self.0.limits
    }
}

impl<K, V> Inner<K, V>
where
    K: Clone + Eq + Hash,
    V: Clone + Forget,
{
    fn tick(&self) -> u64 {
        millis(self.start.elapsed())
    }

    fn find<Q>(&self, key: &Q, now: u64) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entries = self.entries.pin();
        let entry = entries.get(key)?;
        entry.touch(now).then(|| entry.component.clone())
    }

    fn make_room_for(&self, key: &K, now: u64) -> V {
        // While the map is full and no sweep is due, a flood of strangers does not even reach the lock.
        if self.is_full() && now < self.next_sweep.load(Ordering::Relaxed) {
            return self.overflow();
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(component) = self.find(key, now) {
            return component;
        }
        if self.is_full() && now >= self.next_sweep.load(Ordering::Relaxed) {
            let idle = millis(self.limits.idle);
            let next = now.saturating_add((idle / 4).max(1));
            self.next_sweep.store(next, Ordering::Relaxed);
            self.forget_idle(now.saturating_sub(idle));
        }
        if self.is_full() {
            return self.overflow();
        }
        let component = (self.make)(key);
        let entry = Entry {
            component: component.clone(),
            used: AtomicU64::new(now),
        };
        if self.entries.pin().insert(key.clone(), entry).is_none() {
            self.len.fetch_add(1, Ordering::Relaxed);
        }
        component
    }

    fn is_full(&self) -> bool {
        self.len.load(Ordering::Relaxed) >= self.limits.max_keys
    }

    fn overflow(&self) -> V {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        self.overflow.clone()
    }

    fn forget_idle(&self, before: u64) {
        let entries = self.entries.pin();
        for (key, entry) in &entries {
            if entry.retire(before) && entries.remove(key).is_some() {
                self.len.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl<V: Forget> Entry<V> {
    /// Marks the entry as used; false if it is being forgotten, and a new one must be made.
    fn touch(&self, now: u64) -> bool {
        let mut used = self.used.load(Ordering::Relaxed);
        while used < now {
            match self
                .used
                .compare_exchange_weak(used, now, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(actual) => used = actual,
            }
        }
        used != RETIRED
    }

    /// Claims the entry for forgetting; a caller that touches it in the meantime wins.
    fn retire(&self, before: u64) -> bool {
        let used = self.used.load(Ordering::Acquire);
        used < before
            && self.component.can_be_forgotten()
            && self
                .used
                .compare_exchange(used, RETIRED, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }
}

impl<K, V> Clone for Keyed<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Keyed<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed")
            .field("len", &self.len())
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(RETIRED - 1, |millis| millis.min(RETIRED - 1))
}
