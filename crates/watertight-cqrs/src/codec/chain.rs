//! Upcasters put together: where each leads, checked, and followed to the end.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use bytes::Bytes;
use watertight_core::BoxError;
use watertight_events::NewEvent;

use super::{CodecError, Event, Upcast, UpcasterError};

/// Events that one stored event may come to.
const MOST: usize = 1_000;

/// A stored name, and a version of its shape.
pub(super) type Shape = (&'static str, u32);

pub(super) type Run = Box<dyn Fn(&[u8]) -> Result<Vec<Upcast>, BoxError> + Send + Sync>;

/// What becomes of the events of one shape.
pub(super) struct Step {
    pub(super) into: Vec<Shape>,
    pub(super) run: Run,
}

/// Steps without a gap, none of which leads back.
#[derive(Debug, Default)]
pub(super) struct Chain {
    steps: HashMap<&'static str, BTreeMap<u32, Step>>,
    latest: HashMap<&'static str, u32>,
}

impl Chain {
    pub(super) fn of(steps: Vec<(Shape, Step)>) -> Result<Self, UpcasterError> {
        let mut chain = Self::default();
        for ((kind, version), step) in steps {
            for (kind, version) in [(kind, version)].iter().chain(&step.into) {
                let latest = chain.latest.entry(kind).or_insert(1);
                *latest = (*latest).max(*version);
            }
            let of_kind = chain.steps.entry(kind).or_default();
            if of_kind.insert(version, step).is_some() {
                return Err(UpcasterError::Twice { kind, version });
            }
        }
        chain.leads_nowhere_twice()?;
        chain.has_no_gap()?;
        Ok(chain)
    }

    /// The newest version of a shape that it knows of.
    pub(super) fn latest(&self, kind: &str) -> u32 {
        self.latest.get(kind).copied().unwrap_or(1)
    }

    /// Names that it has steps from.
    pub(super) fn sources(&self) -> impl Iterator<Item = &'static str> {
        self.steps.keys().copied()
    }

    /// Where each step leads, in order.
    pub(super) fn steps(&self) -> BTreeMap<&str, BTreeMap<u32, &[Shape]>> {
        let kinds = self.steps.iter().map(|(kind, steps)| {
            let steps = steps.iter().map(|(from, step)| (*from, &*step.into));
            (*kind, steps.collect())
        });
        kinds.collect()
    }

    /// Whether what is read is what these events are now.
    pub(super) fn fits<E: Event>(&self) -> Result<(), UpcasterError> {
        for kind in E::kinds() {
            let (version, latest) = (E::schema(kind), self.latest(kind));
            if self.step(kind, version).is_some() {
                return Err(UpcasterError::Replaced { kind, version });
            }
            if latest < version {
                let version = latest;
                return Err(UpcasterError::Gap { kind, version });
            }
        }
        Ok(())
    }

    /// Whether all that it comes to is one of these events.
    pub(super) fn ends_in<E: Event>(&self) -> Result<(), UpcasterError> {
        let steps = self.steps.values().flat_map(BTreeMap::values);
        for (kind, version) in steps.flat_map(|step| step.into.iter().copied()) {
            if self.step(kind, version).is_none() && !E::kinds().contains(&kind) {
                return Err(UpcasterError::Unknown { kind, version });
            }
        }
        Ok(())
    }

    /// The events that a stored one comes to, in their order. What is made of it and is none of these is left out.
    pub(super) fn read<E: Event>(&self, stored: &NewEvent) -> Result<Vec<E>, CodecError> {
        let NewEvent {
            kind,
            schema,
            payload,
            ..
        } = stored;
        let Some(first) = self.step(kind, *schema) else {
            let (kind, schema, known) = (kind.clone(), *schema, E::schema(kind));
            return match schema.cmp(&known) {
                Ordering::Equal => Ok(vec![E::decode(&kind, payload)?]),
                Ordering::Greater => Err(CodecError::Newer {
                    kind,
                    schema,
                    known,
                }),
                Ordering::Less => Err(CodecError::Upcast {
                    kind,
                    schema,
                    source: "there is none".into(),
                }),
            };
        };
        let mut events = Vec::new();
        let mut made = 0;
        let mut waiting = first.take(kind, *schema, payload)?;
        waiting.reverse();
        while let Some(Upcast {
            kind: next,
            schema: version,
            payload,
        }) = waiting.pop()
        {
            made += 1;
            if made > MOST {
                return Err(CodecError::TooMany {
                    kind: kind.clone(),
                    schema: *schema,
                    limit: MOST,
                });
            }
            match self.step(next, version) {
                Some(step) => waiting.extend(step.take(next, version, &payload)?.into_iter().rev()),
                None if E::kinds().contains(&next) => events.push(E::decode(next, &payload)?),
                None => {}
            }
        }
        Ok(events)
    }

    fn step(&self, kind: &str, version: u32) -> Option<&Step> {
        self.steps.get(kind)?.get(&version)
    }

    fn leads_nowhere_twice(&self) -> Result<(), UpcasterError> {
        let shapes = self.steps.iter();
        let shapes = shapes.flat_map(|(kind, steps)| steps.keys().map(|version| (*kind, *version)));
        let mut open: BTreeSet<Shape> = shapes.collect();
        let goes_on = |open: &BTreeSet<Shape>, (kind, version): Shape| {
            let step = self.step(kind, version)?;
            step.into.iter().copied().find(|next| open.contains(next))
        };
        loop {
            let before = open.len();
            let still = open.iter().copied();
            open = still.filter(|it| goes_on(&open, *it).is_some()).collect();
            if open.len() == before {
                break;
            }
        }
        // Every way from what is left goes on for ever, so it comes to a place that it has been to.
        let mut been = BTreeSet::new();
        let mut at = open.first().copied();
        while let Some(shape) = at {
            if !been.insert(shape) {
                let (kind, version) = shape;
                return Err(UpcasterError::Cycle { kind, version });
            }
            at = goes_on(&open, shape);
        }
        Ok(())
    }

    fn has_no_gap(&self) -> Result<(), UpcasterError> {
        let kinds: BTreeMap<_, _> = self.latest.iter().collect();
        for (kind, latest) in kinds {
            let gap = (1..*latest).find(|version| self.step(kind, *version).is_none());
            if let Some(version) = gap {
                return Err(UpcasterError::Gap { kind, version });
            }
        }
        Ok(())
    }
}

impl Step {
    fn take(&self, kind: &str, schema: u32, payload: &Bytes) -> Result<Vec<Upcast>, CodecError> {
        let failed = |source| CodecError::Upcast {
            kind: kind.to_owned().into(),
            schema,
            source,
        };
        let made = (self.run)(payload).map_err(failed)?;
        let foreign = made
            .iter()
            .find(|it| !self.into.contains(&(it.kind, it.schema)));
        match foreign {
            None => Ok(made),
            Some(it) => {
                let why = format!("it makes `{}` of version {} unasked", it.kind, it.schema);
                Err(failed(why.into()))
            }
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Step").field(&self.into).finish()
    }
}
