//! Members of a club, whose events have had other shapes.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use watertight_cqrs::{Decider, Event, Fact, Upcast, Upcasters, View};
use watertight_events::{EventStore, Expected, MemoryStore, NewEvent, StreamId, Write};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Joined { name: String, year: u32 },
    Renamed { name: String },
    Moved { city: String },
    Left,
}

#[derive(Deserialize)]
struct Changed {
    name: String,
    city: String,
}

impl Event for Happened {
    fn upcasters() -> &'static Upcasters {
        static UPCASTERS: Upcasters = Upcasters::new(|steps| {
            steps
                .reshape("joined", 1, |mut fields: Map<String, Value>| {
                    let name = fields.remove("nick");
                    fields.extend(name.map(|name| ("name".to_owned(), name)));
                    fields
                })
                .reshape("joined", 2, |mut fields: Map<String, Value>| {
                    fields.insert("year".to_owned(), json!(1999));
                    fields
                })
                .split(
                    "changed",
                    1,
                    &[("renamed", 1), ("moved", 1)],
                    |it: Changed| {
                        Ok(vec![
                            Upcast::new("renamed", 1, &json!({ "name": it.name }))?,
                            Upcast::new("moved", 1, &json!({ "city": it.city }))?,
                        ])
                    },
                )
                .rename("gone", 1, ("left", 1))
                .drop("greeted", 1)
        });
        &UPCASTERS
    }
}

pub(crate) struct Members;

/// Everything that happened to a member, in order.
pub(crate) type History = Vec<Happened>;

impl Decider for Members {
    /// A city to move to.
    type Command = &'static str;
    type Event = Happened;
    type State = History;
    type Rejection = Infallible;
    const CATEGORY: &'static str = "member";

    fn stream_id(_: &&'static str) -> StreamId {
        ann()
    }

    fn decide(&self, past: &History, city: &&'static str) -> Result<Vec<Happened>, Infallible> {
        let city = format!("{city} after {}", past.len());
        Ok(vec![Happened::Moved { city }])
    }

    fn evolve(mut past: History, event: &Happened) -> History {
        past.push(event.clone());
        past
    }
}

/// What happened to each member, with the positions.
pub(crate) struct Histories;

impl View for Histories {
    type Event = Happened;
    type Document = Vec<(u64, u64, Happened)>;
    const NAME: &'static str = "histories";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<Happened>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(
        _: &str,
        past: Option<Self::Document>,
        fact: &Fact<Happened>,
    ) -> Option<Self::Document> {
        let mut past = past.unwrap_or_default();
        assert!(
            fact.event != moved("nowhere"),
            "there is no such city as nowhere"
        );
        past.push((fact.position.0, fact.version.0, fact.event.clone()));
        Some(past)
    }
}

pub(crate) fn ann() -> StreamId {
    StreamId::new("member", "ann")
}

pub(crate) fn old(kind: &'static str, schema: u32, payload: &Value) -> NewEvent {
    NewEvent::new(kind, payload.to_string()).schema(schema)
}

pub(crate) fn changed(name: &str, city: &str) -> NewEvent {
    old("changed", 1, &json!({ "name": name, "city": city }))
}

pub(crate) fn joined(name: &str, year: u32) -> Happened {
    let name = name.to_owned();
    Happened::Joined { name, year }
}

pub(crate) fn renamed(name: &str) -> Happened {
    Happened::Renamed { name: name.into() }
}

pub(crate) fn moved(city: &str) -> Happened {
    Happened::Moved { city: city.into() }
}

pub(crate) async fn record(store: &MemoryStore, events: Vec<NewEvent>) {
    let write = Write::to(ann(), Expected::Any, events);
    store.write(write).await.unwrap();
}
