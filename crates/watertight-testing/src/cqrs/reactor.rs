use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    future::poll_fn,
    marker::PhantomData,
};

use tower_service::Service;
use watertight_cqrs::{Delivery, Emit, Event, Fact};
use watertight_events::{NewEvent, Position, StreamId, Version};

use super::{
    stored::{read, show, stored},
    story::Story,
};

/// Starts a test of what a reactor of this name does.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tower::service_fn;
/// use watertight_cqrs::{Delivery, Emit, Event};
/// use watertight_events::StreamId;
/// use watertight_testing::cqrs::reactor;
///
/// #[derive(Deserialize, Serialize)]
/// enum Order { Placed, Paid }
/// #[derive(Deserialize, Serialize)]
/// enum Parcel { Requested }
/// impl Event for Order {}
/// impl Event for Parcel {}
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let parcels = service_fn(|order: Delivery<Order>| async move {
///     match order.event {
///         Order::Placed => Ok(Emit::nothing()),
///         Order::Paid => Emit::nothing().event(StreamId::new("parcel", order.stream.key()), &Parcel::Requested),
///     }
/// });
/// reactor("parcels", parcels)
///     .when("order-7", Order::Placed)
///     .await
///     .then_nothing()
///     .when("order-7", Order::Paid)
///     .await
///     .then([("parcel-7", Parcel::Requested)]);
/// # });
/// ```
#[must_use = "nothing is tested yet"]
pub fn reactor<V, R>(name: &str, service: R) -> ReactorTest<V, R>
where
    V: Event,
    R: Service<Delivery<V>, Response: Into<Emit>, Error: Display>,
{
    ReactorTest {
        name: name.to_owned(),
        service,
        streams: BTreeMap::new(),
        position: Position::START,
        story: Story::default(),
        events: PhantomData,
    }
}

/// What a reactor does, and what it has been told.
pub struct ReactorTest<V, R> {
    name: String,
    service: R,
    streams: BTreeMap<StreamId, Version>,
    position: Position,
    story: Story,
    events: PhantomData<fn(V)>,
}

/// What an event has come to.
#[must_use = "nothing is tested yet"]
pub struct Reacted<V, R> {
    test: ReactorTest<V, R>,
    outcome: Result<Vec<(StreamId, NewEvent)>, String>,
}

impl<V, R> ReactorTest<V, R>
where
    V: Event,
    R: Service<Delivery<V>, Response: Into<Emit>, Error: Display>,
{
    /// This has happened in a stream, after all that was told before.
    ///
    /// # Panics
    ///
    /// The event cannot be stored, or not be read again.
    pub async fn when(self, stream: impl Into<StreamId>, event: V) -> Reacted<V, R> {
        let stored = stored(&self.story, [event]);
        self.told(stream.into(), stored).await
    }

    /// The same for an event as it is stored, of whatever version.
    ///
    /// # Panics
    ///
    /// The event cannot be read.
    pub async fn when_stored(self, stream: impl Into<StreamId>, event: NewEvent) -> Reacted<V, R> {
        self.told(stream.into(), vec![event]).await
    }

    async fn told(mut self, stream: StreamId, events: Vec<NewEvent>) -> Reacted<V, R> {
        let mut outcome = Ok(Vec::new());
        for event in events {
            self.story
                .add("when", [format!("{stream}: {}", show(&event))]);
            self.position = self.position.after(1);
            let version = self.streams.entry(stream.clone()).or_default();
            *version = version.after(1);
            let version = *version;
            for (part, told) in read::<V>(&self.story, &event).into_iter().enumerate() {
                let mut fact = Fact::new(stream.clone(), self.position, told);
                fact.version = version;
                fact.part = part;
                fact.metadata = event.metadata.clone();
                let asked = self.ask(fact).await;
                outcome = outcome.and_then(|mut all: Vec<_>| {
                    all.extend(asked?);
                    Ok(all)
                });
            }
        }
        Reacted {
            test: self,
            outcome,
        }
    }

    async fn ask(&mut self, fact: Fact<V>) -> Result<Vec<(StreamId, NewEvent)>, String> {
        let delivery = Delivery::new(self.name.as_str(), fact);
        let service = &mut self.service;
        let ready = poll_fn(|cx| service.poll_ready(cx)).await;
        ready.map_err(|why| why.to_string())?;
        let answer = service.call(delivery).await;
        let emit: Emit = answer.map_err(|why| why.to_string())?.into();
        let appends = emit.appends().iter();
        let events = appends.flat_map(|append| {
            let events = append.events.iter();
            events.map(|event| (append.stream.clone(), event.clone()))
        });
        Ok(events.collect())
    }
}

impl<V, R> Reacted<V, R> {
    /// Exactly these events are emitted, each to its stream; the test may go on.
    ///
    /// # Panics
    ///
    /// Others are, or the reactor fails; or one of the events cannot be stored.
    #[track_caller]
    pub fn then<E: Event>(
        self,
        expected: impl IntoIterator<Item = (impl Into<StreamId>, E)>,
    ) -> ReactorTest<V, R> {
        let expected: Vec<_> = expected
            .into_iter()
            .flat_map(|(stream, event)| {
                let stream = stream.into();
                let events = stored(&self.test.story, [event]).into_iter();
                events.map(move |event| (stream.clone(), event))
            })
            .collect();
        self.emits(&expected)
    }

    /// The same for events of several types, as they are stored.
    ///
    /// # Panics
    ///
    /// Others are emitted, or the reactor fails.
    #[track_caller]
    pub fn then_stored(
        self,
        expected: impl IntoIterator<Item = (impl Into<StreamId>, NewEvent)>,
    ) -> ReactorTest<V, R> {
        let expected = expected.into_iter();
        let expected: Vec<_> = expected
            .map(|(stream, event)| (stream.into(), event))
            .collect();
        self.emits(&expected)
    }

    /// Nothing is emitted. What else it does is seen where it does it.
    ///
    /// # Panics
    ///
    /// Something is, or the reactor fails.
    #[track_caller]
    pub fn then_nothing(self) -> ReactorTest<V, R> {
        self.emits(&[])
    }

    /// The reactor fails, and this is what it says.
    ///
    /// # Panics
    ///
    /// It does not.
    #[track_caller]
    pub fn failure(self) -> String {
        match self.outcome {
            Err(why) => why,
            Ok(events) => {
                let expected = ["failed".to_owned()];
                self.test
                    .story
                    .fail("the reactor did not fail", &expected, &shown(&events))
            }
        }
    }

    #[track_caller]
    fn emits(self, expected: &[(StreamId, NewEvent)]) -> ReactorTest<V, R> {
        let (story, expected) = (&self.test.story, shown(expected));
        let actual = match self.outcome {
            Ok(events) => shown(&events),
            Err(why) => story.fail("the reactor failed", &expected, &[format!("failed: {why}")]),
        };
        if actual != expected {
            story.fail("other events were emitted", &expected, &actual);
        }
        self.test
    }
}

impl<V, R> fmt::Debug for ReactorTest<V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReactorTest")
            .field("name", &self.name)
            .field("story", &self.story)
            .finish_non_exhaustive()
    }
}

impl<V, R> fmt::Debug for Reacted<V, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reacted")
            .field("test", &self.test)
            .finish_non_exhaustive()
    }
}

fn shown(events: &[(StreamId, NewEvent)]) -> Vec<String> {
    let events = events.iter();
    events
        .map(|(stream, event)| format!("{stream}: {}", show(event)))
        .collect()
}
