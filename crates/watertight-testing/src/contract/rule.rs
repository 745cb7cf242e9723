use std::fmt;

/// One thing that a layer promises.
///
/// Those of [`Rule::EVERY_LAYER`] can be asked of any layer, [`Rule::SHARED_LIMIT`] of a layer that lets one call through
/// at a time, and those of [`Rule::REFUSING`] of a layer that refuses every call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// `call` uses the very instance that was polled ready.
    ReadiedInstance,
    /// After `call` the inner service is asked again, and one call makes one inner call.
    OneCallPerReadiness,
    /// What was ready stays so until `call`.
    StickyReadiness,
    /// A clone asks the inner service for itself.
    CloneIsNotReady,
    /// `Pending` is passed on, its waker is woken, and nobody polls in circles meanwhile.
    PendingReadiness,
    /// The inner service's own error comes out of `poll_ready`.
    ReadinessError,
    /// Requests and responses arrive as they were sent.
    PassesUnchanged,
    /// The inner service's own error comes out of the call.
    InnerError,
    /// `inner.call` happens in `call`, not when the future is first polled.
    CallInCall,
    /// A call that waits is woken when it is done, and not before.
    PendingCall,
    /// A service that was ready and is dropped without a call takes nothing with it.
    ReadyAndDropped,
    /// So does a call that was never polled.
    DroppedUnpolled,
    /// So does a call that was pending.
    DroppedPending,
    /// A panic in the inner `call` reaches the caller, and leaves nothing behind.
    PanicInCall,
    /// A panic in the inner future reaches the caller, and leaves nothing behind.
    PanicInFuture,
    /// It works over tower's `ConcurrencyLimit` of one.
    OverConcurrencyLimit,
    /// It works over tower's `Buffer`.
    OverBuffer,
    /// It works over tower's `RateLimit`.
    OverRateLimit,
    /// All services of a layer have one limit together.
    SharedLimit,
    /// A refusal is neither an error nor `Pending` from `poll_ready`.
    RefusalInPollReady,
    /// A refused call is answered at its first poll.
    RefusalAtOnce,
    /// A refused call does not reach the inner service.
    RefusalReachesNobody,
}

impl Rule {
    /// What is asked of every layer.
    pub const EVERY_LAYER: [Self; 18] = [
        Self::ReadiedInstance,
        Self::OneCallPerReadiness,
        Self::StickyReadiness,
        Self::CloneIsNotReady,
        Self::PendingReadiness,
        Self::ReadinessError,
        Self::PassesUnchanged,
        Self::InnerError,
        Self::CallInCall,
        Self::PendingCall,
        Self::ReadyAndDropped,
        Self::DroppedUnpolled,
        Self::DroppedPending,
        Self::PanicInCall,
        Self::PanicInFuture,
        Self::OverConcurrencyLimit,
        Self::OverBuffer,
        Self::OverRateLimit,
    ];

    /// What is also asked of a layer that lets one call through at a time.
    pub const SHARED_LIMIT: [Self; 1] = [Self::SharedLimit];

    /// What is asked of a layer that refuses every call.
    pub const REFUSING: [Self; 3] = [
        Self::RefusalInPollReady,
        Self::RefusalAtOnce,
        Self::RefusalReachesNobody,
    ];

    /// The sentence that a broken layer is shown, and the name of its test.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadiedInstance => "the_readied_instance_is_the_one_that_is_called",
            Self::OneCallPerReadiness => "readiness_is_good_for_one_call",
            Self::StickyReadiness => "readiness_lasts_until_the_call",
            Self::CloneIsNotReady => "a_clone_is_not_ready",
            Self::PendingReadiness => "a_pending_inner_service_is_waited_for_without_busy_polling",
            Self::ReadinessError => "an_inner_readiness_error_is_preserved",
            Self::PassesUnchanged => "requests_and_responses_pass_unchanged",
            Self::InnerError => "an_inner_error_is_preserved",
            Self::CallInCall => "the_inner_service_is_called_in_call",
            Self::PendingCall => "a_pending_call_is_woken_when_it_is_done",
            Self::ReadyAndDropped => "a_ready_service_that_is_dropped_leaks_nothing",
            Self::DroppedUnpolled => "a_call_dropped_before_its_first_poll_leaks_nothing",
            Self::DroppedPending => "a_call_dropped_while_pending_leaks_nothing",
            Self::PanicInCall => "a_panic_in_call_propagates_and_leaks_nothing",
            Self::PanicInFuture => "a_panic_in_the_future_propagates_and_leaks_nothing",
            Self::OverConcurrencyLimit => "it_works_over_a_concurrency_limit_of_one",
            Self::OverBuffer => "it_works_over_a_buffer",
            Self::OverRateLimit => "it_works_over_a_rate_limit",
            Self::SharedLimit => "all_services_of_a_layer_share_its_limit",
            Self::RefusalInPollReady => "a_refusal_does_not_come_from_poll_ready",
            Self::RefusalAtOnce => "a_refused_call_is_answered_at_its_first_poll",
            Self::RefusalReachesNobody => "a_refused_call_does_not_reach_the_inner_service",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
