mod calls;
mod leaks;
mod limits;
mod readiness;
mod stacks;

use crate::contract::{Dialect, Rule, Subject, task::Finding};

/// Does to a layer what shows whether it keeps a rule.
pub(crate) async fn check<D: Dialect, L: Subject<D>>(rule: Rule, layer: &L) -> Finding {
    match rule {
        Rule::ReadiedInstance => calls::readied_instance(layer).await,
        Rule::OneCallPerReadiness => readiness::one_call(layer).await,
        Rule::StickyReadiness => readiness::sticky(layer).await,
        Rule::CloneIsNotReady => readiness::clone(layer).await,
        Rule::PendingReadiness => readiness::pending(layer).await,
        Rule::ReadinessError => readiness::error(layer).await,
        Rule::PassesUnchanged => calls::unchanged(layer).await,
        Rule::InnerError => calls::error(layer).await,
        Rule::CallInCall => calls::in_call(layer).await,
        Rule::PendingCall => calls::pending(layer).await,
        Rule::ReadyAndDropped => leaks::ready_and_dropped(layer).await,
        Rule::DroppedUnpolled => leaks::dropped_unpolled(layer).await,
        Rule::DroppedPending => leaks::dropped_pending(layer).await,
        Rule::PanicInCall => leaks::panic_in_call(layer).await,
        Rule::PanicInFuture => leaks::panic_in_future(layer).await,
        Rule::OverConcurrencyLimit => stacks::concurrency_limit(layer).await,
        Rule::OverBuffer => stacks::buffer(layer).await,
        Rule::OverRateLimit => stacks::rate_limit(layer).await,
        Rule::SharedLimit => limits::shared(layer).await,
        Rule::RefusalInPollReady => limits::refusal_in_poll_ready(layer).await,
        Rule::RefusalAtOnce => limits::refusal_at_once(layer).await,
        Rule::RefusalReachesNobody => limits::refusal_reaches_nobody(layer).await,
    }
}
