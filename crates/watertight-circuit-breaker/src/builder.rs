use std::{
    fmt::Debug,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, RandomState},
    sync::Arc,
    time::Duration,
};

use watertight_core::{BuildError, Component, KeyLimits, Keyed, Registry, intern};

use crate::{
    CircuitBreaker,
    config::{Backoff, Cancelled, Config, Ramp, SlowCalls, Window},
    machine::{Rules, State},
    shared::Plan,
};

/// Builds a [`CircuitBreaker`]. Every setting has a default; `build` names a setting that makes no sense.
///
/// | setting | default |
/// |---|---|
/// | `failure_rate` | 0.5 |
/// | `window` | the last 100 calls |
/// | `minimum_calls` | 20, or the window of calls if that is smaller |
/// | `slow_calls`, `consecutive_failures`, `ramp` | none |
/// | `open_for` | 5 s |
/// | `backoff` | 2.0 up to 60 s, with a jitter of 0.1 |
/// | `probes`, `probe_timeout` | 3, 5 s |
/// | `cancelled` | `Never` |
/// | `seed` | random |
#[must_use = "a builder does nothing until `build`"]
#[derive(Clone, Debug)]
pub struct CircuitBreakerBuilder {
    name: String,
    config: Config,
    longest: Option<(f64, Duration)>,
    jitter: Option<f64>,
    state: State,
    seed: Option<u64>,
    registry: Option<Registry>,
}

