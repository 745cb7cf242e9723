//! What is asked, in the path, the query string, or a body.

use axum::{Router, extract::DefaultBodyLimit};
use serde_json::json;
use tower::service_fn;
use watertight_cqrs::{QueryError, QueryRequest, http::query_route};

use crate::{
    books::{self, having, serve},
    web::{Answer, Web},
};

#[tokio::test]
async fn a_query_is_in_the_query_string() {
    let (open, _) = books::keep().await;
    let (mut token, accounts) = (String::new(), ["a", "b & c", "\u{e9}"]);
    for account in accounts {
        let opened = Answer::to(open.web.open(account)).await;
        token = opened.header("consistency-token").unwrap().to_owned();
    }
    let get = |query| open.web.get(query).header("consistency-token", &token);
    let all = Answer::to(get("accounts?balance=0")).await;
    assert_eq!((all.status, all.body), (200, json!(accounts)));
    let others = Answer::to(get("accounts?balance=0&not=b+%26%20c")).await;
    assert_eq!(others.body, json!(["a", "\u{e9}"]));
    let none = Answer::to(get("accounts?balance=1")).await;
    assert_eq!((none.status, none.body), (200, json!([])));
}

#[tokio::test]
async fn a_query_is_in_the_named_parts_of_the_path() {
    let (open, _) = books::keep().await;
    for account in ["a b&c=d", "\u{e9}+"] {
        let opened = Answer::to(open.web.open(account)).await;
        let token = opened.header("consistency-token").unwrap();
        let path = match account {
            "\u{e9}+" => "accounts/%C3%A9+",
            _ => "accounts/a%20b&c=d",
        };
        let found = Answer::to(open.web.get(path).header("consistency-token", token)).await;
        assert_eq!(found.body, json!({ "balance": 0, "version": 1 }));
    }
    let missing = Answer::to(open.web.get("accounts/nobody")).await;
    assert_eq!(missing.problem(404), "there is no such account");
    assert!(missing.header("consistency-token").is_some());
}

#[tokio::test]
async fn a_query_that_does_not_fit_is_the_body_of_a_post() {
    let (open, _) = books::keep().await;
    Answer::to(open.web.open("a")).await.is_done(1);
    let opened = Answer::to(open.web.open("b")).await;
    let token = opened.header("consistency-token").unwrap();
    let ask = open
        .web
        .ask("accounts", &json!({ "balance": 0, "not": "a" }));
    let found = Answer::to(ask.header("consistency-token", token)).await;
    assert_eq!((found.status, found.body), (200, json!(["b"])));
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let (open, _) = books::keep().await;
    let opened = Answer::to(open.web.open("a")).await;
    let token = opened.header("consistency-token").unwrap();
    for path in ["accounts?balance=0", "accounts/a"] {
        let get = Answer::to(open.web.get(path).header("consistency-token", token)).await;
        let head = Answer::to(open.web.head(path).header("consistency-token", token)).await;
        assert_eq!(head.status, 200);
        assert!(head.body.is_null() && !get.body.is_null());
        for name in [
            "etag",
            "consistency-token",
            "content-type",
            "content-length",
        ] {
            assert_eq!(head.header(name), get.header(name), "{name}");
            assert!(head.header(name).is_some(), "{name}");
        }
    }
    let bad = Answer::to(open.web.head("accounts?balance=x")).await;
    assert_eq!(bad.status, 400);
}

#[tokio::test]
async fn what_is_no_query_is_400_and_names_the_field() {
    let open = serve().await;
    for (path, field) in [
        ("accounts", "balance"),
        ("accounts?balance", "balance"),
        ("accounts?balance=-1", "balance"),
        ("accounts?balance=1&balance=2", "balance"),
        ("accounts?balance=%3", "balance"),
        ("accounts?balance=%+1", "balance"),
        ("accounts?balance=1&not=%FF", "not"),
        ("accounts?balance=1&no%=a", "no%"),
        ("accounts/%FF", "account"),
        ("accounts/a?account=b", "account"),
        ("accounts/a?%61ccount=b", "account"),
    ] {
        let answer = Answer::to(open.web.get(path)).await;
        let detail = answer.problem(400);
        assert!(detail.contains(field), "{path}: {detail}");
    }
    for (query, field) in [
        (json!({}), "balance"),
        (json!({ "balance": "1" }), "balance"),
        (json!({ "balance": 1, "not": 2 }), "not"),
    ] {
        let answer = Answer::to(open.web.ask("accounts", &query)).await;
        let detail = answer.problem(400);
        assert!(detail.contains(field), "{query}: {detail}");
    }
}

#[tokio::test]
async fn an_address_that_is_too_long_is_414() {
    let open = serve().await;
    let long = Answer::to(open.web.get(&format!("accounts/{}", "~".repeat(30_000)))).await;
    assert_eq!(long.problem(414), "the address is too long");
    let longest = format!("accounts?balance=0&not={}", "~".repeat(30_000));
    Answer::to(open.web.get(&longest)).await.problem(503);
}

#[tokio::test]
async fn a_post_with_a_part_of_the_query_in_its_address_is_400() {
    let open = serve().await;
    let full = json!({ "balance": 0, "account": "b" });
    for (path, field) in [("accounts?not=a", "not"), ("accounts/a", "account")] {
        let answer = Answer::to(open.web.ask(path, &full)).await;
        assert!(answer.problem(400).contains(field), "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_of_queries_are_bounded_and_said_to_be_json() {
    let open = serve().await;
    let web = Web::serve(having(&open.store).layer(DefaultBodyLimit::max(100))).await;
    let long = json!({ "balance": 0, "not": "a".repeat(101) });
    Answer::to(web.ask("", &long)).await.problem(413);
    let (body, json) = (r#"{"balance":0}"#, "application/json");
    Answer::to(web.raw("text/plain", body)).await.problem(415);
    Answer::to(web.raw(json, "{")).await.problem(400);
    Answer::to(web.raw(json, body)).await.problem(503);
}

#[tokio::test]
async fn a_query_that_the_service_calls_invalid_is_400_with_what_it_says() {
    let service = service_fn(async |request: QueryRequest<()>| {
        let trace = request.metadata.traceparent().map(str::to_owned);
        let why = format!("{:?} {trace:?}", request.metadata.actor()).into();
        Err::<watertight_cqrs::Fresh<()>, _>(QueryError::Invalid { why })
    });
    let web = Web::serve_app(Router::new().route("/", query_route::<()>(service))).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let id = "018f2f60-7b5e-7c3a-9d4e-0123456789ab";
    let request = web.get("").header("x-user", "ann");
    let request = request.header("traceparent", trace);
    let answer = Answer::to(request.header("correlation-id", id)).await;
    let told = format!("no such query: Some(\"ann\") Some(\"{trace}\")");
    assert_eq!(answer.problem(400), told);
    assert_eq!(answer.header("correlation-id"), Some(id));
}
