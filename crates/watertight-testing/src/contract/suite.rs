use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use watertight_core::BoxError;

use crate::contract::{
    Broken, Dialect, Plain, Rule, Subject, control::ProbePanic, rules, task::Finding,
};

/// A layer under test, made anew for each rule, and the rules it is known not to keep.
///
/// [`layer_contract_tests!`](crate::layer_contract_tests) makes a `#[test]` of each rule. Without the macro, check a rule
/// in a test with paused time, or all of them at once:
///
/// ```
/// use tower::limit::ConcurrencyLimitLayer;
/// use watertight_testing::contract::{Contract, Rule};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// let limit = Contract::plain(|| ConcurrencyLimitLayer::new(1));
/// limit.check(Rule::DroppedPending).await.unwrap();
/// assert_eq!(limit.broken(&Rule::EVERY_LAYER).await, []);
/// # });
/// ```
///
/// The layer has to let a few calls through, and to give each of them a second. An error or two must not change what it
/// does.
#[must_use = "nothing is tested until a rule is checked"]
pub struct Contract<D, F> {
    make: F,
    exceptions: Vec<(Rule, &'static str)>,
    dialect: PhantomData<fn() -> D>,
}

impl<F> Contract<Plain, F> {
    /// Numbers go in, the same numbers come out. For layers that take any request.
    pub const fn plain(make: F) -> Self {
        Self::speaking(make)
    }
}

impl<F> Contract<Plain<BoxError>, F> {
    /// As [`plain`](Contract::plain), with an inner service whose error is [`BoxError`].
    pub const fn boxed(make: F) -> Self {
        Self::speaking(make)
    }
}

#[cfg(feature = "http")]
impl<F> Contract<crate::contract::Http, F> {
    /// HTTP requests and responses. For layers that take only these.
    pub const fn http(make: F) -> Self {
        Self::speaking(make)
    }
}

impl<D, F> Contract<D, F> {
    /// For requests and responses of another kind.
    pub const fn speaking(make: F) -> Self {
        Self {
            make,
            exceptions: Vec::new(),
            dialect: PhantomData,
        }
    }

    /// Says that the layer does not keep a rule, and why. Then keeping it fails the test: an exception that nobody needs
    /// is a mistake.
    pub fn except(mut self, rule: Rule, because: &'static str) -> Self {
        self.exceptions.push((rule, because));
        self
    }
}

impl<D, F, L> Contract<D, F>
where
    D: Dialect,
    F: Fn() -> L,
    L: Subject<D>,
{
    /// Checks one rule, in a tokio runtime with paused time.
    ///
    /// # Errors
    ///
    /// The layer breaks the rule, or keeps it in spite of an exception.
    ///
    /// # Panics
    ///
    /// When time is not paused.
    pub async fn check(&self, rule: Rule) -> Result<(), Broken> {
        // Whoever forgot to pause learns it from tokio here, and the layer is not blamed.
        tokio::time::advance(Duration::ZERO).await;
        let checked = async {
            let layer = (self.make)();
            rules::check(rule, &layer).await
        };
        let finding = caught(checked).await;
        let exception = self.exceptions.iter().find(|(except, _)| *except == rule);
        let seen = match (finding, exception) {
            (Ok(()), None) | (Err(_), Some(_)) => return Ok(()),
            (Err(seen), None) => seen,
            (Ok(()), Some((_, because))) => {
                format!("it is kept, so there is no need for the exception \"{because}\"")
            }
        };
        Err(Broken { rule, seen })
    }

    /// Those of the rules that the layer breaks.
    pub async fn broken(&self, rules: &[Rule]) -> Vec<Broken> {
        let mut broken = Vec::new();
        for rule in rules {
            broken.extend(self.check(*rule).await.err());
        }
        broken
    }

    /// Checks one rule in a runtime of its own.
    ///
    /// # Panics
    ///
    /// When the layer breaks it; or inside of a runtime.
    #[track_caller]
    pub fn assert(&self, rule: Rule) {
        self.assert_all(&[rule]);
    }

    /// Checks what is asked of every layer, in a runtime of its own.
    ///
    /// # Panics
    ///
    /// When the layer breaks a rule; or inside of a runtime.
    #[track_caller]
    pub fn assert_every_layer(&self) {
        self.assert_all(&Rule::EVERY_LAYER);
    }

    #[track_caller]
    fn assert_all(&self, rules: &[Rule]) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without I/O asks nothing of the system");
        let broken = runtime.block_on(self.broken(rules));
        let lines: Vec<_> = broken.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "{}", lines.join("\n"));
    }
}

impl<D, F> fmt::Debug for Contract<D, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("exceptions", &self.exceptions)
            .finish_non_exhaustive()
    }
}

/// A panic that comes out of a check is a finding of that rule.
async fn caught(checked: impl Future<Output = Finding>) -> Finding {
    let mut checked = pin!(checked);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| checked.as_mut().poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(Err(format!("it panicked: {}", said(&*panic)))))
    })
    .await
}

fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let ours = panic.is::<ProbePanic>();
    text.unwrap_or(if ours {
        "as the inner service did"
    } else {
        "without a text"
    })
}
