mod json;

use std::{any::type_name, fmt, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::{Service, ServiceExt, util::BoxCloneSyncService};
use watertight_core::{BuildError, Error};

use super::{BusError, NoHandler, entries::Entries, json::ByJson};
use crate::{Fresh, HandlerFailure, Lookup, QueryError, QueryRequest};

/// The service of a lookup's queries, whatever layers there are around its handler.
pub type QueriesOf<L> = BoxCloneSyncService<
    QueryRequest<<L as Lookup>::Query>,
    Fresh<<L as Lookup>::Output>,
    Error<QueryError>,
>;

/// A service of queries that are known as JSON only; so are its answers.
pub type NamedQueries = BoxCloneSyncService<QueryRequest<Value>, Fresh<Value>, Error<QueryError>>;

/// All the queries of a program in one place: by their lookup, or by a name.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use watertight_cqrs::{Event, Fact, Lookup, Projection, QueryError, View, ViewReader};
/// # use watertight_events::{EventStore, Expected, MemoryStore, StreamId, ViewStore, Write};
/// use serde_json::json;
/// use tower::ServiceExt;
/// use watertight_cqrs::{ConsistencyToken, QueryBus, QueryHandler, QueryRequest};
/// # #[derive(Deserialize, Serialize)]
/// # enum Door { Opened }
/// # impl Event for Door {}
/// # struct Doors;
/// # impl View for Doors {
/// #     type Event = Door;
/// #     type Document = u64;
/// #     const NAME: &'static str = "doors";
/// #     const VERSION: u32 = 1;
/// #     fn keys(fact: &Fact<Door>) -> Vec<String> { vec![fact.stream.key().into()] }
/// #     fn apply(_: &str, times: Option<u64>, _: &Fact<Door>) -> Option<u64> { Some(times.unwrap_or(0) + 1) }
/// # }
/// # struct HowOften;
/// # impl Lookup for HowOften {
/// #     type View = Doors;
/// #     type Query = u32;
/// #     type Output = Option<u64>;
/// #     async fn answer<S: ViewStore>(&self, door: &u32, doors: &ViewReader<Doors, S>) -> Result<Option<u64>, QueryError> {
/// #         doors.get(&door.to_string()).await
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = MemoryStore::new();
/// # let doors = Projection::<Doors, _, _>::new(store.clone(), store.clone());
/// # let handle = doors.handle();
/// # tokio::spawn(doors.run());
/// # handle.until(|it| it.state.is_healthy()).await;
/// # let opened = Write::to(StreamId::new("door", 7), Expected::Any, vec![Door::Opened.encode()?.into()]);
/// # let written = store.write(opened).await?;
/// # let token = ConsistencyToken { store: store.id(), position: written.position };
/// let handler = QueryHandler::new(HowOften, store);
/// let bus = QueryBus::builder().named::<HowOften, _>("how-often", handler).build()?;
/// let answer = bus.send::<HowOften>(QueryRequest::new(7).at_least(token)).await?;
/// assert_eq!(answer.value, Some(1));
///
/// let answer = bus.by_name("how-often")?.oneshot(QueryRequest::new(json!(7))).await?;
/// assert_eq!(answer.value, json!(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// # Clone
///
/// Clones are cheap and the same bus.
#[derive(Clone)]
pub struct QueryBus(Arc<Entries<NamedQueries>>);

/// Builds a [`QueryBus`].
#[must_use = "a builder does nothing until `build`"]
pub struct QueryBusBuilder(Entries<NamedQueries>);

impl QueryBus {
    /// Starts to build a bus.
    pub fn builder() -> QueryBusBuilder {
        QueryBusBuilder(Entries::new("queries"))
    }

    /// Sends a query to the service of its lookup, and waits until that is ready.
    ///
    /// # Errors
    ///
    /// Nobody has registered for the lookup; or what the service says.
    pub async fn send<L: Lookup>(
        &self,
        request: QueryRequest<L::Query>,
    ) -> Result<Fresh<L::Output>, BusError<QueryError>> {
        Ok(self.queries_of::<L>()?.oneshot(request).await?)
    }

    /// The service of a lookup's queries, such as for a route.
    ///
    /// # Errors
    ///
    /// Nobody has registered for the lookup.
    pub fn queries_of<L: Lookup>(&self) -> Result<QueriesOf<L>, NoHandler> {
        self.0.typed::<L, _>(type_name::<L>())
    }

    /// The service that has this name. What is no query of its lookup is [`QueryError::Invalid`].
    ///
    /// # Errors
    ///
    /// Nobody has registered under the name.
    pub fn by_name(&self, name: &str) -> Result<NamedQueries, NoHandler> {
        self.0.named(name)
    }
}

impl QueryBusBuilder {
    /// Registers the service of a lookup's queries.
    pub fn register<L, S>(mut self, service: S) -> Self
    where
        L: Lookup,
        S: Service<QueryRequest<L::Query>, Response = Fresh<L::Output>>,
        S: Clone + Send + Sync + 'static,
        S::Error: HandlerFailure<Own = QueryError>,
        S::Future: Send + 'static,
    {
        let service: QueriesOf<L> =
            BoxCloneSyncService::new(service.map_err(HandlerFailure::flatten));
        self.0.add::<L>(type_name::<L>(), service);
        self
    }

    /// Registers the service of a lookup's queries, also under a name.
    pub fn named<L, S>(mut self, name: impl Into<String>, service: S) -> Self
    where
        L: Lookup<Query: DeserializeOwned, Output: Serialize>,
        S: Service<QueryRequest<L::Query>, Response = Fresh<L::Output>>,
        S: Clone + Send + Sync + 'static,
        S::Error: HandlerFailure<Own = QueryError>,
        S::Future: Send + 'static,
    {
        let by_json = ByJson::<L, S>::new(service.clone());
        self.0
            .add_named(name.into(), BoxCloneSyncService::new(by_json));
        self.register::<L, S>(service)
    }

    /// Builds the bus.
    ///
    /// # Errors
    ///
    /// A lookup or a name was registered twice.
    pub fn build(self) -> Result<QueryBus, BuildError> {
        let entries = self
            .0
            .build("query bus", "each lookup and each name once")?;
        Ok(QueryBus(Arc::new(entries)))
    }
}

impl fmt::Debug for QueryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for QueryBusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
