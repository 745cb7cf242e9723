//! Queries that are not answered: no room, no time, and stores that fail.

use axum::Extension;
use futures::{StreamExt, future, stream};
use serde::{Serialize, Serializer, ser::Error as _};
use tokio::time::Instant;
use tower::{ServiceBuilder, limit::ConcurrencyLimitLayer, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadLayer};
use watertight_core::Deadline;
use watertight_cqrs::{
    ConsistencyToken, Fresh, QueryError, QueryRequest, http::query_route, unboxed_query,
};
use watertight_events::{Position, StoreId, ViewError, ViewId};

use crate::{
    books::{having, serve},
    web::{Answer, Web},
};

fn fresh<T>(value: T) -> Fresh<T> {
    let (store, position) = (StoreId::fresh(), Position(1));
    Fresh::new(value, ConsistencyToken { store, position })
}

async fn failing(error: QueryError) -> Answer {
    let service = service_fn(move |_: QueryRequest<()>| future::err::<Fresh<()>, _>(error.clone()));
    let web = Web::serve(query_route::<()>(service)).await;
    Answer::to(web.get("")).await
}

#[tokio::test]
async fn what_the_store_says_of_a_query_stays_inside() {
    let store = |transient| QueryError::from(ViewError::store(transient, "secret"));
    let away = failing(store(true)).await;
    assert_eq!(away.problem(503), "it cannot be read, try again later");
    assert_eq!(away.header("retry-after"), Some("1"));
    let corrupt = QueryError::Corrupt {
        view: ViewId::new("books", 1),
        key: "secret".to_owned(),
        why: "secret".into(),
    };
    for broken in [store(false), corrupt] {
        let broken = failing(broken).await;
        assert_eq!(broken.problem(500), "it cannot be read");
        assert_eq!(broken.header("retry-after"), None);
    }
    let stopped = QueryError::Stopped {
        view: ViewId::new("books", 1),
        actual: Position(1),
        why: Some("secret".into()),
    };
    let stopped = failing(stopped).await;
    assert!(!stopped.problem(503).contains("secret"));
}

#[tokio::test]
async fn an_answer_that_has_no_json_is_500() {
    #[derive(Clone)]
    struct Unspeakable;

    impl Serialize for Unspeakable {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("secret"))
        }
    }

    let service = service_fn(|_: QueryRequest<()>| future::ok::<_, QueryError>(fresh(Unspeakable)));
    let web = Web::serve(query_route::<()>(service)).await;
    let answer = Answer::to(web.get("")).await;
    assert_eq!(answer.problem(500), "it cannot be read");
}

#[tokio::test]
async fn a_query_without_a_free_place_is_503_and_says_when_to_come_back() {
    let never =
        service_fn(|_: QueryRequest<()>| future::pending::<Result<Fresh<()>, QueryError>>());
    let limit = ConcurrencyLimitLayer::new(1);
    let stack = ServiceBuilder::new().layer(limit).service(never);
    let web = Web::serve(query_route::<()>(stack)).await;
    // One of the two takes the place, and is never answered.
    let two = [web.get(""), web.get("")].map(|get| Box::pin(Answer::to(get)));
    let (full, ..) = future::select_all(two).await;
    full.problem(503);
    assert_eq!(full.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn refusals_of_layers_around_queries_are_theirs() {
    let closed = Bulkhead::builder("queries").max_concurrent(0).build();
    let closed = BulkheadLayer::new(closed.unwrap());
    let service = service_fn(|_: QueryRequest<()>| future::ok::<_, QueryError>(fresh(1)));
    let stack = ServiceBuilder::new().layer(closed).service(service);
    let web = Web::serve(query_route::<()>(stack)).await;
    let refused = Answer::to(web.get("")).await;
    assert!(refused.problem(503).contains("overloaded"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn boxed_errors_of_queries_are_told_like_the_others() {
    for (error, status) in [
        (QueryError::Deadline, 504),
        (QueryError::Overloaded, 503),
        (QueryError::Invalid { why: "no".into() }, 400),
    ] {
        let service =
            service_fn(move |_: QueryRequest<()>| future::err::<Fresh<()>, _>(error.clone()));
        let stack = ServiceBuilder::new().map_err(unboxed_query).load_shed();
        let web = Web::serve(query_route::<()>(stack.service(service))).await;
        Answer::to(web.get("")).await.problem(status);
    }
}

#[tokio::test]
async fn a_query_whose_deadline_has_passed_is_504() {
    let open = serve().await;
    let passed = Extension(Deadline::at(Instant::now()));
    let web = Web::serve(having(&open.store).layer(passed)).await;
    Answer::to(web.get("?balance=0")).await.problem(504);
    let start = stream::iter([Ok::<_, std::io::Error>("{\"balance\":")]);
    let body = reqwest::Body::wrap_stream(start.chain(stream::pending()));
    Answer::to(web.raw("application/json", body))
        .await
        .problem(504);
}

#[tokio::test]
async fn other_methods_than_get_head_and_post_are_405() {
    let open = serve().await;
    let (client, request) = open.web.get("accounts").build_split();
    let mut request = request.unwrap();
    *request.method_mut() = reqwest::Method::PUT;
    assert_eq!(client.execute(request).await.unwrap().status(), 405);
}
