use std::{sync::Arc, time::Duration};

use watertight_core::BuildError;

use crate::{
    config::{Backoff, Cancelled, Config, Ramp, SlowCalls, Window},
    machine::time_window::TimeWindow,
};

/// What the machine goes by. Replaced as a whole when the configuration changes.
///
/// The configuration is packed, because there may be a breaker per key: what is not set is no number, or zero where zero
/// makes no sense.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    failure_rate: f64,
    slow_rate: f64,
    slow_after: Nanos,
    open_for: Nanos,
    factor: f64,
    jitter: f64,
    longest: Nanos,
    probe_timeout: Nanos,
    seldom: Option<Box<Seldom>>,
    time: Option<Arc<TimeWindow>>,
    calls: u32,
    minimum_calls: u32,
    consecutive_failures: u32,
    probes: u16,
    record_durations: bool,
}

/// What few breakers are given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Seldom {
    cancelled: Cancelled,
    ramp: Option<Ramp>,
}

/// A duration; the largest is without end.
#[derive(Clone, Copy, Debug)]
struct Nanos(u64);

impl Rules {
    /// Checks a configuration.
    ///
    /// # Errors
    ///
    /// It makes no sense.
    pub(crate) fn new(name: &str, config: Config) -> Result<Self, BuildError> {
        config.validate(name)?;
        let time = match config.window {
            Window::Calls(_) => None,
            Window::Time(span) => Some(Arc::new(TimeWindow::new(span))),
        };
        Ok(Self::of(&config, time))
    }

    /// The rules of a configuration that makes sense.
    pub(crate) fn of(config: &Config, time: Option<Arc<TimeWindow>>) -> Self {
        let (slow, backoff) = (config.slow_calls, config.backoff);
        let seldom = Seldom {
            cancelled: config.cancelled,
            ramp: config.ramp,
        };
        Self {
            failure_rate: config.failure_rate.unwrap_or(f64::NAN),
            slow_rate: slow.map_or(f64::NAN, |slow| slow.rate),
            slow_after: slow.map_or(Duration::MAX, |slow| slow.after).into(),
            open_for: config.open_for.into(),
            factor: backoff.map_or(f64::NAN, |backoff| backoff.factor),
            jitter: backoff.map_or(f64::NAN, |backoff| backoff.jitter),
            longest: backoff.map_or(Duration::MAX, |backoff| backoff.max).into(),
            probe_timeout: config.probe_timeout.into(),
            seldom: (seldom != Seldom::default()).then(|| Box::new(seldom)),
            time,
            calls: match config.window {
                Window::Calls(calls) => calls,
                Window::Time(_) => 0,
            },
            minimum_calls: config.minimum_calls.unwrap_or(0),
            consecutive_failures: config.consecutive_failures.unwrap_or(0),
            probes: config.probes,
            record_durations: config.record_durations,
        }
    }

    /// The same rules with another configuration; a time window of the same span is kept.
    ///
    /// # Errors
    ///
    /// It makes no sense.
    pub(crate) fn updated(&self, name: &str, config: Config) -> Result<Self, BuildError> {
        let mut rules = Self::new(name, config)?;
        if let (Some(known), Some(new)) = (&self.time, &mut rules.time)
            && known.span() == new.span()
        {
            *new = Arc::clone(known);
        }
        Ok(rules)
    }

    pub(crate) fn config(&self) -> Config {
        let seldom = self.seldom.as_deref().copied().unwrap_or_default();
        Config {
            failure_rate: number(self.failure_rate),
            slow_calls: number(self.slow_rate).map(|rate| SlowCalls {
                after: self.slow_after.into(),
                rate,
            }),
            consecutive_failures: self.consecutive_failures(),
            minimum_calls: some(self.minimum_calls),
            window: self.window(),
            open_for: self.open_for.into(),
            backoff: number(self.factor).map(|factor| Backoff {
                factor,
                max: self.longest.into(),
                jitter: self.jitter,
            }),
            probes: self.probes,
            probe_timeout: self.probe_timeout.into(),
            ramp: seldom.ramp,
            cancelled: seldom.cancelled,
            record_durations: self.record_durations,
        }
    }

    pub(crate) fn window(&self) -> Window {
        let span = self.time.as_deref().map(TimeWindow::span);
        span.map_or(Window::Calls(self.calls), Window::Time)
    }

    pub(crate) fn time(&self) -> Option<&TimeWindow> {
        self.time.as_deref()
    }

    /// The calls that the window of calls holds, none where the window is one of time.
    pub(crate) const fn capacity(&self) -> u32 {
        self.calls
    }

    pub(crate) fn slow_after(&self) -> Option<Duration> {
        number(self.slow_rate).map(|_| self.slow_after.into())
    }

    pub(crate) fn consecutive_failures(&self) -> Option<u32> {
        some(self.consecutive_failures)
    }

    pub(crate) fn cancelled(&self) -> Cancelled {
        let seldom = self.seldom.as_deref();
        seldom.map_or(Cancelled::Never, |seldom| seldom.cancelled)
    }

    pub(crate) fn effective_minimum(&self) -> u32 {
        Config::minimum_of(some(self.minimum_calls), self.window())
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Self {
        match nanos.0 {
            u64::MAX => Self::MAX,
            nanos => Self::from_nanos(nanos),
        }
    }
}

fn number(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value)
}

fn some(value: u32) -> Option<u32> {
    (value != 0).then_some(value)
}
