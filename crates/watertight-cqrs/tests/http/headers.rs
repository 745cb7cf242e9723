//! Versions, tokens, traces and correlations in headers.

use watertight_cqrs::ConsistencyToken;
use watertight_events::{EventStore, Position, StoreId, Version};

use crate::{
    support::{Fault, everything},
    web::{Answer, bank},
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_command_is_done_at_the_version_of_if_match_only() {
    let (web, store) = bank().await;
    let opened = Answer::to(web.open("a")).await;
    let tag = opened.header("etag").unwrap();
    Answer::to(web.deposit("a", 1).header("if-match", tag))
        .await
        .is_done(2);
    let stale = Answer::to(web.deposit("a", 1).header("if-match", tag)).await;
    assert_eq!(stale.problem(412), "it is at version 2 now");
    assert_eq!(everything(&store).await.len(), 2);
}

#[tokio::test]
async fn if_match_any_needs_a_stream_and_if_none_match_any_needs_none() {
    let (web, _) = bank().await;
    Answer::to(web.deposit("a", 1).header("if-match", "*"))
        .await
        .problem(412);
    let create = || web.open("a").header("if-none-match", "*");
    Answer::to(create()).await.is_done(1);
    Answer::to(create()).await.problem(412);
    Answer::to(web.deposit("a", 1).header("if-match", "*"))
        .await
        .is_done(2);
}

#[tokio::test]
async fn malformed_headers_are_400_and_named() {
    let (web, store) = bank().await;
    let long = "k".repeat(256);
    for (name, value) in [
        ("if-match", "3"),
        ("if-match", "\"+3\""),
        ("if-match", "\"three\""),
        ("if-match", "W/\"3\""),
        ("if-match", "\"3\", \"4\""),
        ("if-match", ""),
        ("if-none-match", "\"3\""),
        ("idempotency-key", ""),
        ("idempotency-key", "\"\""),
        ("idempotency-key", "\"open"),
        ("idempotency-key", "\u{e9}"),
        ("idempotency-key", &long),
        ("consistency-token", "42"),
        ("correlation-id", "mine"),
    ] {
        let answer = Answer::to(web.open("a").header(name, value)).await;
        let detail = answer.problem(400);
        assert!(detail.contains(name), "{name}: {value}: {detail}");
    }
    assert!(everything(&store).await.is_empty());
}

#[tokio::test]
async fn a_header_that_is_there_twice_is_400() {
    let (web, _) = bank().await;
    for name in [
        "if-match",
        "idempotency-key",
        "consistency-token",
        "correlation-id",
    ] {
        let twice = web.open("a").header(name, "\"1\"").header(name, "\"2\"");
        let answer = Answer::to(twice).await;
        assert!(answer.problem(400).contains(name), "{answer:?}");
    }
    let both = web
        .open("a")
        .header("if-match", "*")
        .header("if-none-match", "*");
    Answer::to(both).await.problem(400);
}

#[tokio::test]
async fn the_token_is_that_of_the_last_event() {
    let (web, store) = bank().await;
    Answer::to(web.open("a")).await.is_done(1);
    let second = Answer::to(web.open("b")).await;
    let token: ConsistencyToken = second.header("consistency-token").unwrap().parse().unwrap();
    assert_eq!((token.store, token.position), (store.id(), Position(2)));
}

#[tokio::test]
async fn the_token_of_an_answer_is_not_behind_that_of_the_request() {
    let (web, store) = bank().await;
    let open = || web.open("a").header("idempotency-key", "k");
    Answer::to(open()).await.is_done(1);
    let seen = Answer::to(web.deposit("a", 1)).await;
    let seen = seen.header("consistency-token").unwrap();
    let replayed = Answer::to(open().header("consistency-token", seen)).await;
    assert_eq!(replayed.header("consistency-token"), Some(seen));
    let foreign = ConsistencyToken {
        store: StoreId::fresh(),
        position: Position(7),
    };
    let foreign = open().header("consistency-token", foreign.to_string());
    let own = Answer::to(foreign).await;
    let own: ConsistencyToken = own.header("consistency-token").unwrap().parse().unwrap();
    assert_eq!((own.store, own.position), (store.id(), Position(1)));
}

#[tokio::test]
async fn events_have_the_correlation_the_trace_and_the_actor_of_their_request() {
    let (web, store) = bank().await;
    let id = "018f2f60-7b5e-7c3a-9d4e-0123456789ab";
    let request = web
        .open("a")
        .header("correlation-id", id)
        .header("traceparent", TRACE)
        .header("x-user", "ann");
    let opened = Answer::to(request).await;
    assert_eq!(opened.header("correlation-id"), Some(id));
    let metadata = &everything(&store).await[0].event.metadata;
    assert_eq!(metadata.correlation.to_string(), id);
    assert_eq!(metadata.traceparent(), Some(TRACE));
    assert_eq!(metadata.actor(), Some("ann"));
    assert_ne!(metadata.causation, metadata.message);
}

#[tokio::test]
async fn a_correlation_is_made_for_those_without_one_also_for_problems() {
    let (web, store) = bank().await;
    let opened = Answer::to(web.open("a")).await;
    let metadata = &everything(&store).await[0].event.metadata;
    let correlation = metadata.correlation.to_string();
    assert_eq!(opened.header("correlation-id"), Some(&*correlation));
    store.fail(&[Fault::Broken]);
    let broken = Answer::to(web.deposit("a", 1)).await;
    broken.problem(500);
    assert!(broken.header("correlation-id").is_some());
}

#[tokio::test]
async fn a_malformed_trace_is_left_out() {
    let (web, store) = bank().await;
    let zeros = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
    let long = format!("{TRACE}-more");
    for (account, trace) in [
        ("a", "rubbish"),
        ("b", zeros),
        ("c", &long),
        ("d", &TRACE.to_uppercase()),
    ] {
        Answer::to(web.open(account).header("traceparent", trace))
            .await
            .is_done(1);
    }
    for event in everything(&store).await {
        assert_eq!(event.event.metadata.traceparent(), None);
        assert_eq!(event.version, Version(1));
    }
}
