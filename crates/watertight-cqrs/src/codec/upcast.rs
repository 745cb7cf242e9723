use std::{fmt, sync::OnceLock};

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use watertight_core::BoxError;

use super::{
    Event, UpcasterError,
    chain::{Chain, Run, Shape, Step},
};

/// How stored events of the past become the events of today. What is stored never changes.
///
/// Steps lead from one version of an event's shape to the next, so a shape that changes again adds a step and leaves the
/// others as they are. The newest version that the steps lead to is the one that events are stored in.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use serde_json::{Map, Value};
/// use watertight_cqrs::{Event, Upcasters};
/// use watertight_events::NewEvent;
///
/// #[derive(Debug, Deserialize, PartialEq, Serialize)]
/// #[serde(rename_all = "snake_case")]
/// enum UserEvent {
///     EmailChanged { email: String },
/// }
///
/// impl Event for UserEvent {
///     fn upcasters() -> &'static Upcasters {
///         static UPCASTERS: Upcasters = Upcasters::new(|steps| {
///             // In version 1 the field was called `mail`.
///             steps.reshape("email_changed", 1, |mut fields: Map<String, Value>| {
///                 let email = fields.remove("mail");
///                 fields.extend(email.map(|it| ("email".into(), it)));
///                 fields
///             })
///         });
///         &UPCASTERS
///     }
/// }
///
/// Upcasters::check::<UserEvent>()?;
/// let stored = NewEvent::new("email_changed", r#"{"mail":"a@b.example"}"#);
/// let event = UserEvent::EmailChanged { email: "a@b.example".into() };
/// assert_eq!(event.encode()?.schema, 2);
/// assert_eq!(UserEvent::read(&stored)?, [event]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Upcasters {
    declare: fn(Steps) -> Steps,
    chain: OnceLock<Result<Chain, UpcasterError>>,
}

/// The steps of [`Upcasters`], one by one.
#[derive(Default)]
#[must_use = "steps do nothing unless they are returned"]
pub struct Steps(Vec<(Shape, Step)>);

/// An event on its way to its present shape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upcast {
    pub(super) kind: &'static str,
    pub(super) schema: u32,
    pub(super) payload: Bytes,
}

impl Upcasters {
    /// Upcasters of these steps, which are put together when they are first needed.
    #[must_use]
    pub const fn new(declare: fn(Steps) -> Steps) -> Self {
        Self {
            declare,
            chain: OnceLock::new(),
        }
    }

    /// No upcasters: every event is stored in its first version.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Upcasters = Upcasters::new(|steps| steps);
        &NONE
    }

    /// Whether the upcasters of these events fit together, and lead to nothing else. Handlers and projections refuse to work
    /// with upcasters that do not; a test tells earlier.
    ///
    /// # Errors
    ///
    /// See [`UpcasterError`].
    pub fn check<E: Event>() -> Result<(), UpcasterError> {
        let chain = E::upcasters().chain()?;
        chain.fits::<E>()?;
        chain.ends_in::<E>()
    }

    /// The same where other events are left out, as views do.
    pub(crate) fn check_some<E: Event>() -> Result<(), UpcasterError> {
        E::upcasters().chain()?.fits::<E>()
    }

    /// The version that events of this name are stored in.
    #[must_use]
    pub fn latest(&self, kind: &str) -> u32 {
        self.chain().map_or(1, |chain| chain.latest(kind))
    }

    /// Names of which stored events are made into others.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &'static str> {
        self.chain().into_iter().flat_map(Chain::sources)
    }

    /// Where each step leads.
    pub(crate) fn steps(&self) -> Option<impl Serialize> {
        self.chain().ok().map(Chain::steps)
    }

    pub(super) fn chain(&self) -> Result<&Chain, UpcasterError> {
        let chain = self
            .chain
            .get_or_init(|| Chain::of((self.declare)(Steps::default()).0));
        chain.as_ref().map_err(Clone::clone)
    }
}

impl Steps {
    /// To the next version, by a function of what the payload was. Where the payload is not that, the event cannot be read.
    pub fn reshape<Old, New>(
        self,
        kind: &'static str,
        from: u32,
        reshape: impl Fn(Old) -> New + Send + Sync + 'static,
    ) -> Self
    where
        Old: DeserializeOwned,
        New: Serialize,
    {
        let next = (kind, from.saturating_add(1));
        let run = move |payload: &[u8]| {
            let new = reshape(serde_json::from_slice(payload)?);
            Ok(vec![Upcast::new(next.0, next.1, &new)?])
        };
        self.step((kind, from), vec![next], Box::new(run))
    }

    /// To the next version, which reads what is stored as it is: a field was added that has a default, say.
    pub fn same(self, kind: &'static str, from: u32) -> Self {
        self.rename(kind, from, (kind, from.saturating_add(1)))
    }

    /// To a version of another name, whose payload is the same.
    pub fn rename(self, kind: &'static str, from: u32, into: (&'static str, u32)) -> Self {
        let run = move |payload: &[u8]| {
            Ok(vec![Upcast {
                kind: into.0,
                schema: into.1,
                payload: Bytes::copy_from_slice(payload),
            }])
        };
        self.step((kind, from), vec![into], Box::new(run))
    }

    /// To any number of events, each of one of these names and versions, in the order in which they happened. They keep
    /// the place of the stored event: its version in the stream, and its position.
    pub fn split<Old: DeserializeOwned>(
        self,
        kind: &'static str,
        from: u32,
        into: &[(&'static str, u32)],
        split: impl Fn(Old) -> Result<Vec<Upcast>, BoxError> + Send + Sync + 'static,
    ) -> Self {
        let run = move |payload: &[u8]| split(serde_json::from_slice(payload)?);
        self.step((kind, from), into.to_vec(), Box::new(run))
    }

    /// To nothing: it is as if it had not happened. Its place in the stream stays.
    pub fn drop(self, kind: &'static str, from: u32) -> Self {
        self.step((kind, from), Vec::new(), Box::new(|_| Ok(Vec::new())))
    }

    fn step(mut self, from: Shape, into: Vec<Shape>, run: Run) -> Self {
        self.0.push((from, Step { into, run }));
        self
    }
}

impl Upcast {
    /// An event of this name and version.
    ///
    /// # Errors
    ///
    /// The payload has no JSON.
    pub fn new(
        kind: &'static str,
        version: u32,
        payload: &(impl Serialize + ?Sized),
    ) -> serde_json::Result<Self> {
        Ok(Self {
            kind,
            schema: version,
            payload: serde_json::to_vec(payload)?.into(),
        })
    }
}

impl fmt::Debug for Upcasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upcasters").field(&self.chain()).finish()
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
