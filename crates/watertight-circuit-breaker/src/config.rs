use std::time::Duration;

use watertight_core::BuildError;

use crate::machine::MAX_PROBES;

/// The most calls that a window of calls can hold.
pub const MAX_WINDOW_CALLS: u32 = 1_000_000;

/// What a circuit breaker looks at: the last calls, or the last span of time. Both slide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Window {
    /// The last so many calls, exactly.
    Calls(u32),
    /// The last span of time, in sixteen steps.
    Time(Duration),
}

/// What a call says whose caller went away before it ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Cancelled {
    /// Nothing. An outer timeout over a hung dependency then never opens the circuit: put the timeout inside.
    #[default]
    Never,
    /// It failed.
    Always,
    /// It failed if it had run for longer than this.
    After(Duration),
}

/// Slow calls: those that take longer than `after`; they open the circuit at `rate`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlowCalls {
    /// A call that takes longer is slow.
    pub after: Duration,
    /// The share of slow calls at which the circuit opens, above 0 and up to 1.
    pub rate: f64,
}

/// How the wait grows each time the circuit opens again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Backoff {
    /// Each wait is so many times the one before; at least 1.
    pub factor: f64,
    /// The longest wait, also for what a server asks by `Retry-After`.
    pub max: Duration,
    /// The share by which a repeated wait may be shorter, from 0 to 1, so that many breakers do not probe together.
    pub jitter: f64,
}

/// How traffic comes back after the circuit has closed.
///
/// The share admitted after a time `t` of the ramp `over` is `max(minimum, (t / over)^(1 / aggression))`. The rest is
/// refused as by an open circuit, without a time to come back.
///
/// ```
/// # use std::time::Duration;
/// use watertight_circuit_breaker::{CircuitBreaker, Ramp};
///
/// let mut ramp = Ramp::over(Duration::from_secs(30));
/// ramp.minimum = 0.05;
/// let payments = CircuitBreaker::builder("payments").ramp(ramp).build()?;
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Ramp {
    /// How long the ramp lasts.
    pub over: Duration,
    /// The smallest share admitted, above 0 and up to 1.
    pub minimum: f64,
    /// 1 is a straight line, more lets traffic back earlier; above 0.
    pub aggression: f64,
}

/// Every setting of a circuit breaker, for [`CircuitBreaker::update`](crate::CircuitBreaker::update).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Opens at this share of failures, above 0 and up to 1. Default 0.5.
    pub failure_rate: Option<f64>,
    /// Opens at this share of slow calls. Default none.
    pub slow_calls: Option<SlowCalls>,
    /// Opens after so many failures in a row. Default none.
    pub consecutive_failures: Option<u32>,
    /// Calls in the window before a rate counts. Default 20, or the window of calls if that is smaller.
    pub minimum_calls: Option<u32>,
    /// What the rates are taken over. Default the last 100 calls.
    pub window: Window,
    /// The first wait of an open circuit. Default 5 s.
    pub open_for: Duration,
    /// How the wait grows. Default 2.0 up to 60 s, or up to `open_for` if that is longer.
    pub backoff: Option<Backoff>,
    /// Probes of a half-open circuit. Default 3.
    pub probes: u16,
    /// After this time without an answer, a round of probes is written off. Default 5 s.
    pub probe_timeout: Duration,
    /// How traffic comes back. Default all at once.
    pub ramp: Option<Ramp>,
    /// What a cancelled call says. Default nothing.
    pub cancelled: Cancelled,
    /// Whether each call's duration is recorded as a metric, even where the clock is not needed otherwise.
    pub record_durations: bool,
}

impl Window {
    /// The last so many calls, exactly.
    #[must_use]
    pub const fn calls(calls: u32) -> Self {
        Self::Calls(calls)
    }

    /// The last span of time, in sixteen steps.
    #[must_use]
    pub const fn time(span: Duration) -> Self {
        Self::Time(span)
    }
}

impl SlowCalls {
    /// Calls that take longer than `after`, opening the circuit at `rate`.
    #[must_use]
    pub const fn new(after: Duration, rate: f64) -> Self {
        Self { after, rate }
    }
}

impl Backoff {
    /// Waits that grow by a factor up to the longest, a tenth of it at random.
    #[must_use]
    pub const fn new(factor: f64, max: Duration) -> Self {
        Self {
            factor,
            max,
            jitter: 0.1,
        }
    }
}

