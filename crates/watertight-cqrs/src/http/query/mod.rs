mod answer;
mod asked;
mod failure;
mod seen;
mod wait;

use axum::{
    extract::Request,
    http::Method,
    response::Response,
    routing::{MethodRouter, get},
};
use serde::de::DeserializeOwned;
use tower_service::Service;

pub use self::answer::Answer;
use self::{asked::asked, failure::problem, seen::Seen, wait::wait};
use super::{
    exchange::{ask, exchange},
    head::Head,
    problem::Problem,
};
use crate::{HandlerFailure, QueryError, QueryRequest};

/// What a refusal of the route itself is by.
const BY: &str = "queries";

/// A GET route for a query: it is in the named parts of the path and in the query string. What does not fit there is the JSON
/// of a POST, if the path has no named parts.
///
/// The service is a [`QueryHandler`](crate::QueryHandler) with whatever layers around it. Load is shed in front of it: if it is
/// not ready at once, the answer is 503. A `Consistency-Token` is waited for, 5 s or as much less as the caller prefers, and
/// never past the deadline, which is that of [`command_route`](super::command_route); another bound is
/// `service.map_request(|request: QueryRequest<_>| ..)`. The body's limit is axum's `DefaultBodyLimit`. An [`Answer`] is made of
/// what the service answers, or by `service.map_response(..)`.
///
/// ```
/// # use watertight_cqrs::{Lookup, QueryHandler};
/// # use watertight_events::ViewStore;
/// use axum::Router;
/// use serde::Deserialize;
/// use watertight_cqrs::http::query_route;
///
/// #[derive(Deserialize)]
/// struct ByDomain { domain: String }
///
/// fn app<L, S>(by_domain: QueryHandler<L, S>) -> Router
/// where L: Lookup<Query = ByDomain, Output = Vec<String>>, S: ViewStore {
///     Router::new().route("/domains/{domain}/users", query_route::<ByDomain>(by_domain))
/// }
/// ```
///
/// # Cancellation
///
/// Safe: a query changes nothing.
pub fn query_route<Q>(
    service: impl Service<
        QueryRequest<Q>,
        Response: Into<Answer>,
        Error: HandlerFailure<Own = QueryError>,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static,
) -> MethodRouter
where
    Q: DeserializeOwned + Send + 'static,
{
    let answered = async move |request: Request| {
        exchange(request, |head, request| answer(service, head, request)).await
    };
    get(answered.clone()).post(answered)
}

async fn answer<Q, S>(service: S, head: Head, request: Request) -> Result<Response, Problem>
where
    Q: DeserializeOwned,
    S: Service<QueryRequest<Q>>,
    S::Response: Into<Answer>,
    S::Error: HandlerFailure<Own = QueryError>,
{
    let seen = match *request.method() {
        Method::POST => Seen::default(),
        _ => Seen::read(request.headers())?,
    };
    let (wait, deadline) = (wait(request.headers())?, head.deadline);
    let mut asked = QueryRequest::new(asked(request, deadline).await?).metadata(head.metadata);
    asked.at_least = head.seen;
    asked.max_wait = wait.map_or(asked.max_wait, |wait| wait.min(asked.max_wait));
    let answer = ask(service, asked, deadline).await;
    let answer = answer.map_err(|error| problem(error.flatten()))?;
    let answer = answer.ok_or_else(|| Problem::overloaded(BY))?;
    Ok(answer.into().respond(&seen))
}
