use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use watertight_core::EventSource;

use crate::{
    event::{BreakerEvent, Trip},
    machine::{Now, State, Transition, Why},
    shared::Shared,
    snapshot::KIND,
    sync::{Mutex, lock},
};

/// What a breaker needs that has subscribers, or has changed its state.
#[derive(Debug)]
pub(crate) struct Seldom {
    pub(crate) events: EventSource<BreakerEvent>,
    pub(crate) story: Mutex<Story>,
    /// Held while the rules change, so that two updates at once do not undo each other.
    pub(crate) updating: Mutex<()>,
}

/// What an operator wants to read about the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    pub(crate) since: Now,
    pub(crate) last_trip: Option<Trip>,
    pub(crate) note: Option<Arc<str>>,
}

impl Shared {
    pub(crate) fn seldom(&self) -> &Seldom {
        self.seldom.get_or_init(|| {
            Box::new(Seldom {
                events: EventSource::new(KIND),
                story: Mutex::new(Story::default()),
                updating: Mutex::new(()),
            })
        })
    }

    /// What an operator wants to read about the state, as it is now.
    pub(crate) fn story(&self) -> Story {
        let seldom = self.seldom.get();
        seldom.map_or_else(Story::default, |seldom| lock(&seldom.story).clone())
    }

    /// Tells everybody of a transition: called by its winner, once.
    pub(crate) fn tell(&self, change: Transition) {
        let Transition {
            from,
            to,
            why,
            generation,
            now,
        } = change;
        let at = self
            .instant(Duration::from_micros(now.0))
            .unwrap_or(self.start);
        if from == to {
            if why != Why::Operator {
                self.emit(generation, at, BreakerEvent::WouldOpen { why });
            }
            return;
        }
        let mut story = lock(&self.seldom().story);
        // Tellers may overtake each other.
        story.since = story.since.max(now);
        if matches!(to, State::Open) {
            story.last_trip = Some(Trip { why, at });
        }
        if from == State::ForcedOpen {
            story.note = None;
        }
        // Under the lock, so that the state that is shown last is the state that came last.
        self.telemetry
            .transition(self.name, &self.machine, (from, to, why));
        let note = story.note.clone();
        drop(story);
        log(self.name, from, to, why);
        self.emit(
            generation,
            at,
            BreakerEvent::Transition {
                from,
                to,
                why,
                note,
            },
        );
    }

    pub(crate) fn emit(&self, generation: u32, at: Instant, event: BreakerEvent) {
        if let Some(seldom) = self.seldom.get() {
            let generation = generation.into();
            seldom.events.emit(self.name, generation, at, event);
        }
    }
}

#[cfg(feature = "tracing")]
fn log(name: &str, from: State, to: State, why: Why) {
    let (from, to, why) = (from.as_str(), to.as_str(), why.as_str());
    match to {
        "open" | "forced_open" => tracing::warn!(name, from, why, "circuit opened"),
        "closed" => tracing::info!(name, from, why, "circuit closed"),
        _ => tracing::debug!(name, from, to, why, "circuit changed"),
    }
}

#[cfg(not(feature = "tracing"))]
fn log(_: &str, _: State, _: State, _: Why) {}
