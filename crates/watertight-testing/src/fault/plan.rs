use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use watertight_core::BuildError;

use crate::{Fault, Rule, fault::kind::Kind};

/// Rules a plan may hold.
pub const MAX_RULES: usize = 64;

/// A script of faults that can be changed while it runs; clones are cheap and share the script.
///
/// The first rule that applies to a call decides. What happens to the n-th call depends on the seed and on n only, not
/// on which thread made it.
///
/// ```
/// use watertight_testing::{Fault, FaultLayer, FaultPlan};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # tokio_test::block_on(async {
/// let plan = FaultPlan::seeded(7);
/// let layer = FaultLayer::failing(plan.clone(), || "injected");
/// let service = layer.layer(service_fn(async |n: u32| Ok::<_, &str>(n + 1)));
///
/// plan.set([Fault::error()]).unwrap();
/// assert_eq!(service.clone().oneshot(1).await, Err("injected"));
/// plan.clear();
/// assert_eq!(service.oneshot(1).await, Ok(2));
/// # });
/// ```
pub struct FaultPlan<Req>(Arc<Inner<Req>>);

struct Inner<Req> {
    seed: u64,
    script: RwLock<Arc<Script<Req>>>,
    calls: AtomicU64,
    injected: AtomicU64,
}

struct Script<Req> {
    rules: Vec<Rule<Req>>,
    since: Instant,
    calls: AtomicU64,
}

/// What happens to one call.
#[derive(Debug)]
pub(crate) struct Doom {
    pub(crate) delay: Option<Duration>,
    pub(crate) kind: Kind,
    pub(crate) random: fastrand::Rng,
}

impl<Req> FaultPlan<Req> {
    /// A plan without rules; its chances are drawn by this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Inner {
            seed,
            script: RwLock::new(Arc::new(Script::of(Vec::new()))),
            calls: AtomicU64::new(0),
            injected: AtomicU64::new(0),
        }))
    }

    /// Replaces the script; its calls and its time start to count now.
    ///
    /// # Errors
    ///
    /// There are more than [`MAX_RULES`] rules, or one has a value that makes no sense. The old script stays.
    pub fn set<R>(&self, rules: impl IntoIterator<Item = R>) -> Result<(), BuildError>
    where
        R: Into<Rule<Req>>,
    {
        let rules: Vec<Rule<Req>> = rules
            .into_iter()
            .take(MAX_RULES + 1)
            .map(Into::into)
            .collect();
        if rules.len() > MAX_RULES {
            let expected = "at most 64 rules";
            return Err(BuildError::invalid(
                "fault plan",
                "rules",
                rules.len(),
                expected,
            ));
        }
        rules.iter().try_for_each(Rule::check)?;
        self.replace(Script::of(rules));
        Ok(())
    }

    /// Ends every fault; calls that already hang go on hanging.
    pub fn clear(&self) {
        self.replace(Script::of(Vec::new()));
    }

    /// How many calls the plan has seen.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// To how many of them it has done something.
    #[must_use]
    pub fn injected(&self) -> u64 {
        self.0.injected.load(Ordering::Relaxed)
    }

    /// The faults of the script, in order.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.script().rules.iter().map(|rule| rule.fault).collect()
    }

    pub(crate) fn decide(&self, request: &Req) -> Option<Doom> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let script = self.script();
        let call = script.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if script.rules.is_empty() {
            return None;
        }
        let elapsed = script.since.elapsed();
        let mut random = fastrand::Rng::with_seed(mix(self.0.seed, call));
        let mut rules = script.rules.iter();
        let rule = rules.find(|rule| rule.applies(request, call, elapsed, &mut random))?;
        self.0.injected.fetch_add(1, Ordering::Relaxed);
        let delay = rule
            .fault
            .delay
            .map(|latency| latency.draw(&mut random))
            .filter(|delay| !delay.is_zero());
        Some(Doom {
            delay,
            kind: rule.fault.kind,
            random,
        })
    }

    fn script(&self) -> Arc<Script<Req>> {
        // The script is replaced as a whole, so it is valid after any panic.
        let script = self.0.script.read();
        Arc::clone(&script.unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, script: Script<Req>) {
        let mut current = self
            .0
            .script
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(script);
    }
}

impl<Req> Script<Req> {
    fn of(rules: Vec<Rule<Req>>) -> Self {
        Self {
            rules,
            since: Instant::now(),
            calls: AtomicU64::new(0),
        }
    }
}

impl<Req> Clone for FaultPlan<Req> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Req> fmt::Debug for FaultPlan<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultPlan")
            .field("seed", &self.0.seed)
            .field("rules", &self.script().rules)
            .field("calls", &self.calls())
            .field("injected", &self.injected())
            .finish_non_exhaustive()
    }
}

// SplitMix64 (Steele, Lea, Flood 2014): neighbouring calls draw unrelated numbers.
fn mix(seed: u64, call: u64) -> u64 {
    let mut mixed = seed.wrapping_add(call.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
