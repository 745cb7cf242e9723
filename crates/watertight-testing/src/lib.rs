//! What Watertight tests its layers and services with, and what its users test theirs with.
//!
//! - [`FaultPlan`] and [`FaultLayer`]: errors, latency, hangs, panics and broken bodies, by script and by seed, changed
//!   while the service runs.
//! - [`Ledger`] and [`LedgerLayer`]: which calls a service got, when, how they ended, how many ran at once.
//! - `contract`, behind the feature of that name: a suite of tests for any tower layer, one `#[test]` for each rule.
//! - `cqrs`, behind the feature of that name: given, when, then for deciders, views and reactors.
//! - [`never()`], [`ready_after`]: services and futures that misbehave on purpose; [`at_once()`]: a call without a runtime.
//! - `Recorded`, behind the feature `metrics`: what was counted and measured.
//!
//! The clock is tokio's: pause it, and a test of minutes takes no time.

mod at_once;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "cqrs")]
pub mod cqrs;
mod fault;
mod ledger;
#[cfg(feature = "metrics")]
mod recorded;
mod services;

#[cfg(feature = "http")]
pub use self::fault::{FaultBody, InjectedBodyError, Status};
#[cfg(feature = "metrics")]
pub use self::recorded::Recorded;
pub use self::{
    at_once::at_once,
    fault::{
        BodyFault, Failing, Fault, FaultFuture, FaultLayer, FaultPlan, FaultService, Inject,
        MAX_RULES, Responding, Rule,
    },
    ledger::{
        DEFAULT_RECORDS, Ended, Label, Ledger, LedgerFuture, LedgerLayer, LedgerService, Record,
        Unlabelled,
    },
    services::{Never, ReadyAfter, never, ready_after},
};
