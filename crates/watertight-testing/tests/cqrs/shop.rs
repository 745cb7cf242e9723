//! Baskets, whose events have had another shape.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};
use serde_json::json;
use watertight_cqrs::{Decider, Event, Fact, Upcast, Upcasters, View};
use watertight_events::{NewEvent, StreamId};

pub(crate) struct Baskets;

pub(crate) enum Command {
    Put(&'static str, u32),
    Touch,
    Spoil,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Put {
        what: String,
        count: u32,
    },
    Emptied,
    #[serde(skip_deserializing)]
    Spoilt,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum No {
    #[error("only {0} more fit in")]
    Full(u32),
    #[error("there is nothing to put in")]
    Nothing,
}

impl Event for Happened {
    fn upcasters() -> &'static Upcasters {
        static UPCASTERS: Upcasters = Upcasters::new(|steps| {
            steps.split(
                "filled",
                1,
                &[("emptied", 1), ("put", 1)],
                |what: String| {
                    Ok(vec![
                        Upcast::new("emptied", 1, &())?,
                        Upcast::new("put", 1, &json!({ "what": what, "count": 10 }))?,
                    ])
                },
            )
        });
        &UPCASTERS
    }
}

impl Decider for Baskets {
    type Command = Command;
    type Event = Happened;
    type State = u32;
    type Rejection = No;
    const CATEGORY: &'static str = "basket";

    fn stream_id(_: &Command) -> StreamId {
        StreamId::new(Self::CATEGORY, 1)
    }

    fn decide(&self, full: &u32, command: &Command) -> Result<Vec<Happened>, No> {
        match command {
            Command::Touch => Ok(vec![]),
            Command::Spoil => Ok(vec![Happened::Spoilt]),
            Command::Put(_, 0) => Err(No::Nothing),
            Command::Put(_, count) if full + count > 10 => Err(No::Full(10 - full)),
            Command::Put(what, count) => Ok(vec![put(what, *count)]),
        }
    }

    fn evolve(full: u32, event: &Happened) -> u32 {
        match event {
            Happened::Put { count, .. } => full + count,
            Happened::Emptied | Happened::Spoilt => 0,
        }
    }
}

/// Which baskets have something in them.
pub(crate) struct Wanted;

#[derive(Deserialize, Serialize)]
pub(crate) struct Basket {
    pub(crate) count: u32,
    pub(crate) versions: Vec<u64>,
}

impl View for Wanted {
    type Event = Happened;
    type Document = Basket;
    const NAME: &'static str = "wanted";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["basket"];

    fn keys(fact: &Fact<Happened>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, basket: Option<Basket>, fact: &Fact<Happened>) -> Option<Basket> {
        let Happened::Put { count, .. } = &fact.event else {
            return None;
        };
        let mut basket = basket.unwrap_or(Basket {
            count: 0,
            versions: vec![],
        });
        basket.count += count;
        basket.versions.push(fact.version.0);
        Some(basket)
    }

    fn index(basket: &Basket) -> Vec<(&'static str, String)> {
        vec![("count", basket.count.to_string())]
    }
}

pub(crate) fn put(what: &str, count: u32) -> Happened {
    let what = what.to_owned();
    Happened::Put { what, count }
}

pub(crate) fn basket(count: u32, versions: &[u64]) -> Basket {
    let versions = versions.to_vec();
    Basket { count, versions }
}

/// How baskets were filled once.
pub(crate) fn filled(what: &str) -> NewEvent {
    NewEvent::new("filled", json!(what).to_string())
}

/// What a test says when it fails.
pub(crate) fn failure<T>(test: impl FnOnce() -> T) -> String {
    let Err(panic) = catch_unwind(AssertUnwindSafe(test)) else {
        panic!("it passes")
    };
    *panic.downcast::<String>().expect("a message")
}
