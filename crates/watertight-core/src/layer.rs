use std::fmt;

use tower_layer::Layer;

use crate::{
    Admission, BoxError, Boxed, ByKey, Errors, Fail, FailWith, Keyed, Rejected, Respond,
    RespondWithRequest, UntilHead,
};

/// The one layer behind every handle that admits or refuses calls; the layer crates name it after their handle.
///
/// It holds a handle, so every service it makes shares that handle's state: axum may call `layer` once per connection
/// or per request, and the limit stays one limit.
#[must_use = "a layer does nothing until it wraps a service"]
#[derive(Clone, Copy)]
pub struct AdmissionLayer<A, C = Errors, R = Fail, U = UntilHead> {
    admit: A,
    classify: C,
    on_reject: R,
    hold: U,
}

/// How a handle wraps a service: most in [`Admission`], a queue in a service of its own.
pub trait Wrap<S, C, R, U>: Sized {
    /// The service that comes out.
    type Service;

    /// Wraps the service.
    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service;
}

impl<A> AdmissionLayer<A> {
    /// For any protocol: a refusal is [`Error::Rejected`](crate::Error), the inner error is
    /// [`Error::Inner`](crate::Error), errors are failures.
    pub const fn new(handle: A) -> Self {
        Self::of(handle, Errors::new(), Fail, UntilHead)
    }

    /// One state per key: the closure says which key a request has. Name its argument type.
    ///
    /// For any protocol, like [`new`](Self::new); [`classify`](Self::classify) and [`on_reject`](Self::on_reject) make
    /// it fit HTTP. The inner service is readied even while a key is refused, because the key is not known before `call`.
    pub const fn keyed<K, G>(keyed: Keyed<K, A>, key: G) -> AdmissionLayer<ByKey<K, A, G>> {
        AdmissionLayer::new(ByKey::new(keyed, key))
    }
}

impl<A> AdmissionLayer<A, Errors<Boxed>, FailWith<fn(Rejected) -> BoxError>> {
    /// For services whose error is [`BoxError`]: it stays `BoxError`, and [`Rejected::find`] tells a refusal.
    pub fn boxed(handle: A) -> Self {
        AdmissionLayer::new(handle)
            .classify(Errors::boxed())
            .fail_with(BoxError::from)
    }
}

impl<A, C, R, U> AdmissionLayer<A, C, R, U> {
    /// A layer of these parts.
    pub const fn of(handle: A, classify: C, on_reject: R, hold: U) -> Self {
        Self {
            admit: handle,
            classify,
            on_reject,
            hold,
        }
    }

    /// Judges finished calls with another classifier.
    pub fn classify<C2>(self, classify: C2) -> AdmissionLayer<A, C2, R, U> {
        let Self {
            admit,
            on_reject,
            hold,
            ..
        } = self;
        AdmissionLayer {
            admit,
            classify,
            on_reject,
            hold,
        }
    }

    /// Answers refusals in another way.
    pub fn on_reject<R2>(self, on_reject: R2) -> AdmissionLayer<A, C, R2, U> {
        let Self {
            admit,
            classify,
            hold,
            ..
        } = self;
        AdmissionLayer {
            admit,
            classify,
            on_reject,
            hold,
        }
    }

    /// Holds the permit for another time: [`UntilHead`], or `UntilBodyEnd` for HTTP.
    pub fn hold<U2>(self, hold: U2) -> AdmissionLayer<A, C, R, U2> {
        let Self {
            admit,
            classify,
            on_reject,
            ..
        } = self;
        AdmissionLayer {
            admit,
            classify,
            on_reject,
            hold,
        }
    }

    /// Answers a refusal with what the closure makes of it: a response of the inner service's own type. The error type
    /// stays what it was.
    ///
    /// ```
    /// # use watertight_core::AdmissionLayer;
    /// # let layer = AdmissionLayer::new(());
    /// layer.respond_with(|why| format!("come back later: {}", why.reason));
    /// ```
    pub fn respond_with<F, Res>(self, respond: F) -> AdmissionLayer<A, C, Respond<F>, U>
    where
        F: Fn(Rejected) -> Res,
    {
        self.on_reject(Respond(respond))
    }

    /// Answers a refusal with what the closure makes of it and of the very request that was refused, uncloned.
    ///
    /// ```
    /// # use watertight_core::{AdmissionLayer, Rejected};
    /// # let layer = AdmissionLayer::new(());
    /// layer.respond_with_request(|_why: Rejected, order: String| format!("queued {order}"));
    /// ```
    pub fn respond_with_request<F>(
        self,
        respond: F,
    ) -> AdmissionLayer<A, C, RespondWithRequest<F>, U> {
        self.on_reject(RespondWithRequest(respond))
    }

    /// Fails a refusal with what the closure makes of it: an error type `E2: From<E>` for the inner service's `E`.
    ///
    /// ```
    /// # use watertight_core::AdmissionLayer;
    /// # let layer = AdmissionLayer::new(());
    /// layer.fail_with(std::io::Error::other);
    /// ```
    pub fn fail_with<F, E2>(self, fail: F) -> AdmissionLayer<A, C, FailWith<F>, U>
    where
        F: Fn(Rejected) -> E2,
    {
        self.on_reject(FailWith(fail))
    }

    /// The handle whose state every service of this layer shares.
    pub const fn handle(&self) -> &A {
        &self.admit
    }
}

impl<S, A, C, R, U> Layer<S> for AdmissionLayer<A, C, R, U>
where
    A: Wrap<S, C, R, U> + Clone,
    C: Clone,
    R: Clone,
    U: Clone,
{
    type Service = A::Service;

    fn layer(&self, inner: S) -> Self::Service {
        let (classify, on_reject) = (self.classify.clone(), self.on_reject.clone());
        self.admit
            .clone()
            .wrap(inner, classify, on_reject, self.hold.clone())
    }
}

impl<S, C, R, U, K, V, G> Wrap<S, C, R, U> for ByKey<K, V, G> {
    type Service = Admission<S, Self, C, R, U>;

    fn wrap(self, inner: S, classify: C, on_reject: R, hold: U) -> Self::Service {
        Admission::new(inner, self, classify, on_reject, hold)
    }
}

impl<A: fmt::Debug, C, R, U> fmt::Debug for AdmissionLayer<A, C, R, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmissionLayer")
            .field("handle", &self.admit)
            .finish_non_exhaustive()
    }
}
