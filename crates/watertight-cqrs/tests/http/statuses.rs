//! The table of statuses, row by row.

use std::time::Duration;

use axum::{Extension, extract::DefaultBodyLimit, http::StatusCode};
use futures::{StreamExt, stream};
use tokio::time::Instant;
use tower::ServiceExt;
use watertight_core::Deadline;
use watertight_cqrs::{
    CommandHandler,
    http::{command_route, command_route_with},
};
use watertight_events::{EventStore, Expected, NewEvent, StreamId, Write};

use crate::{
    support::{Bank, Fault, No, Stubborn, deposit, everything},
    web::{Answer, Slip, Teller, Web, bank},
};

#[tokio::test]
async fn a_command_that_is_done_is_answered_with_a_receipt() {
    let (web, store) = bank().await;
    let opened = Answer::to(web.open("a")).await;
    opened.is_done(1);
    assert_eq!(opened.body["stream"], "account-a");
    assert_eq!(
        opened.body.as_object().unwrap().len(),
        2,
        "the events stay inside"
    );
    Answer::to(web.deposit("a", 5)).await.is_done(2);
    assert_eq!(everything(&store).await.len(), 2);
}

#[tokio::test]
async fn a_rejection_is_422_with_what_it_says() {
    let (web, _) = bank().await;
    let rejected = Answer::to(web.deposit("a", 1)).await;
    assert_eq!(rejected.problem(422), "there is no such account");
    assert_eq!(rejected.header("retry-after"), None);
}

