//! Queries by their lookup, or by a name.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, load_shed::LoadShed};
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_core::Error;
use watertight_cqrs::{
    BusError, Lookup, QueryBus, QueryError, QueryHandler, QueryRequest, ViewReader,
};
use watertight_events::{MemoryStore, Position, ViewStore};

use crate::{
    asking::{Where, at},
    trail::{Trail, catch_up, joined, projection, record},
};

/// The domains that a name is part of.
#[derive(Clone, Debug)]
struct Named;

impl Lookup for Named {
    type View = Trail;
    type Query = String;
    type Output = bool;

    async fn answer<S: ViewStore>(
        &self,
        domain: &String,
        trail: &ViewReader<Trail, S>,
    ) -> Result<bool, QueryError> {
        let found = trail.get(&format!("domain {domain}")).await?;
        Ok(found.is_some())
    }
}

async fn store() -> MemoryStore {
    let store = MemoryStore::new();
    record(&store, 1, &[joined("a")]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    store
}

fn bus(store: &MemoryStore) -> QueryBus {
    let builder = QueryBus::builder()
        .register::<Named, _>(QueryHandler::new(Named, store.clone()))
        .named::<Where, _>("where", QueryHandler::new(Where::new(), store.clone()));
    builder.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_query_goes_to_its_lookup() {
    let store = store().await;
    let bus = bus(&store);
    let found = bus.send::<Where>(QueryRequest::new(1)).await.unwrap();
    assert_eq!(found.value, ["domain a", "user 1"]);
    assert_eq!(found.token(), at(&store, 1));
    let named = QueryRequest::new("b".to_owned());
    assert!(!bus.send::<Named>(named).await.unwrap().value);
}

#[tokio::test(start_paused = true)]
async fn a_query_by_name_is_json_and_so_is_its_answer() {
    let store = store().await;
    let ask = QueryRequest::new(json!(1)).at_least(at(&store, 1));
    let by_name = bus(&store).by_name("where").unwrap();
    let found = by_name.clone().oneshot(ask).await.unwrap();
    assert_eq!(found.value, json!(["domain a", "user 1"]));
    assert_eq!(found.as_of, Position(1));
    let ahead = QueryRequest::new(json!(1)).at_least(at(&store, 7));
    match by_name.oneshot(ahead).await {
        Err(Error::Inner(QueryError::Stopped { .. })) => {}
        other => panic!("the token is behind a view that nobody runs, not: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn json_that_is_no_query_is_told() {
    let by_name = bus(&store().await).by_name("where").unwrap();
    match by_name.oneshot(QueryRequest::new(json!("one"))).await {
        Err(Error::Inner(QueryError::Invalid { why })) => assert!(why.contains("one"), "{why}"),
        other => panic!("no query, not: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lookup_or_a_name_that_nobody_registered_is_told() {
    let bus = QueryBus::builder().build().unwrap();
    match bus.send::<Where>(QueryRequest::new(1)).await {
        Err(BusError::NoHandler(who)) => assert!(who.name.ends_with("Where"), "{who}"),
        other => panic!("nobody, not: {other:?}"),
    }
    let nobody = bus.by_name("where").unwrap_err();
    assert_eq!(nobody.to_string(), "nobody handles the queries of `where`");
}

#[test]
fn registering_a_lookup_twice_is_a_build_error() {
    let handler = QueryHandler::new(Named, MemoryStore::new());
    let builder = QueryBus::builder()
        .register::<Named, _>(handler.clone())
        .register::<Named, _>(handler);
    let error = builder.build().unwrap_err().to_string();
    assert!(error.contains("Named"), "{error}");
}

#[test]
fn registering_a_query_s_name_twice_is_a_build_error() {
    let store = MemoryStore::new();
    let builder = QueryBus::builder()
        .named::<Named, _>("users", QueryHandler::new(Named, store.clone()))
        .named::<Where, _>("users", QueryHandler::new(Where::new(), store));
    let error = builder.build().unwrap_err().to_string();
    assert!(error.contains("users"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_layer_around_queries_comes_back_as_one() {
    let closed = Bulkhead::builder("closed").max_concurrent(0).build();
    let stack = BulkheadLayer::new(closed.unwrap());
    let stack = stack.layer(QueryHandler::new(Where::new(), store().await));
    let bus = QueryBus::builder().register::<Where, _>(stack).build();
    match bus.unwrap().send::<Where>(QueryRequest::new(1)).await {
        Err(BusError::Failed(Error::Rejected(why))) => assert_eq!(why.by, "closed"),
        other => panic!("a refusal, not: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_query_handler_is_not_ready_by_name_either() {
    let lookup = Where(Arc::new(Semaphore::new(0)));
    let handler = QueryHandler::builder(lookup.clone(), store().await).places(1);
    let bus = QueryBus::builder().named::<Where, _>("where", handler.build().unwrap());
    let shed = LoadShed::new(bus.build().unwrap().by_name("where").unwrap());
    let ask = || shed.clone().oneshot(QueryRequest::new(json!(1)));
    let first = tokio::spawn(ask());
    tokio::task::yield_now().await;
    ask().await.expect_err("the only place is taken");
    lookup.0.add_permits(1);
    first.await.unwrap().unwrap();
}