impl Ramp {
    /// A straight ramp that starts at a tenth of the traffic.
    #[must_use]
    pub const fn over(over: Duration) -> Self {
        Self {
            over,
            minimum: 0.1,
            aggression: 1.0,
        }
    }
}

impl Config {
    /// The calls in the window before a rate counts.
    #[must_use]
    pub fn effective_minimum(&self) -> u32 {
        Self::minimum_of(self.minimum_calls, self.window)
    }

    /// How the wait grows.
    #[must_use]
    pub fn effective_backoff(&self) -> Backoff {
        let longest = self.open_for.max(Duration::from_secs(60));
        self.backoff.unwrap_or(Backoff::new(2.0, longest))
    }

    pub(crate) fn minimum_of(asked: Option<u32>, window: Window) -> u32 {
        let most = match window {
            Window::Calls(calls) => calls,
            Window::Time(_) => u32::MAX,
        };
        asked.unwrap_or(20.min(most))
    }

    /// Whether a call's start must be noted.
    pub(crate) const fn needs_clock(&self) -> bool {
        self.slow_calls.is_some()
            || self.record_durations
            || matches!(self.cancelled, Cancelled::After(_))
    }

    pub(crate) fn validate(&self, name: &str) -> Result<(), BuildError> {
        let invalid = |field, value: &dyn std::fmt::Debug, expected| {
            Err(BuildError::invalid(name, field, value, expected))
        };
        if let Some(rate) = self.failure_rate.filter(|rate| !is_share(*rate)) {
            return invalid("failure_rate", &rate, SHARE);
        }
        if let Some(slow) = self.slow_calls.filter(|slow| !is_share(slow.rate)) {
            return invalid("slow_calls", &slow.rate, SHARE);
        }
        if self.consecutive_failures == Some(0) {
            return invalid("consecutive_failures", &0, "at least 1");
        }
        match self.window {
            Window::Calls(calls) if calls == 0 || calls > MAX_WINDOW_CALLS => {
                return invalid("window", &calls, "1 to 1000000 calls");
            }
            Window::Time(Duration::ZERO) => {
                return invalid("window", &Duration::ZERO, "more than no time");
            }
            Window::Calls(_) | Window::Time(_) => {}
        }
        match (self.minimum_calls, self.window) {
            (Some(0), _) => return invalid("minimum_calls", &0, "at least 1"),
            (Some(minimum), Window::Calls(calls)) if minimum > calls => {
                let why = "the window never holds so many calls";
                return Err(BuildError::conflict(name, "minimum_calls", "window", why));
            }
            _ => {}
        }
        if self.probes == 0 || self.probes > MAX_PROBES {
            return invalid("probes", &self.probes, "1 to 1023");
        }
        if let Some(backoff) = self.backoff {
            if !(backoff.factor.is_finite() && backoff.factor >= 1.0) {
                return invalid("backoff", &backoff.factor, "a factor of at least 1");
            }
            if backoff.max < self.open_for {
                let why = "the longest wait is shorter than the first";
                return Err(BuildError::conflict(name, "backoff", "open_for", why));
            }
            if !(0.0..=1.0).contains(&backoff.jitter) {
                return invalid("jitter", &backoff.jitter, "a share from 0 to 1");
            }
        }
        if let Some(ramp) = self.ramp {
            if !is_share(ramp.minimum) {
                return invalid("ramp", &ramp.minimum, SHARE);
            }
            if !(ramp.aggression.is_finite() && ramp.aggression > 0.0) {
                return invalid("ramp", &ramp.aggression, "an aggression above 0");
            }
        }
        if self.failure_rate.is_none()
            && self.slow_calls.is_none()
            && self.consecutive_failures.is_none()
        {
            let why = "without it and other limits nothing opens the circuit";
            let other = "consecutive_failures";
            return Err(BuildError::conflict(name, "failure_rate", other, why));
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            failure_rate: Some(0.5),
            slow_calls: None,
            consecutive_failures: None,
            minimum_calls: None,
            window: Window::Calls(100),
            open_for: Duration::from_secs(5),
            backoff: None,
            probes: 3,
            probe_timeout: Duration::from_secs(5),
            ramp: None,
            cancelled: Cancelled::Never,
            record_durations: false,
        }
    }
}

const SHARE: &str = "a share above 0 and up to 1";

fn is_share(rate: f64) -> bool {
    rate > 0.0 && rate <= 1.0
}
