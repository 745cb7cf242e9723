//! The words that all Watertight layers share.
//!
//! Most programs use the facade crate `watertight`, or a layer crate, and meet these types there. Depend on this crate to
//! write a layer of your own that fits the others: bring an [`Admit`], and [`AdmissionLayer`] does the rest.
//!
//! - [`Verdict`], [`Outcome`], [`Classify`]: what a finished call says about the service behind it.
//! - [`Rejected`], [`Reason`], [`Error`]: a refusal is typed and says when to come back.
//! - [`OnReject`] and its ready-made behaviours: how a refusal reaches the caller.
//! - [`Admit`], [`Permit`], [`Hold`], [`Admission`], [`AdmissionLayer`]: one service for everything that admits or refuses.
//! - [`Keyed`]: one component per key, bounded. [`Deadline`]: the moment after which an answer is of no use.
//! - [`Registry`], [`EventSource`]: what an operator sees.

mod admit;
mod build_error;
mod by_key;
mod classify;
mod deadline;
mod error;
mod event;
mod future;
mod guard;
mod hold;
#[cfg(feature = "http")]
pub mod http;
mod keyed;
mod layer;
mod name;
mod on_reject;
mod registry;
mod rejected;
mod service;
mod source;
mod stripes;
#[cfg(feature = "metrics")]
mod telemetry;
#[cfg(feature = "metrics")]
mod top_keys;
mod verdict;

pub use self::{
    admit::{Admit, Gated, Permit},
    build_error::BuildError,
    by_key::ByKey,
    classify::{Boxed, Classify, Errors, LookInto, Typed, judge},
    deadline::{CurrentDeadline, Deadline, DeadlineOf},
    error::Error,
    event::{Change, EVENT_CAPACITY, Event, EventKind, Events, Missed},
    future::{AdmissionFuture, conclude},
    guard::PanicGuard,
    hold::{Hold, UntilHead},
    keyed::{Forget, KeyLimits, Keyed},
    layer::{AdmissionLayer, Wrap},
    name::{MAX_NAME_LEN, MAX_NAMES, intern},
    on_reject::{Fail, FailWith, Flat, Keep, OnReject, Respond, RespondWithRequest},
    registry::{Component, ComponentSnapshot, Registry, Value},
    rejected::{Reason, Rejected},
    service::Admission,
    source::{EventSource, Feed},
    stripes::{Padded, StripedCounter, Stripes, my_stripe, stripe_count},
    verdict::{Outcome, Verdict},
};
#[cfg(feature = "metrics")]
pub use self::{
    telemetry::Metrics,
    top_keys::{KeyMetrics, KeySeries, MAX_KEY_LABEL, TopKeys, TopKeysReport},
};

/// A boxed error, as tower's own middleware uses it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
