use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use watertight_core::BuildError;

use crate::{Fault, fault::kind::Kind};

/// When a fault happens: to which requests, to which calls, from when, for how long, to what share.
///
/// Every condition that is set must hold. Calls and time count from the moment the rule was set in its plan.
///
/// ```
/// use std::time::Duration;
/// use watertight_testing::{Fault, FaultPlan, Rule};
///
/// let plan = FaultPlan::seeded(7);
/// plan.set([
///     Rule::new(Fault::error()).when(|path: &&str| path.starts_with("/pay")).share(0.3),
///     Rule::new(Fault::hang()).starting(Duration::from_secs(2)).lasting(Duration::from_secs(5)),
/// ])?;
/// # Ok::<(), watertight_core::BuildError>(())
/// ```
#[must_use = "a rule does nothing until it is set in a plan"]
pub struct Rule<Req> {
    pub(crate) fault: Fault,
    starting: Duration,
    lasting: Option<Duration>,
    calls: RangeInclusive<u64>,
    every: u64,
    share: f64,
    when: Option<Arc<Predicate<Req>>>,
}

type Predicate<Req> = dyn Fn(&Req) -> bool + Send + Sync;

impl<Req> Rule<Req> {
    /// The fault happens to every call.
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            starting: Duration::ZERO,
            lasting: None,
            calls: 1..=u64::MAX,
            every: 1,
            share: 1.0,
            when: None,
        }
    }

    /// Only to requests the closure picks; name its argument type.
    pub fn when(mut self, pick: impl Fn(&Req) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(pick));
        self
    }

    /// Not before this time has passed.
    pub const fn starting(mut self, after: Duration) -> Self {
        self.starting = after;
        self
    }

    /// For this long only, counted from its start.
    pub const fn lasting(mut self, time: Duration) -> Self {
        self.lasting = Some(time);
        self
    }

    /// Only to the n-th call, counted from 1.
    pub const fn nth(self, call: u64) -> Self {
        self.calls(call..=call)
    }

    /// Only to these calls, counted from 1.
    pub const fn calls(mut self, calls: RangeInclusive<u64>) -> Self {
        self.calls = calls;
        self
    }

    /// Only to every n-th call.
    pub const fn every(mut self, nth: u64) -> Self {
        self.every = nth;
        self
    }

    /// Only to this share of the calls, between 0 and 1, drawn by the plan's seed.
    pub const fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let invalid = |field, value: &dyn fmt::Debug, expected| {
            Err(BuildError::invalid("fault plan", field, value, expected))
        };
        if !(0.0..=1.0).contains(&self.share) {
            return invalid("share", &self.share, "between 0 and 1");
        }
        if self.every == 0 {
            return invalid("every", &self.every, "at least 1");
        }
        if *self.calls.start() == 0 || self.calls.is_empty() {
            return invalid("calls", &self.calls, "a range that counts from 1");
        }
        let body = match self.fault.kind {
            Kind::SlowBody(each) => Some(each),
            _ => None,
        };
        let unordered = self.fault.delay.into_iter().chain(body);
        match unordered.into_iter().find(|latency| !latency.is_ordered()) {
            Some(latency) => invalid("delay", &latency, "the least not above the most"),
            None => Ok(()),
        }
    }

    pub(crate) fn applies(
        &self,
        request: &Req,
        call: u64,
        elapsed: Duration,
        random: &mut fastrand::Rng,
    ) -> bool {
        // Drawn in any case, so that what one call meets does not depend on the time.
        let drawn = random.f64();
        elapsed >= self.starting
            && self
                .lasting
                .is_none_or(|time| elapsed - self.starting < time)
            && self.calls.contains(&call)
            && call.is_multiple_of(self.every)
            && drawn < self.share
            && self.when.as_ref().is_none_or(|pick| pick(request))
    }
}

impl<Req> From<Fault> for Rule<Req> {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl<Req> Clone for Rule<Req> {
    fn clone(&self) -> Self {
        Self {
            calls: self.calls.clone(),
            when: self.when.clone(),
            ..*self
        }
    }
}

impl<Req> fmt::Debug for Rule<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule")
            .field("fault", &self.fault)
            .field("starting", &self.starting)
            .field("lasting", &self.lasting)
            .field("calls", &self.calls)
            .field("every", &self.every)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}
