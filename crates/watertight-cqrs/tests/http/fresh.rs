//! Reading what one has written, and not waiting for what cannot come.

use std::time::Duration;

use serde_json::json;
use tower::service_fn;
use watertight_cqrs::{
    ConsistencyToken, Fresh, QueryError, QueryHandler, QueryRequest, http::query_route,
};
use watertight_events::{EventStore, Position, StoreId};
use watertight_timeout::DeadlineLayer;

use crate::{
    books::{self, Having, Open, WhoHas, serve},
    web::{Answer, Web},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_written_is_read_with_the_token_of_the_answer() {
    let (open, _handle) = books::keep().await;
    Answer::to(open.web.open("a")).await.is_done(1);
    for round in 1..=50 {
        let deposited = Answer::to(open.web.deposit("a", 1)).await;
        let token = deposited.header("consistency-token").unwrap();
        let get = open.web.get("accounts/a");
        let read = Answer::to(get.header("consistency-token", token)).await;
        assert_eq!(read.body, json!({ "balance": round, "version": round + 1 }));
        let as_of: ConsistencyToken = read.header("consistency-token").unwrap().parse().unwrap();
        let written: ConsistencyToken = token.parse().unwrap();
        assert!(as_of.store == written.store && as_of.position >= written.position);
    }
}

#[tokio::test]
async fn without_a_token_the_answer_may_be_old() {
    let (open, handle) = books::keep().await;
    let opened = Answer::to(open.web.open("a")).await;
    let token = opened.header("consistency-token").unwrap();
    let get = || open.web.get("accounts/a");
    Answer::to(get().header("consistency-token", token)).await;
    handle.stop();
    handle.until(|it| it.state.has_ended()).await;
    Answer::to(open.web.deposit("a", 1)).await.is_done(2);
    let old = Answer::to(get()).await;
    assert_eq!(old.body, json!({ "balance": 0, "version": 1 }));
    let seen = Answer::to(get().header("consistency-token", token)).await;
    assert_eq!(seen.status, 200, "a stopped view is asked for what it has");
}

#[tokio::test]
async fn what_cannot_come_is_told_and_not_waited_for() {
    let open = serve().await;
    let get = |token: ConsistencyToken| {
        let get = open.web.get("accounts/a");
        get.header("consistency-token", token.to_string())
    };
    let ahead = ahead(&open);
    let unknown = Answer::to(get(ahead)).await;
    assert_eq!(unknown.problem(503), "there is no view books yet");
    assert_eq!(unknown.header("retry-after"), None);

    let handle = books::run(&open.store).await;
    let foreign = ConsistencyToken {
        store: StoreId::fresh(),
        ..ahead
    };
    let foreign = Answer::to(get(foreign)).await;
    let told = "the header consistency-token is of another store: ask without it";
    assert_eq!(foreign.problem(400), told);

    handle.stop();
    handle.until(|it| it.state.has_ended()).await;
    let stopped = Answer::to(get(ahead)).await;
    let told = "the view books is behind the Consistency-Token, and nobody brings it up to date";
    assert_eq!(stopped.problem(503), told);
    assert_eq!(stopped.header("retry-after"), None);
}

#[tokio::test]
async fn a_view_that_has_not_come_so_far_in_time_is_503_and_says_when_to_come_back() {
    let (open, _handle) = books::keep().await;
    let get = open.web.get("accounts/a").header("prefer", "wait=0");
    let get = get.header("consistency-token", ahead(&open).to_string());
    let behind = Answer::to(get).await;
    let told = "the view books has not reached the Consistency-Token yet, try again later";
    assert_eq!(behind.problem(503), told);
    assert_eq!(behind.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_query_that_waits_is_answered_when_the_command_is_done() {
    let (open, _handle) = books::keep().await;
    let handler = QueryHandler::builder(WhoHas::default(), open.store.clone()).places(1);
    let queries = Web::serve(query_route::<Having>(handler.build().unwrap())).await;
    let first = ConsistencyToken {
        position: Position(1),
        ..ahead(&open)
    };
    let ask = queries.get("?balance=0");
    let ask = ask.header("consistency-token", first.to_string());
    let waiting = tokio::spawn(Answer::to(ask));
    until_taken(&queries).await;
    Answer::to(open.web.open("a")).await.is_done(1);
    let answer = waiting.await.unwrap();
    assert_eq!((answer.status, answer.body), (200, json!(["a"])));
}

#[tokio::test]
async fn a_token_is_waited_for_as_long_as_the_caller_prefers_and_5_s_at_most() {
    let service = service_fn(async |request: QueryRequest<()>| {
        let token = ConsistencyToken {
            store: StoreId::fresh(),
            position: Position(1),
        };
        let wait = request.max_wait.as_secs();
        Ok::<_, QueryError>(Fresh::new(wait, request.at_least.unwrap_or(token)))
    });
    let web = Web::serve(query_route::<()>(service)).await;
    for (prefer, seconds) in [
        ("", 5),
        ("respond-async", 5),
        ("wait=2", 2),
        ("respond-async, Wait = 3; x=y", 3),
        ("wait=0", 0),
        ("wait=\"4\", wait=1", 4),
        ("wait=60", 5),
        ("wait=99999999999999999999999", 5),
    ] {
        let answer = Answer::to(web.get("").header("prefer", prefer)).await;
        assert_eq!(answer.body, seconds, "{prefer}");
    }
}

#[tokio::test]
async fn a_deadline_ends_the_wait_for_a_token_with_504() {
    let (open, _handle) = books::keep().await;
    let handler = QueryHandler::builder(WhoHas::default(), open.store.clone()).places(1);
    let limit = Duration::from_secs(2);
    let route = query_route::<Having>(handler.build().unwrap());
    let web = Web::serve(route.layer(DeadlineLayer::for_http(limit))).await;
    let ask = web.get("?balance=0");
    let ask = ask.header("consistency-token", ahead(&open).to_string());
    let call = tokio::spawn(Answer::to(ask));
    until_taken(&web).await;
    tokio::time::pause();
    tokio::time::advance(limit).await;
    call.await.unwrap().problem(504);
}

/// A token of the store that it has not reached.
fn ahead(open: &Open) -> ConsistencyToken {
    ConsistencyToken {
        store: open.store.id(),
        position: Position(7),
    }
}

/// Waits until the only place is taken: then others are turned away, who are answered at once before.
async fn until_taken(web: &Web) {
    while Answer::to(web.get("?balance=0")).await.status == 200 {}
}