#[tokio::test]
async fn a_rejection_has_the_status_that_the_service_chooses() {
    let status = |why: &No| match why {
        No::Missing => StatusCode::NOT_FOUND,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let handler = CommandHandler::new(Teller, Stubborn::new());
    let web = Web::serve(command_route_with::<Slip, _, _>(handler, status)).await;
    assert_eq!(
        Answer::to(web.deposit("a", 1)).await.problem(404),
        "there is no such account"
    );
    Answer::to(web.open("a")).await.is_done(1);
    Answer::to(web.open("a")).await.problem(422);
}

#[tokio::test]
async fn a_conflict_that_the_caller_did_not_ask_for_is_409() {
    for header in [None, Some("*")] {
        let store = Stubborn::new();
        let handler = CommandHandler::builder(Teller, store.clone()).attempts(1);
        let web = Web::serve(command_route::<Slip>(handler.build().unwrap())).await;
        Answer::to(web.open("a")).await.is_done(1);
        // Behind its back, and so before it.
        let other = CommandHandler::new(Bank, store.clone());
        other.oneshot(deposit("a", 1)).await.unwrap();
        let request = match header {
            Some(any) => web.deposit("a", 1).header("if-match", any),
            None => web.deposit("a", 1),
        };
        let conflict = Answer::to(request).await;
        conflict.problem(409);
        assert_eq!(conflict.header("retry-after"), Some("1"));
        Answer::to(web.deposit("a", 1)).await.is_done(3);
    }
}

#[tokio::test]
async fn what_can_be_in_no_store_is_400() {
    let (web, store) = bank().await;
    for hostile in ["\0", "a\u{7}", &"a".repeat(300)] {
        let answer = Answer::to(web.open(hostile)).await;
        assert!(
            answer.problem(400).starts_with("invalid stream"),
            "{answer:?}"
        );
    }
    assert!(everything(&store).await.is_empty());
}

#[tokio::test]
async fn what_is_not_json_is_400_and_what_is_no_command_422() {
    let (web, _) = bank().await;
    let json = "application/json";
    let deep = "[".repeat(100_000);
    for broken in ["", "{", "null", "{\"open\":{\"account\":\"\u{1}\"}}", &deep] {
        let request = web.raw(json, broken.to_owned());
        Answer::to(request).await.problem(400);
    }
    for other in [
        r#""open""#,
        r#""close""#,
        r#"{"close":{}}"#,
        r#"{"open":{}}"#,
    ] {
        Answer::to(web.raw(json, other)).await.problem(422);
    }
}

#[tokio::test]
async fn another_content_type_is_415() {
    let (web, _) = bank().await;
    let body = r#"{"open":{"account":"a"}}"#;
    Answer::to(web.raw("text/plain", body)).await.problem(415);
    Answer::to(web.raw("application/vnd.bank+json", body))
        .await
        .is_done(1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413() {
    let handler = CommandHandler::new(Teller, Stubborn::new());
    let route = command_route::<Slip>(handler).layer(DefaultBodyLimit::max(100));
    let web = Web::serve(route).await;
    Answer::to(web.open(&"a".repeat(101))).await.problem(413);
    Answer::to(web.open("a")).await.is_done(1);
}

#[tokio::test]
async fn more_than_the_store_takes_is_413() {
    let (web, store) = bank().await;
    let actor = "a".repeat(17 << 10);
    let large = Answer::to(web.open("a").header("x-user", actor)).await;
    assert!(large.problem(413).contains("16384"), "{large:?}");
    assert!(everything(&store).await.is_empty());
}

#[tokio::test]
async fn a_full_queue_of_the_store_is_503_and_says_when_to_come_back() {
    let (web, store) = bank().await;
    store.fail(&[Fault::Full]);
    let full = Answer::to(web.open("a")).await;
    full.problem(503);
    assert_eq!(full.header("retry-after"), Some("1"));
    Answer::to(web.open("a")).await.is_done(1);
}

#[tokio::test]
async fn a_store_that_is_away_for_the_moment_is_503_and_says_no_more() {
    let (web, store) = bank().await;
    store.fail(&[Fault::Before]);
    let away = Answer::to(web.open("a")).await;
    assert_eq!(away.problem(503), "nothing was recorded, try again later");
    assert_eq!(away.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn a_broken_store_is_500_and_says_no_more() {
    let (web, store) = bank().await;
    store.fail(&[Fault::Broken]);
    let broken = Answer::to(web.open("a")).await;
    assert_eq!(broken.problem(500), "nothing was recorded");
    assert_eq!(broken.header("retry-after"), None);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_500_and_says_no_more() {
    let (web, store) = bank().await;
    let rotten = NewEvent::new("deposited", r#"{"secret":1}"#);
    let write = Write::to(
        StreamId::new("account", "a"),
        Expected::NoStream,
        vec![rotten],
    );
    store.write(write).await.unwrap();
    let corrupt = Answer::to(web.deposit("a", 1)).await;
    assert_eq!(corrupt.problem(500), "nothing was recorded");
}

#[tokio::test]
async fn a_lost_answer_is_500_and_the_same_key_tells() {
    let (web, store) = bank().await;
    let open = || web.open("a").header("idempotency-key", "k");
    store.fail(&[Fault::After]);
    let lost = Answer::to(open()).await;
    assert!(
        lost.problem(500).contains("the same Idempotency-Key tells"),
        "{lost:?}"
    );
    let again = Answer::to(open()).await;
    again.is_done(1);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    store.fail(&[Fault::After]);
    let keyless = Answer::to(web.deposit("a", 1)).await;
    assert_eq!(keyless.problem(500), "it may have been done");
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_504_and_nothing_is_done() {
    let store = Stubborn::new();
    let handler = CommandHandler::new(Teller, store.clone());
    let passed = Extension(Deadline::at(Instant::now()));
    let web = Web::serve(command_route::<Slip>(handler).layer(passed)).await;
    Answer::to(web.open("a")).await.problem(504);
    assert!(everything(&store).await.is_empty());
}

#[tokio::test]
async fn a_deadline_that_passes_on_the_way_is_504_and_the_same_key_tells() {
    let store = Stubborn::new();
    let handler = CommandHandler::new(Teller, store.clone());
    let limit = Duration::from_secs(60);
    let route = command_route::<Slip>(handler).layer(Extension(Deadline::after(limit)));
    let web = Web::serve(route).await;
    store.hold();
    let request = web.open("a").header("idempotency-key", "k");
    let call = tokio::spawn(Answer::to(request));
    store.until_held().await;
    tokio::time::pause();
    tokio::time::advance(limit).await;
    let late = call.await.unwrap();
    assert!(
        late.problem(504).contains("the same Idempotency-Key tells"),
        "{late:?}"
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_is_504_at_the_deadline() {
    let handler = CommandHandler::new(Teller, Stubborn::new());
    let passed = Extension(Deadline::at(Instant::now()));
    let web = Web::serve(command_route::<Slip>(handler).layer(passed)).await;
    let start = stream::iter([Ok::<_, std::io::Error>("{\"open\":")]);
    let body = reqwest::Body::wrap_stream(start.chain(stream::pending()));
    Answer::to(web.raw("application/json", body))
        .await
        .problem(504);
}

#[tokio::test]
async fn other_methods_than_post_are_405() {
    let (web, _) = bank().await;
    let (client, request) = web.open("a").build_split();
    let mut request = request.unwrap();
    *request.method_mut() = reqwest::Method::PUT;
    assert_eq!(client.execute(request).await.unwrap().status(), 405);
}
