//! A read model that tells whether any event is missing in it, or is in it twice, and the processes that keep it up to date.

use serde::{Deserialize, Serialize};
use watertight_cqrs::{Event, Fact, View};

/// One more of something.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// By how many.
    By(u64),
}

/// A document for every stream, one for every amount, and one for all.
#[derive(Debug)]
pub struct Tally;

/// Of the events that a document has seen.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Counts {
    /// How many there are.
    pub events: u64,
    /// What they come to.
    pub amount: u64,
    /// The sum of their positions.
    pub positions: u64,
    /// Where the last one is.
    pub last: u64,
    /// Whether each came after the one before.
    pub in_order: bool,
}

impl Event for Counted {}

impl View for Tally {
    type Event = Counted;
    type Document = Counts;
    const NAME: &'static str = "tally";
    const VERSION: u32 = 1;
    const CATEGORIES: &'static [&'static str] = &["counter"];

    fn keys(fact: &Fact<Counted>) -> Vec<String> {
        let Counted::By(amount) = fact.event;
        vec![
            format!("stream {}", fact.stream),
            format!("amount {amount}"),
            "all".to_owned(),
        ]
    }

    fn apply(_: &str, counts: Option<Counts>, fact: &Fact<Counted>) -> Option<Counts> {
        let Counted::By(amount) = fact.event;
        let position = fact.position.0;
        let before = counts.unwrap_or_else(|| Counts {
            in_order: true,
            ..Counts::default()
        });
        Some(Counts {
            events: before.events + 1,
            amount: before.amount + amount,
            positions: before.positions + position,
            last: position,
            in_order: before.in_order && position > before.last,
        })
    }

    fn index(counts: &Counts) -> Vec<(&'static str, String)> {
        vec![("last", counts.last.to_string())]
    }
}
