//! Queries, with and without a token.

use std::{pin::Pin, sync::Arc, task::Poll, time::Duration};

use futures::future::poll_fn;
use tokio::{sync::Semaphore, time::Instant};
use tower::{Service, ServiceExt, load_shed::LoadShed};
use watertight_core::Deadline;
use watertight_cqrs::{
    ConsistencyToken, Fresh, Lookup, OnPoison, QueryError, QueryHandler, QueryRequest, View,
    ViewReader,
};
use watertight_events::{EventStore, Find, MemoryStore, Position, StoreId, ViewStore};

use crate::{
    place::{Place, on_every_store},
    store::Fragile,
    trail::{Happened, Seen, Trail, catch_up, caught_up, joined, left, moved, projection, record},
};

on_every_store! {     one_reads_what_one_has_written
    without_a_token_the_answer_is_as_old_as_the_view
    the_active_version_is_read_or_the_one_that_was_asked_for
}

/// The keys of the documents that a user is in.
#[derive(Clone, Debug)]
struct Where(Arc<Semaphore>);

impl Where {
    fn new() -> Self {
        Self(Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)))
    }
}

impl Lookup for Where {
    type View = Trail;
    type Query = u32;
    type Output = Vec<String>;

    async fn answer<S: ViewStore>(
        &self,
        user: &u32,
        trail: &ViewReader<Trail, S>,
    ) -> Result<Vec<String>, QueryError> {
        let _go = self.0.acquire().await.unwrap();
        let found = trail.find(&Find::by("member", user.to_string())).await?;
        let found = found.documents.into_iter();
        let whole = found.inspect(|(_, seen): &(String, Seen)| assert!(!seen.members.is_empty()));
        Ok(whole.map(|(key, _)| key).collect())
    }
}

async fn ask<S: ViewStore>(
    store: &S,
    request: QueryRequest<u32>,
) -> Result<Fresh<Vec<String>>, QueryError> {
    let handler = QueryHandler::new(Where::new(), store.clone());
    handler.oneshot(request).await
}

fn at(store: &impl EventStore, position: u64) -> ConsistencyToken {
    let (store, position) = (store.id(), Position(position));
    ConsistencyToken { store, position }
}

async fn one_reads_what_one_has_written<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    record(&store, 1, &[joined("a")]).await;
    let domains = ["a", "b"];
    for round in 0..50 {
        let (from, to) = (domains[round % 2], domains[(round + 1) % 2]);
        let position = record(&store, 1, &[moved(from, to)]).await;
        let request = QueryRequest::new(1).at_least(at(&store, position.0));
        let answer = ask(&store, request).await.unwrap();
        assert!(answer.as_of >= position);
        assert_eq!(answer.value, [format!("domain {to}"), "user 1".to_owned()]);
    }
}

