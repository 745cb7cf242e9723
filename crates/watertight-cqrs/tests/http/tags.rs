//! Answers that the caller has already.

use serde_json::json;
use watertight_cqrs::ConsistencyToken;

use crate::{
    books::{self, Open, serve},
    web::Answer,
};

/// Two accounts with the same, and the token of the last command.
async fn two() -> (Open, String) {
    let (open, _) = books::keep().await;
    Answer::to(open.web.open("a")).await.is_done(1);
    let opened = Answer::to(open.web.open("b")).await;
    let token = opened.header("consistency-token").unwrap().to_owned();
    (open, token)
}

#[tokio::test]
async fn an_answer_that_the_caller_has_is_304_although_other_things_have_happened() {
    let (open, token) = two().await;
    let get = |token: &str| {
        let get = open.web.get("accounts?balance=0&not=b");
        get.header("consistency-token", token.to_owned())
    };
    let first = Answer::to(get(&token)).await;
    assert_eq!(first.body, json!(["a"]));
    let tag = first.header("etag").unwrap();
    let deposited = Answer::to(open.web.deposit("b", 1)).await;
    let token = deposited.header("consistency-token").unwrap();
    for tags in [tag, "*", &format!("\"x,y\", W/{tag},\"z\"")] {
        let same = Answer::to(get(token).header("if-none-match", tags)).await;
        assert_eq!((same.status, same.header("etag")), (304, Some(tag)));
        assert!(same.body.is_null());
        assert_eq!(same.header("consistency-token"), Some(token));
        assert_eq!(same.header("cache-control"), Some("no-cache"));
    }
    let both = get(token).header("if-none-match", "\"x\"");
    let both = Answer::to(both.header("if-none-match", tag)).await;
    assert_eq!(both.status, 304, "the tags are a list, in one line or two");
}

#[tokio::test]
async fn an_answer_that_has_changed_is_sent() {
    let (open, token) = two().await;
    let get = |token: &str| {
        let get = open.web.get("accounts?balance=0");
        get.header("consistency-token", token.to_owned())
    };
    let first = Answer::to(get(&token)).await;
    let tag = first.header("etag").unwrap();
    let deposited = Answer::to(open.web.deposit("b", 1)).await;
    let token = deposited.header("consistency-token").unwrap();
    let changed = Answer::to(get(token).header("if-none-match", tag)).await;
    assert_eq!((changed.status, &changed.body), (200, &json!(["a"])));
    assert_ne!(changed.header("etag"), Some(tag));
}

#[tokio::test]
async fn head_is_304_like_get_and_post_is_not() {
    let (open, token) = two().await;
    let get = open.web.get("accounts?balance=0");
    let first = Answer::to(get.header("consistency-token", &token)).await;
    let tag = first.header("etag").unwrap();
    let head = open.web.head("accounts?balance=0");
    let head = Answer::to(head.header("if-none-match", tag)).await;
    assert_eq!((head.status, head.header("etag")), (304, Some(tag)));
    let ask = open.web.ask("accounts", &json!({ "balance": 0 }));
    let asked = Answer::to(ask.header("if-none-match", tag)).await;
    assert_eq!((asked.status, asked.body), (200, json!(["a", "b"])));
}

#[tokio::test]
async fn the_tag_of_one_stream_is_its_version_and_good_for_a_command() {
    let (open, token) = two().await;
    let get = open.web.get("accounts/a");
    let read = Answer::to(get.header("consistency-token", &token)).await;
    let tag = read.header("etag").unwrap();
    assert_eq!(tag, "\"1\"");
    let deposit = || open.web.deposit("a", 5).header("if-match", tag);
    let deposited = Answer::to(deposit()).await;
    deposited.is_done(2);
    Answer::to(deposit()).await.problem(412);
    let token = deposited.header("consistency-token").unwrap();
    let get = open.web.get("accounts/a").header("if-none-match", tag);
    let read = Answer::to(get.header("consistency-token", token)).await;
    assert_eq!(read.header("etag"), deposited.header("etag"));
    assert_eq!(read.body, json!({ "balance": 5, "version": 2 }));
}

#[tokio::test]
async fn nothing_found_has_no_tag_and_is_no_match() {
    let (open, _) = two().await;
    let missing = open.web.get("accounts/c").header("if-none-match", "*");
    let missing = Answer::to(missing).await;
    missing.problem(404);
    assert_eq!(missing.header("etag"), None);
    let token = missing.header("consistency-token").unwrap();
    token.parse::<ConsistencyToken>().unwrap();
}

#[tokio::test]
async fn malformed_headers_of_queries_are_400_and_named() {
    let open = serve().await;
    for (name, value) in [
        ("if-none-match", "h12"),
        ("if-none-match", ""),
        ("if-none-match", "\"a"),
        ("if-none-match", "\"a\" \"b\""),
        ("if-none-match", "\"a\","),
        ("if-none-match", "w/\"a\""),
        ("if-none-match", "\u{e9}"),
        ("consistency-token", "42"),
        ("correlation-id", "mine"),
        ("prefer", "wait"),
        ("prefer", "wait=soon"),
        ("prefer", "respond-async, wait=-1"),
    ] {
        let request = open.web.get("accounts?balance=0").header(name, value);
        let answer = Answer::to(request).await;
        let detail = answer.problem(400);
        assert!(detail.contains(name), "{name}: {value}: {detail}");
    }
}
