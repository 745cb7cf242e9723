//! The service: commands behind a deadline and a bulkhead, and queries that wait for what their asker has written.

use std::time::Duration;

use anyhow::Result;
use axum::{Router, http::StatusCode};
use example_08_users_cqrs::{
    ByDomain, Domain, History, Id, No, OneUser, Profile, Service, Summary, UserCommand, Users,
    Views, history,
};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use watertight::{Bulkhead, BulkheadLayer, DeadlineLayer};
use watertight_cqrs::{
    Fresh, QueryRequest,
    http::{Answer, command_route_with, query_route},
};
use watertight_events::{EventStore, ViewStore};

/// Commands at the same time; one more is told to come back.
pub(crate) const AT_ONCE: usize = 16;

pub(crate) struct App {
    pub(crate) router: Router,
    /// In front of the commands.
    pub(crate) bulkhead: Bulkhead,
    pub(crate) views: Views,
}

pub(crate) async fn app<E: EventStore, V: ViewStore>(
    events: E,
    views: V,
    limit: Duration,
) -> Result<App> {
    let Service {
        commands,
        queries,
        views,
    } = Service::start(events.clone(), views).await?;

    let bulkhead = Bulkhead::builder("users").max_concurrent(AT_ONCE).build()?;
    let commands = ServiceBuilder::new()
        .layer(DeadlineLayer::new(limit))
        .layer(BulkheadLayer::new(bulkhead.clone()))
        .service(commands.commands_of::<Users>()?);
    let status = |why: &No| match why {
        No::Missing => StatusCode::NOT_FOUND,
        No::Exists | No::Malformed => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let commands = command_route_with::<UserCommand, _, _>(commands, status);

    let one = queries.queries_of::<OneUser>()?;
    let one = one.map_response(|found: Fresh<Option<Profile>>| {
        let version = found.value.as_ref().map(|user| user.version);
        Answer::found(found, "there is no such user").at(version)
    });
    let all = queries.queries_of::<Summary>()?;
    let all = all.map_request(|request: QueryRequest<()>| request.map(|()| None));
    let history = service_fn(move |request: QueryRequest<History>| {
        let events = events.clone();
        async move { history(&events, &request.query).await }
    });
    let router = Router::new()
        .route("/users", commands)
        .route("/users/{id}", query_route::<Id>(one))
        .route("/users/{id}/events", query_route::<History>(history))
        .route(
            "/domains/{domain}",
            query_route::<Domain>(queries.queries_of::<ByDomain>()?),
        )
        .route("/activity", query_route::<()>(all));
    Ok(App {
        router,
        bulkhead,
        views,
    })
}
