//! What a batch of events comes to, decided without a store.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use watertight_events::{Change, Document, Lane, Loaded, Parked, Position, Recorded, StreamId};

use super::{Fact, View};

/// Events on their way into a view.
pub(super) struct Batch<V: View>(Vec<Step<V>>);

struct Step<V: View> {
    position: Position,
    stream: StreamId,
    /// What it comes to, which stays together: all of it has its effect on a document, or it is left out.
    read: Result<Vec<Keyed<V::Event>>, Why>,
}

/// An event with its keys, each once.
type Keyed<E> = (Fact<E>, BTreeSet<String>);

/// What is wrong with an event.
type Why = Arc<str>;

/// What becomes of the documents, and which events are left out.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) changes: Vec<Change>,
    pub(super) park: Vec<Parked>,
}

impl<V: View> Batch<V> {
    pub(super) fn read(events: Vec<Recorded>) -> Self {
        Self(events.into_iter().map(Step::read).collect())
    }

    /// The same for one lane: what is not of its document is done already.
    pub(super) fn only(mut self, lane: &Lane) -> Self {
        if let Lane::Key(wanted) = lane {
            for step in &mut self.0 {
                for (_, keys) in step.read.iter_mut().flatten() {
                    keys.retain(|key| key == wanted);
                }
            }
        }
        self
    }

    /// The same up to an event.
    pub(super) fn before(mut self, position: Position) -> Self {
        self.0.retain(|step| step.position < position);
        self
    }

    /// Everything that must be known of the view.
    pub(super) fn lanes(&self) -> Vec<Lane> {
        let mut lanes = HashSet::new();
        for step in &self.0 {
            lanes.insert(Lane::Stream(step.stream.clone()));
            let keys = step.read.iter().flatten().flat_map(|(_, keys)| keys);
            lanes.extend(keys.map(|key| Lane::Key(key.clone())));
        }
        lanes.into_iter().collect()
    }

    pub(super) fn fold(&self, loaded: &Loaded) -> Outcome {
        let mut outcome = Outcome::default();
        let mut held = loaded.held.clone();
        let mut documents: BTreeMap<&str, Vec<&Fact<V::Event>>> = BTreeMap::new();
        for step in &self.0 {
            let whole = Lane::Stream(step.stream.clone());
            match &step.read {
                _ if held.contains(&whole) => outcome.leave_out(whole, step.position, None),
                Err(why) => {
                    held.insert(whole.clone());
                    outcome.leave_out(whole, step.position, Some(Arc::clone(why)));
                }
                Ok(facts) => {
                    for (at, (fact, keys)) in facts.iter().enumerate() {
                        for key in keys {
                            let lane = Lane::Key(key.clone());
                            if !held.contains(&lane) {
                                documents.entry(key).or_default().push(fact);
                            } else if !facts[..at].iter().any(|(_, before)| before.contains(key)) {
                                outcome.leave_out(lane, step.position, None);
                            }
                        }
                    }
                }
            }
        }
        for (key, facts) in documents {
            outcome.change::<V>(key, loaded.documents.get(key), &facts);
        }
        outcome
    }
}

impl<V: View> Step<V> {
    fn read(recorded: Recorded) -> Self {
        let read = caught(|| {
            let facts = Fact::read(&recorded).map_err(|why| why.to_string())?;
            let keyed = facts.into_iter().map(|fact| {
                let keys: BTreeSet<_> = V::keys(&fact).into_iter().collect();
                for key in &keys {
                    let document = Document::new(key.as_str(), "");
                    document.check().map_err(|why| why.to_string())?;
                }
                Ok((fact, keys))
            });
            keyed.collect()
        });
        Self {
            position: recorded.position,
            stream: recorded.stream,
            read,
        }
    }
}

impl Outcome {
    pub(super) const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.park.is_empty()
    }

    /// The first event that is bad, and not just behind one.
    pub(super) fn poison(&self) -> Option<&Parked> {
        let bad = self.park.iter().filter(|parked| parked.why.is_some());
        bad.min_by_key(|parked| parked.position)
    }

    fn leave_out(&mut self, lane: Lane, position: Position, why: Option<Why>) {
        self.park.push(Parked {
            lane,
            position,
            why,
        });
    }

    fn change<V: View>(&mut self, key: &str, before: Option<&Document>, facts: &[&Fact<V::Event>]) {
        let after = fold::<V>(key, before, facts).unwrap_or_else(|_| {
            // The document was lost with the event that failed, so it is made again up to there.
            let mut last = before.cloned();
            let lane = || Lane::Key(key.to_owned());
            // Step by step, because what one stored event was split into is applied together or left out together.
            let mut steps = facts.chunk_by(|one, next| one.position == next.position);
            while let Some(step) = steps.next() {
                match fold::<V>(key, last.as_ref(), step) {
                    Ok(next) => last = next,
                    Err(why) => {
                        self.leave_out(lane(), step[0].position, Some(why));
                        for behind in steps.by_ref() {
                            self.leave_out(lane(), behind[0].position, None);
                        }
                    }
                }
            }
            last
        });
        match after {
            Some(after) if before != Some(&after) => self.changes.push(Change::Put(after)),
            None if before.is_some() => self.changes.push(Change::Delete(key.to_owned())),
            _ => {}
        }
    }
}

/// A document after some events.
fn fold<V: View>(
    key: &str,
    before: Option<&Document>,
    facts: &[&Fact<V::Event>],
) -> Result<Option<Document>, Why> {
    caught(|| {
        let read = |it: &Document| serde_json::from_slice(&it.body);
        let before = before.map(read).transpose();
        let before = before.map_err(|why| format!("the document cannot be read: {why}"))?;
        let after = facts
            .iter()
            .fold(before, |document, fact| V::apply(key, document, fact));
        let Some(after) = after else {
            return Ok(None);
        };
        let body = serde_json::to_vec(&after);
        let body = body.map_err(|why| format!("the document has no JSON: {why}"))?;
        let mut document = Document::new(key, body);
        let index = V::index(&after).into_iter();
        document.index = index
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        document.check().map_err(|why| why.to_string())?;
        Ok(Some(document))
    })
}

/// What the user's code comes to, and where it panics, what it said.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, Why> {
    let done = catch_unwind(AssertUnwindSafe(work));
    let done = done.unwrap_or_else(|panic| Err(format!("it panicked: {}", said(&*panic))));
    done.map_err(Into::into)
}

pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("nothing")
}
