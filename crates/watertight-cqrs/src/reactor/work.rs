//! One event after the other.

use std::{collections::HashSet, fmt, sync::Arc};

use tower_service::Service;
use watertight_events::{Document, EventStore, Lane, Parked, Position, Recorded, ViewStore};

use super::{Delivery, Emit, Start, attempt::Attempts, once::Once, run::KeyOf};
use crate::{
    Event, Fact, OnPoison, ProjectionError, ProjectionState, Upcasters,
    projection::{batch::caught, lead::Lead, patience::Halt, runner::Work},
};

pub(super) struct Reacting<V, R> {
    pub(super) consumer: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) start: Start,
    pub(super) attempts: Attempts,
    pub(super) on_poison: OnPoison,
    pub(super) key: Option<KeyOf<V>>,
    pub(super) service: R,
    /// Its position in the store of the events.
    pub(super) tracked: Position,
}

/// What a stored event comes to, with the lane that it keeps to.
type Laned<V> = (Vec<Fact<V>>, Lane);

type Why = Arc<str>;

impl<V, R> Reacting<V, R>
where
    V: Event,
    R: Service<Delivery<V>, Response: Into<Emit>, Error: fmt::Display, Future: Send> + Send,
{
    fn read(&self, recorded: Recorded) -> Result<Laned<V>, Why> {
        caught(|| {
            let facts = Fact::read(&recorded).map_err(|why| why.to_string())?;
            let lane = match (&self.key, facts.first()) {
                (Some(key), Some(first)) => Lane::Key(key(first)),
                _ => Lane::Stream(recorded.stream),
            };
            if let Lane::Key(key) = &lane {
                let document = Document::new(key.as_str(), "");
                document.check().map_err(|why| why.to_string())?;
            }
            Ok((facts, lane))
        })
    }

    /// Reacts to all that a stored event comes to, in order.
    async fn react_to_all<E, S>(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        mut facts: Vec<Fact<V>>,
        once: Once,
    ) -> Result<Result<(), Why>, Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        let Some(last) = facts.pop() else {
            return Ok(Ok(()));
        };
        for fact in facts {
            // The position cannot move into the midst of an event, so it moves with what is emitted last.
            if let Err(why) = self.react(lead, fact, Once::Keyed).await? {
                return Ok(Err(why));
            }
        }
        self.react(lead, last, once).await
    }

    /// Tries until it is done, or there is no try left: then why.
    async fn react<E, S>(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        fact: Fact<V>,
        once: Once,
    ) -> Result<Result<(), Why>, Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        let mut delivery = Delivery::new(Arc::clone(&self.name), fact);
        let before = lead.state();
        loop {
            let (attempts, attempt) = (self.attempts, delivery.attempt);
            let asked = attempts.once(&mut self.service, delivery.clone());
            let done = match lead.meanwhile(asked).await? {
                Ok(emit) if emit.is_nothing() => Ok(()),
                Ok(emit) => self.emit(lead, &delivery, emit, once).await?,
                Err(why) => Err(why),
            };
            let Err(why) = done else {
                lead.tell_state(before);
                return Ok(Ok(()));
            };
            if attempt >= attempts.most {
                lead.tell_state(before);
                return Ok(Err(why));
            }
            lead.tell_state(ProjectionState::Retrying(why));
            lead.pause(attempts.pause(attempt)).await?;
            delivery.attempt += 1;
        }
    }

    /// Leaves an event out, or ends in front of it.
    async fn leave_out<E, S>(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        parked: Parked,
    ) -> Result<(), Halt>
    where
        E: EventStore,
        S: ViewStore,
    {
        if let Some(why) = &parked.why
            && self.on_poison == OnPoison::Stop
        {
            return Err(Halt::Failed(ProjectionError::Poison {
                view: lead.lease.view.clone(),
                position: parked.position,
                why: Arc::clone(why),
            }));
        }
        let mut save = lead.moved();
        save.to = parked.position;
        save.park.push(parked);
        lead.commit(&save).await
    }
}

impl<V, R, E, S> Work<E, S> for Reacting<V, R>
where
    V: Event,
    R: Service<Delivery<V>, Response: Into<Emit>, Error: fmt::Display, Future: Send> + Send,
    E: EventStore,
    S: ViewStore,
{
    async fn begin(&mut self, lead: &mut Lead<'_, E, S>) -> Result<(), Halt> {
        Upcasters::check_some::<V>().map_err(|error| Halt::Failed(error.into()))?;
        self.take_over(lead).await
    }

    async fn take(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> Result<(), Halt> {
        let read = |it: Recorded| (it.position, it.stream.clone(), self.read(it));
        let events: Vec<_> = events.into_iter().map(read).collect();
        let streams = events.iter().map(|it| Lane::Stream(it.1.clone()));
        let own = events.iter().flat_map(|it| &it.2).map(|it| it.1.clone());
        let lanes: HashSet<_> = streams.chain(own).collect();
        let lanes: Vec<_> = lanes.into_iter().collect();
        let mut held = lead.load(&lanes).await?.held;
        for (position, stream, read) in events {
            lead.is_still_wanted().await?;
            let whole = Lane::Stream(stream);
            let (lane, why) = match read {
                _ if held.contains(&whole) => (whole, None),
                Err(why) => (whole, Some(why)),
                Ok((_, lane)) if held.contains(&lane) => (lane, None),
                Ok((facts, lane)) => match self.react_to_all(lead, facts, Once::Moving).await? {
                    Ok(()) => {
                        lead.position = position;
                        lead.tell();
                        continue;
                    }
                    Err(why) => (lane, Some(why)),
                },
            };
            held.insert(lane.clone());
            let parked = Parked {
                lane,
                position,
                why,
            };
            self.leave_out(lead, parked).await?;
        }
        lead.position = to;
        Ok(())
    }

    async fn again(
        &mut self,
        lead: &mut Lead<'_, E, S>,
        parked: Vec<Parked>,
        events: Vec<Recorded>,
    ) -> Result<(), Halt> {
        for (parked, recorded) in parked.into_iter().zip(events) {
            lead.is_still_wanted().await?;
            let position = parked.position;
            let again = match self.read(recorded) {
                Err(why) => Some((parked.lane.clone(), Some(why))),
                // Its stream let it through, but what it is in order with may wait.
                Ok((_, lane))
                    if lane != parked.lane
                        && !lead
                            .load(std::slice::from_ref(&lane))
                            .await?
                            .held
                            .is_empty() =>
                {
                    Some((lane, None))
                }
                // Should it fail again, what follows in this lane waits for it as before.
                Ok((facts, _)) => match self.react_to_all(lead, facts, Once::Keyed).await? {
                    Ok(()) => None,
                    Err(why) => Some((parked.lane.clone(), Some(why))),
                },
            };
            let failed = again.as_ref().is_some_and(|(_, why)| why.is_some());
            let mut save = lead.moved();
            save.unpark.push((parked.lane, position));
            save.park = again
                .into_iter()
                .map(|(lane, why)| Parked {
                    lane,
                    position,
                    why,
                })
                .collect();
            lead.commit(&save).await?;
            if failed {
                break;
            }
        }
        Ok(())
    }
}
