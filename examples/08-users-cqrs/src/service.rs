//! The service: commands behind a deadline and a bulkhead, and the events of one user.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde_json::{Value, json};
use tower::ServiceBuilder;
use watertight::{Bulkhead, BulkheadLayer, DeadlineLayer};
use watertight_cqrs::{CommandHandler, Decider, Event, http::command_route_with};
use watertight_events::{AnyEventStore, EventStore, StreamId, Version};

use crate::users::{No, UserCommand, UserEvent, Users};

/// Commands at the same time; one more is told to come back.
pub(crate) const AT_ONCE: usize = 16;

/// Events of one user in one answer.
const PAGE: usize = 100;

pub(crate) type Store = Arc<dyn AnyEventStore>;

pub(crate) fn app(store: Store, limit: Duration) -> Result<(Router, Bulkhead)> {
    let bulkhead = Bulkhead::builder("users").max_concurrent(AT_ONCE).build()?;
    let commands = ServiceBuilder::new()
        .layer(DeadlineLayer::new(limit))
        .layer(BulkheadLayer::new(bulkhead.clone()))
        .service(CommandHandler::new(Users, store.clone()));
    let status = |why: &No| match why {
        No::Missing => StatusCode::NOT_FOUND,
        No::Exists | No::Malformed => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let commands = command_route_with::<UserCommand, _, _>(commands, status);
    let app = Router::new()
        .route("/users/{id}/events", get(history))
        .with_state(store)
        .route("/users", commands);
    Ok((app, bulkhead))
}

/// What happened to a user, oldest first.
async fn history(
    State(store): State<Store>,
    Path(id): Path<String>,
) -> Result<Json<Vec<Value>>, StatusCode> {
    let user = StreamId::new(Users::CATEGORY, id);
    let page = store.read_stream(&user, Version::NONE, PAGE).await;
    let page = page.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if page.events.is_empty() {
        return Err(StatusCode::NOT_FOUND);
    }
    let told = page.events.iter().map(|recorded| {
        let event = UserEvent::decode(&recorded.event.kind, &recorded.event.payload);
        let event = event.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(json!({ "version": recorded.version, "event": event }))
    });
    Ok(Json(told.collect::<Result<_, StatusCode>>()?))
}