async fn without_a_token_the_answer_is_as_old_as_the_view<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[joined("a")]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    record(&store, 1, &[left("a")]).await;
    let answer = ask(&store, QueryRequest::new(1)).await.unwrap();
    assert_eq!((answer.value.len(), answer.as_of), (2, Position(1)));
    let reached = QueryRequest::new(1).at_least(at(&store, 1));
    let reached = ask(&store, reached).await;
    reached.expect("it is there, although nobody runs the view");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_come_is_not_waited_for() {
    let store = MemoryStore::new();
    let start = Instant::now();
    let token = || QueryRequest::new(1).at_least(at(&store, 1));
    for request in [QueryRequest::new(1), token()] {
        let unknown = ask(&store, request).await;
        let told = matches!(unknown, Err(QueryError::Unknown { .. }));
        assert!(told, "there is no view: {unknown:?}");
    }

    record(&store, 1, &[Happened::Odd]).await;
    let trail = projection::<Trail, _>(&store).on_poison(OnPoison::Stop);
    trail.run().await.unwrap_err();
    match ask(&store, token()).await {
        Err(QueryError::Stopped { why: Some(why), .. }) => assert!(why.contains("odd"), "{why}"),
        other => panic!("it was stopped, not: {other:?}"),
    }

    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    let foreign = ConsistencyToken {
        store: StoreId::fresh(),
        position: Position(1),
    };
    let other = ask(&store, QueryRequest::new(1).at_least(foreign)).await;
    let told = matches!(other, Err(QueryError::OtherStore { .. }));
    assert!(told, "it is of another store: {other:?}");
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_query_waits_as_long_as_it_may() {
    let store = Fragile::default();
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    tokio::spawn(trail.run());
    caught_up(&handle).await;
    let request = || QueryRequest::new(1).at_least(at(&store, 7));
    let start = Instant::now();
    let wait = Duration::from_millis(730);
    match ask(&store, request().max_wait(wait)).await {
        Err(QueryError::Behind { wanted, actual, .. }) => {
            assert_eq!((wanted, actual), (Position(7), Position::START));
        }
        other => panic!("it is behind, not: {other:?}"),
    }
    assert_eq!(start.elapsed(), wait);
    let deadline = Deadline::after(Duration::from_millis(40));
    let late = ask(&store, request().max_wait(Duration::MAX));
    let late = deadline.scope(late).await;
    assert!(matches!(late, Err(QueryError::Deadline)), "{late:?}");
    assert_eq!(start.elapsed(), wait + Duration::from_millis(40));
}

#[tokio::test(start_paused = true)]
async fn a_query_that_waits_hears_that_the_runner_is_gone() {
    let store = Fragile::default();
    let trail = projection::<Trail, _>(&store);
    let handle = trail.handle();
    let running = tokio::spawn(trail.run());
    caught_up(&handle).await;
    let request = QueryRequest::new(1).at_least(at(&store, 7));
    let request = request.max_wait(Duration::from_secs(60));
    let asked = tokio::spawn({
        let store = store.clone();
        async move { ask(&store, request).await }
    });
    tokio::task::yield_now().await;
    let start = Instant::now();
    running.abort();
    let gone = asked.await.unwrap();
    let told = matches!(gone, Err(QueryError::Stopped { why: None, .. }));
    assert!(told, "nobody runs it: {gone:?}");
    let expired = Duration::from_secs(11);
    assert!(start.elapsed() <= expired, "once the lease has expired");
}

async fn the_active_version_is_read_or_the_one_that_was_asked_for<P: Place>() {
    let store = Fragile::<P>::fresh().await;
    record(&store, 1, &[joined("a")]).await;
    catch_up(projection::<Trail, _>(&store)).await;
    record(&store, 1, &[left("a")]).await;
    catch_up(projection::<Trail<2>, _>(&store)).await;
    let pinned = QueryHandler::builder(Where::new(), store.clone()).version(2);
    let pinned = pinned.build().unwrap();
    let new = pinned.oneshot(QueryRequest::new(1)).await.unwrap();
    assert_eq!((new.value.len(), new.as_of), (0, Position(2)));
    let as_of = async || ask(&store, QueryRequest::new(1)).await.unwrap().as_of;
    assert_eq!(as_of().await, Position(1));
    store.promote(&Trail::<2>::id()).await.unwrap();
    assert_eq!(as_of().await, Position(2));
    store.roll_back("trail").await.unwrap();
    assert_eq!(as_of().await, Position(1));
}

#[tokio::test(start_paused = true)]
async fn places_are_reserved_before_the_call_and_never_copied() {
    let store = MemoryStore::new();
    catch_up(projection::<Trail, _>(&store)).await;
    let lookup = Where(Arc::new(Semaphore::new(0)));
    let handler = QueryHandler::builder(lookup.clone(), store).places(1);
    let handler = handler.build().unwrap();
    let mut first = handler.clone();
    first.ready().await.unwrap();
    let shed = || LoadShed::new(handler.clone()).oneshot(QueryRequest::new(1));
    shed().await.expect_err("the only place is reserved");
    let mut call = first.call(QueryRequest::new(1));
    for _ in 0..3 {
        let once = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
        assert!(once.is_pending());
    }
    let taken = shed().await;
    taken.expect_err("the only place is taken until the answer");
    lookup.0.add_permits(10);
    call.await.unwrap();
    shed().await.expect("the place is free again");
    let none = QueryHandler::builder(lookup, MemoryStore::new()).places(0);
    none.build().unwrap_err();
}
