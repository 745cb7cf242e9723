use watertight_events::{Append, EventStore, Expected, Metadata, NewEvent, StreamId, Write};

use crate::{CodecError, CommandError, Decider, Event, command::fold};

/// Events that a reactor answers with. They are appended in one commit with the reactor's own position, so each of them is in
/// the store exactly once, however often the reactor was asked. `()` is an answer without any.
///
/// Correlation is kept, and the event that was reacted to is their cause; so nothing needs to be said about either.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight_cqrs::{Emit, Event};
/// use watertight_events::StreamId;
///
/// #[derive(Deserialize, Serialize)]
/// enum Shipping { Requested { order: u32 } }
///
/// impl Event for Shipping {}
///
/// let emit = Emit::nothing().event(StreamId::new("shipping", 7), &Shipping::Requested { order: 7 })?;
/// assert!(!emit.is_nothing());
/// # Ok::<(), watertight_cqrs::CodecError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "what is emitted is the reactor's answer"]
pub struct Emit {
    appends: Vec<Append>,
}

impl Emit {
    /// No events.
    pub const fn nothing() -> Self {
        Self {
            appends: Vec::new(),
        }
    }

    /// The same with one more event for a stream, at whatever version that is.
    ///
    /// # Errors
    ///
    /// The event cannot be encoded.
    pub fn event<V: Event>(self, stream: StreamId, event: &V) -> Result<Self, CodecError> {
        let event = event.encode()?;
        Ok(self.append(stream, Expected::Any, vec![event.into()]))
    }

    /// The same with events for a stream. A stream is appended to once, but for more events at any version.
    ///
    /// If the stream is not where it is expected, the reactor is asked again.
    pub fn append(mut self, stream: StreamId, expected: Expected, events: Vec<NewEvent>) -> Self {
        let mut appends = self.appends.iter_mut();
        match appends.find(|append| append.stream == stream && expected == Expected::Any) {
            Some(append) => append.events.extend(events),
            None => self.appends.push(Append {
                stream,
                expected,
                events,
            }),
        }
        self
    }

    /// The same with what a command comes to, decided on the stream as it is now. If another command comes first, the reactor is
    /// asked again.
    ///
    /// # Errors
    ///
    /// [`CommandError::Rejected`], and what else reading the stream and encoding events may come to.
    ///
    /// # Cancellation
    ///
    /// Safe: nothing has been written.
    pub async fn command<D: Decider, S: EventStore>(
        self,
        decider: &D,
        store: &S,
        command: &D::Command,
    ) -> Result<Self, CommandError<D::Rejection>> {
        let stream = D::stream_id(command);
        let (state, version) = fold::<D, S>(store, &stream).await?;
        let decided = decider.decide(&state, command);
        let decided = decided.map_err(CommandError::Rejected)?;
        let encoded = decided.iter().map(|event| event.encode().map(Into::into));
        let events: Vec<NewEvent> = encoded.collect::<Result<_, _>>()?;
        if events.is_empty() {
            return Ok(self);
        }
        Ok(self.append(stream, Expected::Exact(version), events))
    }

    /// Whether there are no events.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.appends.is_empty()
    }

    /// What is appended, for tests of a reactor.
    #[must_use]
    pub fn appends(&self) -> &[Append] {
        &self.appends
    }

    /// What the store is asked for.
    pub(super) fn write(self, cause: &Metadata) -> Write {
        let mut appends = self.appends;
        for append in &mut appends {
            let events = std::mem::take(&mut append.events).into_iter();
            append.events = events.map(|event| event.caused_by(cause)).collect();
        }
        Write {
            appends,
            ..Write::default()
        }
    }
}

impl From<()> for Emit {
    fn from((): ()) -> Self {
        Self::nothing()
    }
}
