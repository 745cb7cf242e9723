use std::fmt;

use tower_layer::Layer;
use watertight_core::{Boxed, Errors};

use crate::{
    Backup, Cause, Chain, Failures, Fallback, FallbackService, InErrors, NoCapture, Nothing, Plain,
    Recover, RecoverAsync, RespondWith, Stale, Value, When,
    parts::{Parts, Shared},
};

/// Gives failed calls another answer: the first strategy that applies makes it.
///
/// Put it outermost: then a refusal by any layer inside gets another answer, and no layer inside takes that answer for
/// the dependency's. The request is not cloned; what a strategy needs of it is taken by [`capture`](Self::capture).
///
/// ```
/// use std::io;
/// use tower::{Layer, ServiceExt, service_fn};
/// use watertight_fallback::{Fallback, FallbackLayer, Only, Value};
///
/// # tokio_test::block_on(async {
/// let replica = service_fn(async |order: u32| Ok::<_, io::Error>(format!("order {order}, from the replica")));
/// let service = FallbackLayer::new(Fallback::default())
///     .capture(|order: &u32| *order)
///     .when(Only::timeouts(), Value::new("later".to_owned()))
///     .backup(replica)
///     .layer(service_fn(async |_: u32| Err::<String, _>(io::Error::other("down"))));
/// assert_eq!(service.oneshot(7).await.unwrap(), "order 7, from the replica");
/// # });
/// ```
#[must_use = "a layer does nothing until it wraps a service"]
pub struct FallbackLayer<A = Nothing, D = Failures, K = NoCapture, M = Plain> {
    parts: Shared<Parts<A, D, K, M>>,
}

impl FallbackLayer {
    /// For any protocol: errors and refusals get another answer.
    pub fn new(fallback: impl Into<Fallback>) -> Self {
        Self::of(
            fallback.into(),
            Failures::of(Errors::new(), InErrors::new()),
            Plain,
        )
    }
}

impl FallbackLayer<Nothing, Failures<Errors<Boxed>, InErrors<Boxed>>> {
    /// For services whose error is [`BoxError`](watertight_core::BoxError).
    pub fn boxed(fallback: impl Into<Fallback>) -> Self {
        Self::of(
            fallback.into(),
            Failures::of(Errors::boxed(), InErrors::new()),
            Plain,
        )
    }
}

impl<D: Clone, M: Clone> FallbackLayer<Nothing, D, NoCapture, M> {
    pub(crate) fn of(fallback: Fallback, failures: D, form: M) -> Self {
        Self::made_of(&Parts {
            fallback,
            strategy: Nothing,
            failures,
            capture: NoCapture,
            form,
        })
    }
}

