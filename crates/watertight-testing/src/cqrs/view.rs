use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde_json::Value;
use watertight_cqrs::{Fact, View};
use watertight_events::{Document, NewEvent, Position, StreamId, Version};

use super::{
    stored::{pretty, read, show, stored},
    story::Story,
};

/// Starts a test of a view.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use watertight_cqrs::{Event, Fact, View};
/// use watertight_testing::cqrs::view;
///
/// #[derive(Deserialize, Serialize)]
/// enum Door { Opened, Removed }
/// impl Event for Door {}
///
/// struct Openings;
///
/// impl View for Openings {
///     type Event = Door;
///     type Document = u32;
///     const NAME: &'static str = "openings";
///     const VERSION: u32 = 1;
///     fn keys(fact: &Fact<Door>) -> Vec<String> { vec![fact.stream.key().to_owned()] }
///     fn apply(_: &str, times: Option<u32>, fact: &Fact<Door>) -> Option<u32> {
///         match fact.event {
///             Door::Opened => Some(times.unwrap_or(0) + 1),
///             Door::Removed => None,
///         }
///     }
///     fn index(times: &u32) -> Vec<(&'static str, String)> { vec![("times", times.to_string())] }
/// }
///
/// view::<Openings>()
///     .given("door-front", [Door::Opened, Door::Opened])
///     .given("door-back", [Door::Opened])
///     .then([("front", 2), ("back", 1)])
///     .then_found("times", "2", ["front"])
///     .given("door-front", [Door::Removed])
///     .then([("back", 1)]);
/// ```
#[must_use = "nothing is tested yet"]
pub fn view<V: View>() -> ViewTest<V> {
    ViewTest {
        documents: BTreeMap::new(),
        streams: BTreeMap::new(),
        position: Position::START,
        story: Story::default(),
        view: PhantomData,
    }
}

/// A view, and what it has come to.
pub struct ViewTest<V> {
    documents: BTreeMap<String, Kept>,
    streams: BTreeMap<StreamId, Version>,
    position: Position,
    story: Story,
    view: PhantomData<fn() -> V>,
}

/// A document as a store has it.
struct Kept {
    body: Value,
    index: Vec<(String, String)>,
}

impl<V: View> ViewTest<V> {
    /// These events have happened in a stream, after all those before. What the view does not read is left out.
    ///
    /// # Panics
    ///
    /// An event or a document cannot be stored, or not be read again.
    #[must_use = "nothing is tested yet"]
    #[track_caller]
    pub fn given(
        self,
        stream: impl Into<StreamId>,
        events: impl IntoIterator<Item = V::Event>,
    ) -> Self {
        let stored = stored(&self.story, events);
        self.given_stored(stream, stored)
    }

    /// The same for events as they are stored, of whatever version and kind.
    ///
    /// # Panics
    ///
    /// An event or a document cannot be read, or a document not be stored.
    #[must_use = "nothing is tested yet"]
    #[track_caller]
    pub fn given_stored(
        mut self,
        stream: impl Into<StreamId>,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Self {
        let stream = stream.into();
        for event in events {
            self.position = self.position.after(1);
            let version = self.streams.entry(stream.clone()).or_default();
            *version = version.after(1);
            let version = *version;
            self.story
                .add("given", [format!("{stream}: {}", show(&event))]);
            if !V::filter().lets_through(stream.category(), &event.kind) {
                continue;
            }
            let events = read::<V::Event>(&self.story, &event);
            for (part, told) in events.into_iter().enumerate() {
                let mut fact = Fact::new(stream.clone(), self.position, told);
                fact.version = version;
                fact.part = part;
                fact.metadata = event.metadata.clone();
                self.apply(&fact);
            }
        }
        self
    }

    /// There are exactly these documents, under these keys.
    ///
    /// # Panics
    ///
    /// There are others.
    #[track_caller]
    pub fn then<K: Into<String>>(
        self,
        expected: impl IntoIterator<Item = (K, V::Document)>,
    ) -> Self {
        let expected = expected.into_iter().map(|(key, document)| {
            let body = self.json(&document);
            (key.into(), body)
        });
        let expected: BTreeMap<_, _> = expected.collect();
        let actual = self.documents.iter();
        let actual = actual.map(|(key, kept)| (key.clone(), kept.body.clone()));
        let actual: BTreeMap<_, _> = actual.collect();
        if actual != expected {
            let [expected, actual] = [expected, actual].map(|documents| {
                let lines = documents.iter();
                let lines = lines.map(|(key, body)| format!("{key}: {}", pretty(body)));
                lines.collect::<Vec<_>>()
            });
            self.story
                .fail("there are other documents", &expected, &actual);
        }
        self
    }

    /// There is no document.
    ///
    /// # Panics
    ///
    /// There is one.
    #[expect(clippy::must_use_candidate, reason = "a test may end here")]
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then::<String>([])
    }

    /// Exactly the documents under these keys have this value in this indexed field.
    ///
    /// # Panics
    ///
    /// Others have it.
    #[track_caller]
    pub fn then_found<K: Into<String>>(
        self,
        field: &str,
        value: &str,
        keys: impl IntoIterator<Item = K>,
    ) -> Self {
        let wanted = (field.to_owned(), value.to_owned());
        let mut expected: Vec<String> = keys.into_iter().map(Into::into).collect();
        expected.sort_unstable();
        let found = self.documents.iter();
        let found = found.filter(|(_, kept)| kept.index.contains(&wanted));
        let actual: Vec<String> = found.map(|(key, _)| key.clone()).collect();
        if actual != expected {
            let what = format!("other documents have `{value}` in `{field}`");
            self.story.fail(&what, &expected, &actual);
        }
        self
    }

    #[track_caller]
    fn apply(&mut self, fact: &Fact<V::Event>) {
        let mut keys = V::keys(fact);
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let before = self.documents.remove(&key).map(|kept| {
                let read = serde_json::from_value(kept.body);
                read.unwrap_or_else(|why| {
                    let why = format!("the document under `{key}` cannot be read again: {why}");
                    self.story.give_up(&why)
                })
            });
            if let Some(after) = V::apply(&key, before, fact) {
                let kept = self.kept(&key, &after);
                self.documents.insert(key, kept);
            }
        }
    }

    #[track_caller]
    fn kept(&self, key: &str, document: &V::Document) -> Kept {
        let body = self.json(document);
        let mut stored = Document::new(key, body.to_string());
        let index = V::index(document).into_iter();
        stored.index = index
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if let Err(why) = stored.check() {
            let why = format!("no store takes the document under `{key}`: {why}");
            self.story.give_up(&why);
        }
        Kept {
            body,
            index: stored.index,
        }
    }

    #[track_caller]
    fn json(&self, document: &V::Document) -> Value {
        serde_json::to_value(document).unwrap_or_else(|why| {
            self.story
                .give_up(&format!("a document has no JSON: {why}"))
        })
    }
}

impl<V: View> fmt::Debug for ViewTest<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewTest")
            .field("view", &V::id())
            .field("story", &self.story)
            .finish_non_exhaustive()
    }
}
