//! A desk where tickets are drawn, once each, and counted.

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use watertight_cqrs::{
    CommandHandler, CommandRequest, Decider, Event, Fact, Lookup, Projection, QueryError,
    QueryHandler, QueryRequest, View, ViewReader,
};
use watertight_events::{
    EventStore, Filter, Key, MemoryStore, Page, Position, ReadError, StoreId, StreamId, StreamPage,
    Version, ViewError, ViewStore, Write, WriteError, Written,
};

use crate::gate::Gate;

#[derive(Clone, Debug)]
pub(crate) struct Desk {
    store: MemoryStore,
    pub(crate) gate: Gate,
}

/// A ticket is drawn once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tickets;

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) enum Ticket {
    Drawn,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is drawn already")]
pub(crate) struct Drawn;

pub(crate) struct Seen;

/// Whether a ticket is drawn.
#[derive(Clone, Debug)]
pub(crate) struct IsDrawn(Gate);

impl Desk {
    /// A desk whose ticket 0 is drawn.
    pub(crate) async fn open() -> Self {
        let desk = Self {
            store: MemoryStore::new(),
            gate: Gate::new(),
        };
        let ticket = Ticket::Drawn.encode().unwrap().into();
        let drawn = Write::to(
            Tickets::stream_id(&0),
            watertight_events::Expected::Any,
            vec![ticket],
        );
        desk.store.write(drawn).await.unwrap();
        let seen = Projection::<Seen, _, _>::new(desk.store.clone(), desk.store.clone());
        let handle = seen.handle();
        tokio::spawn(seen.run());
        handle.until(|it| it.position == Position(1)).await;
        desk
    }

    pub(crate) fn commands(&self) -> CommandHandler<Tickets, Self> {
        CommandHandler::new(Tickets, self.clone())
    }

    pub(crate) fn queries(&self) -> QueryHandler<IsDrawn, MemoryStore> {
        QueryHandler::new(IsDrawn(self.gate.clone()), self.store.clone())
    }
}

/// A command that is done.
pub(crate) fn draw(ticket: u32) -> CommandRequest<u32> {
    CommandRequest::new(ticket)
}

/// A command that is turned down.
pub(crate) fn drawn() -> CommandRequest<u32> {
    draw(0)
}

pub(crate) fn ask(ticket: u32) -> QueryRequest<u32> {
    QueryRequest::new(ticket)
}

/// A query that makes no sense.
pub(crate) fn senseless() -> QueryRequest<u32> {
    ask(u32::MAX)
}

impl Event for Ticket {}

impl Decider for Tickets {
    type Command = u32;
    type Event = Ticket;
    type State = bool;
    type Rejection = Drawn;
    const CATEGORY: &'static str = "ticket";

    fn stream_id(ticket: &u32) -> StreamId {
        StreamId::new(Self::CATEGORY, ticket)
    }

    fn decide(&self, drawn: &bool, _: &u32) -> Result<Vec<Ticket>, Drawn> {
        if *drawn {
            Err(Drawn)
        } else {
            Ok(vec![Ticket::Drawn])
        }
    }

    fn evolve(_: bool, _: &Ticket) -> bool {
        true
    }
}

impl View for Seen {
    type Event = Ticket;
    type Document = ();
    const NAME: &'static str = "seen";
    const VERSION: u32 = 1;

    fn keys(fact: &Fact<Ticket>) -> Vec<String> {
        vec![fact.stream.key().to_owned()]
    }

    fn apply(_: &str, _: Option<()>, _: &Fact<Ticket>) -> Option<()> {
        Some(())
    }
}

impl Lookup for IsDrawn {
    type View = Seen;
    type Query = u32;
    type Output = bool;

    async fn answer<S: ViewStore>(
        &self,
        ticket: &u32,
        seen: &ViewReader<Seen, S>,
    ) -> Result<bool, QueryError> {
        if *ticket == u32::MAX {
            let why = "there is no such ticket".into();
            return Err(QueryError::Invalid { why });
        }
        if !self.0.pass().await {
            return Err(ViewError::store(false, "as asked").into());
        }
        Ok(seen.get(&ticket.to_string()).await?.is_some())
    }
}

impl EventStore for Desk {
    fn id(&self) -> StoreId {
        self.store.id()
    }

    async fn write(&self, write: Write) -> Result<Written, WriteError> {
        if !self.gate.pass().await {
            return Err(WriteError::store(false, "as asked"));
        }
        self.store.write(write).await
    }

    async fn answer(&self, key: &Key) -> Result<Option<Written>, WriteError> {
        self.store.answer(key).await
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        after: Version,
        limit: usize,
    ) -> Result<StreamPage, ReadError> {
        self.store.read_stream(stream, after, limit).await
    }

    async fn read_all(
        &self,
        after: Position,
        filter: &Filter,
        limit: usize,
    ) -> Result<Page, ReadError> {
        self.store.read_all(after, filter, limit).await
    }

    fn head(&self) -> watch::Receiver<Position> {
        self.store.head()
    }
}