impl<A, D, K, M> FallbackLayer<A, D, K, M>
where
    A: Clone,
    D: Clone,
    K: Clone,
    M: Clone,
{
    /// Takes from each request what its fallback will need, such as a key, or the request for a backup. Name the
    /// closure's argument type. It runs for every call, so take little.
    pub fn capture<Req, T, G>(self, capture: G) -> FallbackLayer<A, D, G, M>
    where
        G: Fn(&Req) -> T + Clone,
    {
        let Parts {
            fallback,
            strategy,
            failures,
            form,
            ..
        } = self.into_parts();
        FallbackLayer::made_of(&Parts {
            fallback,
            strategy,
            failures,
            capture,
            form,
        })
    }

    /// Adds a strategy for the failures that no earlier one applies to.
    pub fn then<S: Clone>(self, strategy: S) -> FallbackLayer<Chain<A, S>, D, K, M> {
        let Parts {
            fallback,
            strategy: earlier,
            failures,
            capture,
            form,
        } = self.into_parts();
        FallbackLayer::made_of(&Parts {
            fallback,
            strategy: Chain(earlier, strategy),
            failures,
            capture,
            form,
        })
    }

    /// Adds a strategy for the failures that the predicate picks and no earlier strategy applies to.
    pub fn when<P: Clone, S: Clone>(
        self,
        picks: P,
        strategy: S,
    ) -> FallbackLayer<Chain<A, When<P, S>>, D, K, M> {
        self.then(When(picks, strategy))
    }

    /// Answers with clones of one response.
    pub fn value<V>(self, value: V) -> FallbackLayer<Chain<A, Value<V>>, D, K, M> {
        self.then(Value::new(value))
    }

    /// Answers with the response that the closure makes of the cause.
    ///
    /// ```
    /// use watertight_fallback::{Cause, Fallback, FallbackLayer};
    ///
    /// let layer = FallbackLayer::new(Fallback::default()).respond_with(|cause| match cause {
    ///     Cause::Refused(why) => format!("not sent: {}", why.reason),
    ///     _ => "it may have been done".to_owned(),
    /// });
    /// ```
    pub fn respond_with<F, Res>(
        self,
        respond: F,
    ) -> FallbackLayer<Chain<A, RespondWith<F>>, D, K, M>
    where
        F: Fn(Cause) -> Res + Clone,
    {
        self.then(RespondWith::new(respond))
    }

    /// Answers with what the closure makes of the whole [`Failure`](crate::Failure): a response or an error. Name its
    /// argument type.
    ///
    /// ```
    /// use std::io;
    /// use tower::{Layer, ServiceExt, service_fn};
    /// use watertight_fallback::{Failure, Fallback, FallbackLayer};
    ///
    /// # tokio_test::block_on(async {
    /// let layer = FallbackLayer::new(Fallback::default())
    ///     .capture(|order: &u32| *order)
    ///     .recover(|failure: Failure<String, io::Error, u32>| match failure.captured {
    ///         0 => failure.result, // the failure itself
    ///         order => Ok(format!("order {order} is queued")),
    ///     });
    /// let shop = layer.layer(service_fn(async |_: u32| Err::<String, _>(io::Error::other("down"))));
    /// assert_eq!(shop.oneshot(7).await.unwrap(), "order 7 is queued");
    /// # });
    /// ```
    pub fn recover<F: Clone>(self, recover: F) -> FallbackLayer<Chain<A, Recover<F>>, D, K, M> {
        self.then(Recover::new(recover))
    }

    /// Answers with what the async closure makes of the whole [`Failure`](crate::Failure). Name its argument type.
    ///
    /// It has no time limit of its own; dropped with the call, it is counted as cancelled.
    ///
    /// ```
    /// use std::io;
    /// use watertight_fallback::{Failure, Fallback, FallbackLayer};
    ///
    /// let layer = FallbackLayer::new(Fallback::default())
    ///     .recover_async(|_: Failure<String, io::Error>| async { Ok::<_, io::Error>("from a file".to_owned()) });
    /// ```
    pub fn recover_async<F: Clone>(
        self,
        recover: F,
    ) -> FallbackLayer<Chain<A, RecoverAsync<F>>, D, K, M> {
        self.then(RecoverAsync::new(recover))
    }

    /// Answers with what another service makes of the captured value. See [`Backup`].
    pub fn backup<B: Clone>(self, backup: B) -> FallbackLayer<Chain<A, Backup<B>>, D, K, M> {
        self.then(Backup::new(backup))
    }

    pub(crate) fn map_form<M2>(self, change: impl FnOnce(M) -> M2) -> FallbackLayer<A, D, K, M2>
    where
        M2: Clone,
    {
        let Parts {
            fallback,
            strategy,
            failures,
            capture,
            form,
        } = self.into_parts();
        FallbackLayer::made_of(&Parts {
            fallback,
            strategy,
            failures,
            capture,
            form: change(form),
        })
    }

    pub(crate) fn failures<D2: Clone>(
        self,
        change: impl FnOnce(D) -> D2,
    ) -> FallbackLayer<A, D2, K, M> {
        let Parts {
            fallback,
            strategy,
            failures,
            capture,
            form,
        } = self.into_parts();
        FallbackLayer::made_of(&Parts {
            fallback,
            strategy,
            failures: change(failures),
            capture,
            form,
        })
    }

    fn made_of(parts: &Parts<A, D, K, M>) -> Self {
        let parts = Shared::new(parts);
        Self { parts }
    }

    fn into_parts(self) -> Parts<A, D, K, M> {
        Parts::clone(self.parts.get())
    }
}

impl<A, C, L, K, M> FallbackLayer<A, Failures<C, L>, K, M>
where
    A: Clone,
    C: Clone,
    L: Clone,
    K: Clone,
    M: Clone,
{
    /// Judges finished calls with another classifier. Refusals get another answer unless it calls them a success.
    pub fn classify<C2: Clone>(self, classify: C2) -> FallbackLayer<A, Failures<C2, L>, K, M> {
        self.failures(|failures| failures.classify(classify))
    }
}

impl<A: Clone, D: Clone, K: Clone> FallbackLayer<A, D, K, Plain> {
    /// Answers with the last good response to a request with the same key: what [`capture`](Self::capture) took.
    #[expect(
        clippy::type_complexity,
        reason = "it is the layer itself, with one strategy more"
    )]
    pub fn stale<Q, Res>(
        self,
        stale: Stale<Q, Res>,
    ) -> FallbackLayer<Chain<A, Stale<Q, Res>>, D, K, Stale<Q, Res>> {
        self.remember(stale.clone()).then(stale)
    }

    /// Remembers good responses without answering with them: for [`when`](Self::when).
    pub fn remember<Q, Res>(self, stale: Stale<Q, Res>) -> FallbackLayer<A, D, K, Stale<Q, Res>> {
        self.map_form(|_| stale)
    }
}

impl<A, D, K, M> FallbackLayer<A, D, K, M> {
    /// The handle that every service of this layer shares.
    #[must_use]
    pub fn handle(&self) -> &Fallback {
        &self.parts.get().fallback
    }
}

impl<S, A, D, K, M> Layer<S> for FallbackLayer<A, D, K, M> {
    type Service = FallbackService<S, A, D, K, M>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.parts.clone())
    }
}

impl<A, D, K, M> Clone for FallbackLayer<A, D, K, M> {
    fn clone(&self) -> Self {
        Self {
            parts: self.parts.clone(),
        }
    }
}

impl<A, D, K, M> fmt::Debug for FallbackLayer<A, D, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer")
            .field("fallback", self.handle())
            .finish_non_exhaustive()
    }
}