impl CircuitBreakerBuilder {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            config: Config::default(),
            longest: None,
            jitter: None,
            state: State::Closed,
            seed: None,
            registry: None,
        }
    }

    /// Opens when this share of the calls in the window has failed; above 0 and up to 1.
    pub const fn failure_rate(mut self, rate: f64) -> Self {
        self.config.failure_rate = Some(rate);
        self
    }

    /// Does not open by the rate of failures; another limit is needed then.
    pub const fn no_failure_rate(mut self) -> Self {
        self.config.failure_rate = None;
        self
    }

    /// Rates count once this many calls are in the window: at least 1, and no more than a window of calls holds.
    pub const fn minimum_calls(mut self, calls: u32) -> Self {
        self.config.minimum_calls = Some(calls);
        self
    }

    /// What the rates are taken over: 1 to [`MAX_WINDOW_CALLS`](crate::MAX_WINDOW_CALLS) calls, or some time above zero.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use watertight_circuit_breaker::{CircuitBreaker, Window};
    /// let busy = CircuitBreaker::builder("busy").window(Window::calls(1_000)).build()?;
    /// // With little traffic, a minimum that can be reached within the time.
    /// let rare = CircuitBreaker::builder("rare")
    ///     .window(Window::time(Duration::from_secs(60)))
    ///     .minimum_calls(5)
    ///     .build()?;
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    pub const fn window(mut self, window: Window) -> Self {
        self.config.window = window;
        self
    }

    /// Opens when this share of the calls took longer than `after`, however they ended; above 0 and up to 1.
    pub const fn slow_calls(mut self, after: Duration, rate: f64) -> Self {
        self.config.slow_calls = Some(SlowCalls::new(after, rate));
        self
    }

    /// Opens after this many failures in a row, at least 1, whatever the rate and the minimum of calls are.
    pub const fn consecutive_failures(mut self, failures: u32) -> Self {
        self.config.consecutive_failures = Some(failures);
        self
    }

    /// How long an open circuit refuses before it takes probes. Zero takes them with the next call;
    /// [`Duration::MAX`] refuses until it is reset.
    pub const fn open_for(mut self, wait: Duration) -> Self {
        self.config.open_for = wait;
        self
    }

    /// Each further wait is `factor` times as long, up to `max`; a server's `Retry-After` is also cut there. The factor
    /// is at least 1, and `max` no shorter than `open_for`.
    ///
    /// The back-off is forgotten step by step, each after a healthy time as long as its wait.
    pub const fn backoff(mut self, factor: f64, max: Duration) -> Self {
        self.longest = Some((factor, max));
        self
    }

    /// The share by which a repeated wait may be shorter, at random; from 0 to 1.
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share);
        self
    }

    /// How many calls a half-open circuit lets through, in flight or decided: 1 to [`MAX_PROBES`](crate::MAX_PROBES).
    pub const fn probes(mut self, probes: u16) -> Self {
        self.config.probes = probes;
        self
    }

    /// Probes that have not come back after this time are written off, and new ones are taken.
    pub const fn probe_timeout(mut self, timeout: Duration) -> Self {
        self.config.probe_timeout = timeout;
        self
    }

    /// Lets traffic back gradually after the circuit has closed.
    pub const fn ramp(mut self, ramp: Ramp) -> Self {
        self.config.ramp = Some(ramp);
        self
    }

    /// What a call says whose caller went away. By default nothing, so a timeout *outside* of the circuit breaker, over
    /// a service that hangs, never opens it.
    pub const fn cancelled(mut self, cancelled: Cancelled) -> Self {
        self.config.cancelled = cancelled;
        self
    }

    /// Records each call's duration as a metric, also where the clock is not read otherwise (some 20 ns per call).
    pub const fn record_durations(mut self) -> Self {
        self.config.record_durations = true;
        self
    }

    /// Starts as a circuit that records and never refuses.
    pub const fn metrics_only(mut self) -> Self {
        self.state = State::MetricsOnly;
        self
    }

    /// Starts held open, until it is reset.
    pub const fn forced_open(mut self) -> Self {
        self.state = State::ForcedOpen;
        self
    }

    /// Starts as a circuit that lets every call through and records nothing.
    pub const fn disabled(mut self) -> Self {
        self.state = State::Disabled;
        self
    }

    /// Makes jitter and ramp repeatable; without it, they differ from run to run.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Makes it known to a registry.
    pub fn register(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// Builds the circuit breaker.
    ///
    /// # Errors
    ///
    /// A setting makes no sense or contradicts another, or the name is taken in the registry.
    pub fn build(self) -> Result<CircuitBreaker, BuildError> {
        let (name, rules) = self.checked()?;
        let breaker = CircuitBreaker::new(Plan {
            name,
            rules,
            state: self.state,
            seed: self.seed.unwrap_or_else(random_seed),
            one_of_many: false,
        });
        if let Some(registry) = self.registry {
            let shared = Arc::clone(breaker.shared()) as Arc<dyn Component>;
            let feed = registry.register(&shared)?;
            breaker.shared().seldom().events.attach(feed);
        }
        Ok(breaker)
    }

    /// Builds one circuit breaker per key, with these settings each, and one more for the keys there is no room for.
    ///
    /// The keys' breakers share the name, and are not in the registry one by one.
    ///
    /// ```
    /// use watertight_circuit_breaker::{CircuitBreaker, CircuitBreakerLayer};
    /// use watertight_core::KeyLimits;
    ///
    /// let hosts = CircuitBreaker::builder("hosts").keyed::<String>(KeyLimits::default())?;
    /// let host = |request: &http::Request<()>| request.uri().host().unwrap_or_default().to_owned();
    /// let layer = CircuitBreakerLayer::keyed(hosts.clone(), host);
    /// hosts.get(&"dead.test".to_owned()).force_open("moved");
    /// # let _ = layer;
    /// # Ok::<(), watertight_core::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A setting makes no sense or contradicts another.
    pub fn keyed<K>(self, limits: KeyLimits) -> Result<Keyed<K, CircuitBreaker>, BuildError>
    where
        K: Clone + Debug + Eq + Hash + Send + Sync + 'static,
    {
        let (name, rules) = self.checked()?;
        let limits = limits.checked(name)?;
        let (state, seed) = (self.state, self.seed.unwrap_or_else(random_seed));
        let make = move |key: Option<&K>| {
            CircuitBreaker::new(Plan {
                name,
                // A time window belongs to one breaker, so each gets rules of its own.
                rules: Rules::new(name, rules.config()).expect("checked above"),
                state,
                seed: seed ^ BuildHasherDefault::<DefaultHasher>::new().hash_one(key),
                one_of_many: true,
            })
        };
        Ok(Keyed::new(limits, make(None), move |key| make(Some(key))))
    }

    /// Every setting as it would be built, for what is built around a circuit breaker and must fit it.
    ///
    /// # Errors
    ///
    /// A setting makes no sense or contradicts another.
    pub fn config(&self) -> Result<Config, BuildError> {
        self.checked().map(|(_, rules)| rules.config())
    }

    fn checked(&self) -> Result<(&'static str, Rules), BuildError> {
        let name = intern(&self.name)?;
        let mut config = self.config;
        // Left alone, the longest wait goes on following `open_for` when that is updated.
        if self.longest.is_some() || self.jitter.is_some() {
            let usual = config.effective_backoff();
            let (factor, max) = self.longest.unwrap_or((usual.factor, usual.max));
            let jitter = self.jitter.unwrap_or(usual.jitter);
            config.backoff = Some(Backoff {
                factor,
                max,
                jitter,
            });
        }
        Ok((name, Rules::new(name, config)?))
    }
}

// Replicas of a program must not draw the same jitter, or they would probe together.
fn random_seed() -> u64 {
    RandomState::new().hash_one(())
}
