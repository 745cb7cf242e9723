use std::{
    fmt,
    future::{Ready, ready},
    hash::Hash,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwapOption;
use tokio::time::Instant;
use watertight_core::{BuildError, Forget, KeyLimits, Keyed};

use crate::{Failure, Form, Made, Strategy};

/// The last good response per key, for as long as it is young enough. Clones share it.
///
/// The key is what the layer's `capture` closure took, or `()` for one response for all. Memory is bounded: so many
/// keys, so much of each; while every key is in use, new ones are not remembered.
///
/// ```
/// use std::{io, time::Duration};
/// use tower::{Layer, ServiceExt, service_fn};
/// use watertight_fallback::{Fallback, FallbackLayer, Stale};
///
/// # tokio_test::block_on(async {
/// let stale = Stale::builder(Duration::from_secs(60)).max_keys(100).build()?;
/// let service = FallbackLayer::new(Fallback::default())
///     .capture(|flower: &&'static str| *flower)
///     .stale(stale.clone())
///     .layer(service_fn(async |_: &'static str| Ok::<_, io::Error>(3)));
/// service.oneshot("rose").await.unwrap();
/// assert_eq!(stale.peek(&"rose"), Some(3));
/// # Ok::<(), watertight_core::BuildError>(())
/// # }).unwrap();
/// ```
pub struct Stale<Q, Res>(Arc<Inner<Q, Res>>);

struct Inner<Q, Res> {
    slots: Keyed<Q, Slot<Res>>,
    config: StaleBuilder<Res>,
}

/// What a key remembers; the slot that all keys share for which there is no room remembers nothing.
struct Slot<Res>(Option<Arc<ArcSwapOption<Kept<Res>>>>);

pub(crate) struct Kept<Res> {
    pub(crate) response: Res,
    at: Instant,
}

/// Builds a [`Stale`].
#[must_use = "a builder does nothing until it is built"]
pub struct StaleBuilder<Res> {
    max_age: Duration,
    max_keys: usize,
    refresh_after: Duration,
    max_size: usize,
    weigh: Option<Arc<Weigh<Res>>>,
}

type Weigh<Res> = dyn Fn(&Res) -> usize + Send + Sync;

/// What was captured of a request, as a key of [`Stale`]: the key itself, or `None` for a request that has none.
///
/// Implement it for a type that captures more than the key.
pub trait StaleKey<Q> {
    /// The key; without one the response is neither remembered nor answered from memory.
    fn stale_key(&self) -> Option<&Q>;
}

impl<Res> Stale<(), Res> {
    /// Remembers responses for at most this long.
    pub fn builder(max_age: Duration) -> StaleBuilder<Res> {
        StaleBuilder {
            max_age,
            max_keys: 1_000,
            refresh_after: Duration::ZERO,
            max_size: usize::MAX,
            weigh: None,
        }
    }
}

impl<Q: Clone + Eq + Hash, Res> Stale<Q, Res> {
    /// The response remembered for a key, if it is young enough.
    #[must_use]
    pub fn peek(&self, key: &Q) -> Option<Res>
    where
        Res: Clone,
    {
        let (kept, _) = self.kept(key)?;
        Some(kept.response.clone())
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.slots.len()
    }

    /// The response and its age.
    pub(crate) fn kept(&self, key: &Q) -> Option<(Arc<Kept<Res>>, Duration)> {
        let kept = self.0.slots.peek(key)?.0?.load_full()?;
        let age = kept.at.elapsed();
        (age <= self.0.config.max_age).then_some((kept, age))
    }

    /// Whether a response to this key would be remembered now.
    pub(crate) fn wants(&self, key: &Q) -> bool {
        let age = self.kept(key).map(|(_, age)| age);
        age.is_none_or(|age| age >= self.0.config.refresh_after)
    }

    pub(crate) fn put(&self, key: &Q, response: Res) {
        if let Slot(Some(slot)) = self.0.slots.get(key) {
            let at = Instant::now();
            slot.store(Some(Arc::new(Kept { response, at })));
        }
    }

    pub(crate) fn is_light(&self, response: &Res) -> bool {
        let weigh = self.0.config.weigh.as_ref();
        weigh.is_none_or(|weigh| weigh(response) <= self.0.config.max_size)
    }
}

/// For a response that was not young when it came.
#[cfg(feature = "http")]
impl<Q, Res> Stale<Q, Res> {
    pub(crate) fn max_age(&self) -> Duration {
        self.0.config.max_age
    }

    pub(crate) fn refresh_after(&self) -> Duration {
        self.0.config.refresh_after
    }
}

impl<Res> StaleBuilder<Res> {
    /// Remembers at most so many keys; a key without a good response for the maximum age makes room. Default 1 000.
    pub const fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Leaves a response in place that is younger than this, so that not every call pays for remembering. Default 0.
    pub const fn refresh_after(mut self, age: Duration) -> Self {
        self.refresh_after = age;
        self
    }

    /// Remembers no response that the closure finds heavier than this, in whatever unit it weighs.
    pub fn max_size(
        mut self,
        most: usize,
        weigh: impl Fn(&Res) -> usize + Send + Sync + 'static,
    ) -> Self {
        self.max_size = most;
        self.weigh = Some(Arc::new(weigh));
        self
    }

    /// Builds the memory.
    ///
    /// # Errors
    ///
    /// The maximum age is under a millisecond, there is no room for a key, or a response would have to be refreshed
    /// when it is too old already.
    pub fn build<Q>(self) -> Result<Stale<Q, Res>, BuildError>
    where
        Q: Clone + Eq + Hash,
        Res: 'static,
    {
        const NAME: &str = "stale";
        if self.max_age < Duration::from_millis(1) {
            let expected = "at least 1ms";
            return Err(BuildError::invalid(NAME, "max_age", self.max_age, expected));
        }
        if self.refresh_after >= self.max_age {
            let why = "a response would be too old before it is refreshed";
            return Err(BuildError::conflict(NAME, "refresh_after", "max_age", why));
        }
        let limits = KeyLimits::new(NAME, self.max_keys, self.max_age)?;
        let slots = Keyed::new(limits, Slot(None), |_| Slot::empty());
        Ok(Stale(Arc::new(Inner {
            slots,
            config: self,
        })))
    }
}

impl<Res> Slot<Res> {
    fn empty() -> Self {
        Self(Some(Arc::new(ArcSwapOption::empty())))
    }
}

impl<Q, Res, K> Form<Res, K> for Stale<Q, Res>
where
    Q: Clone + Eq + Hash,
    Res: Clone,
    K: StaleKey<Q>,
{
    type Response = Res;

    fn good(&self, response: Res, captured: &K) -> Res {
        if let Some(key) = captured.stale_key()
            && self.wants(key)
            && self.is_light(&response)
        {
            self.put(key, response.clone());
        }
        response
    }

    fn untouched(&self, response: Res) -> Res {
        response
    }

    fn made(&self, response: Res, _: Made) -> Res {
        response
    }
}

impl<Q, Res, E, K> Strategy<Res, E, K> for Stale<Q, Res>
where
    Q: Clone + Eq + Hash,
    Res: Clone,
    K: StaleKey<Q>,
{
    type Future = Ready<Result<Res, E>>;

    fn answer(&self, failure: Failure<Res, E, K>) -> Result<Self::Future, Failure<Res, E, K>> {
        let key = failure.captured.stale_key();
        match key.and_then(|key| self.peek(key)) {
            Some(response) => Ok(ready(Ok(response))),
            None => Err(failure),
        }
    }
}

impl<Q> StaleKey<Q> for Q {
    fn stale_key(&self) -> Option<&Q> {
        Some(self)
    }
}

impl<Q> StaleKey<Q> for Option<Q> {
    fn stale_key(&self) -> Option<&Q> {
        self.as_ref()
    }
}

impl<Res> Forget for Slot<Res> {
    fn can_be_forgotten(&self) -> bool {
        true
    }
}

impl<Res> Clone for Slot<Res> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, Res> Clone for Stale<Q, Res> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, Res> fmt::Debug for Stale<Q, Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stale")
            .field("keys", &self.0.slots.len())
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

impl<Res> fmt::Debug for StaleBuilder<Res> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaleBuilder")
            .field("max_age", &self.max_age)
            .field("max_keys", &self.max_keys)
            .field("refresh_after", &self.refresh_after)
            .field("max_size", &self.max_size)
            .finish_non_exhaustive()
    }
}
