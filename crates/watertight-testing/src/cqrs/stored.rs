//! Events as a store has them.

use serde_json::Value;
use watertight_cqrs::Event;
use watertight_events::NewEvent;

use super::story::Story;

/// The stored form of events.
#[track_caller]
pub(super) fn stored<E: Event>(
    story: &Story,
    events: impl IntoIterator<Item = E>,
) -> Vec<NewEvent> {
    let events = events.into_iter().map(|event| match event.encode() {
        Ok(encoded) => NewEvent::from(encoded),
        Err(why) => story.give_up(&format!("an event cannot be stored: {why}")),
    });
    events.collect()
}

/// What a stored event is read as.
#[track_caller]
pub(super) fn read<E: Event>(story: &Story, stored: &NewEvent) -> Vec<E> {
    match E::read(stored) {
        Ok(events) => events,
        Err(why) => {
            let event = show(stored);
            story.give_up(&format!("an event cannot be read: {why}\n    {event}"))
        }
    }
}

/// What people read: the name and the payload, a field in each line.
pub(super) fn show(event: &NewEvent) -> String {
    let payload = match serde_json::from_slice(&event.payload) {
        Ok(Value::Null) => String::new(),
        Ok(payload) => format!(" {}", pretty(&payload)),
        Err(_) => format!(" {}", event.payload.escape_ascii()),
    };
    match event.schema {
        1 => format!("{}{payload}", event.kind),
        schema => format!("{} (version {schema}){payload}", event.kind),
    }
}

pub(super) fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
