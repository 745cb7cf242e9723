//! One event after the other.

use std::{collections::HashSet, slice, sync::Arc};

use watertight_events::{
    Document, EventStore, Filter, Lane, Parked, Position, Recorded, ViewStore,
};

use super::{
    Delivery, Reactions,
    once::Once,
    run::{Reacts, State},
};
use crate::{
    Event, Fact, Model, ProjectionState, Upcasters,
    projection::{batch::caught, lead::Lead, patience::Halt},
};

/// What a stored event comes to, with the lane that it keeps to.
type Laned<V> = (Vec<Fact<V>>, Lane);

/// What is wrong with an event.
type Why = Arc<str>;

impl<V: Event, R: Reacts<V>, S: ViewStore> Model<S> for Reactions<V, R> {
    fn filter(&self) -> Filter {
        self.filter.clone()
    }

    async fn begin<E: EventStore>(lead: &mut Lead<'_, Self, E, S>) -> Result<(), Halt> {
        Upcasters::check_some::<V>().map_err(|error| Halt::Failed(error.into()))?;
        let tracked = lead.take_over().await?;
        lead.runner.model.state.lock().await.tracked = tracked;
        Ok(())
    }

    async fn take<E: EventStore>(
        lead: &mut Lead<'_, Self, E, S>,
        events: Vec<Recorded>,
        to: Position,
    ) -> Result<(), Halt> {
        let model = &lead.runner.model;
        let mut state = model.state.lock().await;
        let read = |it: Recorded| (it.position, it.stream.clone(), model.read(it));
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
                Ok((facts, lane)) => {
                    match lead.react_to_all(&mut state, facts, Once::Moving).await? {
                        Ok(()) => {
                            lead.position = position;
                            lead.tell();
                            continue;
                        }
                        Err(why) => (lane, Some(why)),
                    }
                }
            };
            held.insert(lane.clone());
            lead.leave_out(lane, position, why).await?;
        }
        lead.position = to;
        Ok(())
    }

    async fn try_again<E: EventStore>(lead: &mut Lead<'_, Self, E, S>) -> Result<(), Halt> {
        let model = &lead.runner.model;
        let mut state = model.state.lock().await;
        loop {
            lead.is_still_wanted().await?;
            // One at a time: what is done must not be done again because a later one takes long.
            let Some(parked) = lead.requeued(1).await?.pop() else {
                return Ok(());
            };
            let found = lead.read_one(parked.position).await?.events.pop();
            let read = found.map_or_else(|| Err("it is not there".into()), |it| model.read(it));
            let again = match read {
                Err(why) => Some((parked.lane.clone(), Some(why))),
                // Its stream let it through, but what it is in order with may wait.
                Ok((_, lane)) if lane != parked.lane && lead.is_held(&lane).await? => {
                    Some((lane, None))
                }
                // Should it fail again, what follows in this lane waits for it as before.
                Ok((facts, _)) => match lead.react_to_all(&mut state, facts, Once::Keyed).await? {
                    Ok(()) => None,
                    Err(why) => Some((parked.lane.clone(), Some(why))),
                },
            };
            let position = parked.position;
            let mut save = lead.moved(lead.position);
            save.unpark.push((parked.lane, position));
            let again = again.into_iter().map(|(lane, why)| Parked {
                lane,
                position,
                why,
            });
            save.park.extend(again);
            lead.commit(&save).await?;
        }
    }
}

impl<V: Event, R> Reactions<V, R> {
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
}

impl<V, R, E, S> Lead<'_, Reactions<V, R>, E, S>
where
    V: Event,
    R: Reacts<V>,
    E: EventStore,
    S: ViewStore,
{
    /// Reacts to all that a stored event comes to, in order.
    async fn react_to_all(
        &mut self,
        state: &mut State<R>,
        mut facts: Vec<Fact<V>>,
        once: Once,
    ) -> Result<Result<(), Why>, Halt> {
        let Some(last) = facts.pop() else {
            return Ok(Ok(()));
        };
        for fact in facts {
            // The position cannot move into the midst of an event, so it moves with what is emitted last.
            if let Err(why) = self.react(state, fact, Once::Keyed).await? {
                return Ok(Err(why));
            }
        }
        self.react(state, last, once).await
    }

    /// Tries until it is done, or there is no try left: then why.
    async fn react(
        &mut self,
        state: &mut State<R>,
        fact: Fact<V>,
        once: Once,
    ) -> Result<Result<(), Why>, Halt> {
        let model = &self.runner.model;
        let (attempts, name) = (model.attempts, Arc::clone(&model.name));
        let mut delivery = Delivery::new(name, fact);
        let before = self.state();
        loop {
            let asked = attempts.once(&mut state.service, delivery.clone());
            let done = match self.meanwhile(asked).await? {
                Ok(emit) if emit.is_nothing() => Ok(()),
                Ok(emit) => {
                    let tracked = &mut state.tracked;
                    self.emit(tracked, &delivery, emit, once).await?
                }
                Err(why) => Err(why),
            };
            match done {
                Err(why) if delivery.attempt < attempts.most => {
                    self.tell_state(ProjectionState::Retrying(why));
                }
                done => {
                    self.tell_state(before);
                    return Ok(done);
                }
            }
            self.pause(attempts.pause(delivery.attempt)).await?;
            delivery.attempt += 1;
        }
    }

    async fn is_held(&self, lane: &Lane) -> Result<bool, Halt> {
        let loaded = self.load(slice::from_ref(lane)).await?;
        Ok(!loaded.held.is_empty())
    }

    /// Leaves an event out, or ends in front of it.
    async fn leave_out(
        &mut self,
        lane: Lane,
        position: Position,
        why: Option<Why>,
    ) -> Result<(), Halt> {
        if let Some(why) = &why
            && self.stops().await?
        {
            return Err(self.poisoned(position, Arc::clone(why)));
        }
        let mut save = self.moved(position);
        save.park.push(Parked {
            lane,
            position,
            why,
        });
        self.commit(&save).await
    }
}
