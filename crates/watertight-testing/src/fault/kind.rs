use std::time::Duration;

/// What is done to a call: it is made slow, or it ends badly, or both.
///
/// ```
/// use std::time::Duration;
/// use watertight_testing::Fault;
///
/// // Half a second of nothing, then an error.
/// let brown_out = Fault::error().delayed(Duration::from_millis(500));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a fault does nothing until it is set in a plan"]
pub struct Fault {
    pub(crate) delay: Option<Latency>,
    pub(crate) kind: Kind,
}

/// A span of time, fixed or drawn from a range by the plan's seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Latency {
    least: Duration,
    most: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Pass,
    Fail,
    LoseAnswer,
    Hang,
    PanicInCall,
    PanicInPoll,
    SlowBody(Latency),
    FailBody(usize),
}

impl Fault {
    /// The call fails, and the service is not called.
    pub const fn error() -> Self {
        Self::of(Kind::Fail)
    }

    /// The service is called and does its work, but its answer is lost: the caller sees a failure.
    ///
    /// This is what a saga must tell from [`error`](Self::error): the effect may have happened.
    pub const fn lost_answer() -> Self {
        Self::of(Kind::LoseAnswer)
    }

    /// The service answers this much later.
    pub const fn latency(by: Duration) -> Self {
        Self::of(Kind::Pass).delayed(by)
    }

    /// The service answers later by a time between the two, drawn by the plan's seed.
    pub const fn latency_between(least: Duration, most: Duration) -> Self {
        Self::of(Kind::Pass).delayed_between(least, most)
    }

    /// The call never comes back, and the service is not called.
    pub const fn hang() -> Self {
        Self::of(Kind::Hang)
    }

    /// `call` itself panics; a delay makes no difference.
    pub const fn panic_in_call() -> Self {
        Self::of(Kind::PanicInCall)
    }

    /// The response future panics when it is polled.
    pub const fn panic_in_poll() -> Self {
        Self::of(Kind::PanicInPoll)
    }

    /// Every frame of the response body is this late. Only a [`FaultLayer::http`](crate::FaultLayer::http) can do it.
    pub const fn slow_body(each: Duration) -> Self {
        Self::of(Kind::SlowBody(Latency::fixed(each)))
    }

    /// The response body fails after so many frames. Only a [`FaultLayer::http`](crate::FaultLayer::http) can do it.
    pub const fn failing_body(after_frames: usize) -> Self {
        Self::of(Kind::FailBody(after_frames))
    }

    /// The same, this much later.
    pub const fn delayed(mut self, by: Duration) -> Self {
        self.delay = Some(Latency::fixed(by));
        self
    }

    /// The same, later by a time between the two, drawn by the plan's seed.
    pub const fn delayed_between(mut self, least: Duration, most: Duration) -> Self {
        self.delay = Some(Latency { least, most });
        self
    }

    const fn of(kind: Kind) -> Self {
        Self { delay: None, kind }
    }
}

impl Latency {
    pub(crate) const fn fixed(by: Duration) -> Self {
        Self {
            least: by,
            most: by,
        }
    }

    pub(crate) fn draw(self, random: &mut fastrand::Rng) -> Duration {
        let spread = self.most.saturating_sub(self.least);
        self.least + spread.mul_f64(random.f64())
    }

    pub(crate) fn is_ordered(self) -> bool {
        self.least <= self.most
    }
}
