mod condition;
mod failure;
mod receipt;

use std::error::Error as StdError;

use axum::{
    extract::Request,
    http::StatusCode,
    routing::{MethodRouter, post},
};
use serde::{Serialize, de::DeserializeOwned};
use tower_service::Service;

pub use self::receipt::Receipt;
use self::{condition::Condition, failure::problem};
use super::{
    exchange::{ask, exchange, json},
    head::Head,
    problem::Problem,
};
use crate::{CommandFailure, CommandRequest, HandlerFailure};

/// What a refusal of the route itself is by.
const BY: &str = "commands";

/// A POST route for a command: its JSON is the body, and the rest is in the [headers](crate::http).
///
/// The service is a [`CommandHandler`](crate::CommandHandler) with whatever layers around it. Load is shed in front of it:
/// if it is not ready at once, the answer is 503. The deadline is the earlier of a [`Deadline`](watertight_core::Deadline) in the request's extensions
/// and the current one, and layers around the handler see it as current. The body's limit is axum's `DefaultBodyLimit`.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use watertight_events::StreamId;
/// use axum::Router;
/// use watertight_cqrs::{CommandHandler, Decider, http::command_route};
/// use watertight_events::MemoryStore;
/// # struct Doors;
/// # #[derive(Deserialize, Serialize)]
/// # struct Open { door: u32 }
/// # #[derive(Debug, Deserialize, Serialize)]
/// # enum Door { Opened }
/// # impl watertight_cqrs::Event for Door {}
/// # impl Decider for Doors {
/// #     type Command = Open;
/// #     type Event = Door;
/// #     type State = bool;
/// #     type Rejection = std::fmt::Error;
/// #     const CATEGORY: &'static str = "door";
/// #     fn stream_id(open: &Open) -> StreamId { StreamId::new("door", open.door) }
/// #     fn decide(&self, open: &bool, _: &Open) -> Result<Vec<Door>, std::fmt::Error> {
/// #         if *open { Err(std::fmt::Error) } else { Ok(vec![Door::Opened]) }
/// #     }
/// #     fn evolve(_: bool, _: &Door) -> bool { true }
/// # }
///
/// let handler = CommandHandler::new(Doors, MemoryStore::new());
/// let app: Router = Router::new().route("/doors", command_route::<Open>(handler));
/// # let _ = app;
/// ```
///
/// # Cancellation
///
/// A caller who hangs up drops the command, which is then done or not done; the same `Idempotency-Key` tells.
pub fn command_route<C>(
    service: impl Service<
        CommandRequest<C>,
        Response: Into<Receipt>,
        Error: CommandFailure<Rejection: StdError>,
        Future: Future + Send,
    > + Clone
    + Send
    + Sync
    + 'static,
) -> MethodRouter
where
    C: DeserializeOwned + Serialize + Send + 'static,
{
    command_route_with(service, |_| StatusCode::UNPROCESSABLE_ENTITY)
}

/// [`command_route`] with a status for each rejection, such as 404 for one that says that there is no such thing.
///
/// ```
/// # use axum::{http::StatusCode, routing::MethodRouter};
/// # use serde::{Serialize, de::DeserializeOwned};
/// # use watertight_cqrs::{CommandHandler, Decider, http::command_route_with};
/// # use watertight_events::EventStore;
/// # #[derive(Debug, thiserror::Error)]
/// # #[error("no")]
/// # enum No { Unknown, Taken }
/// # fn route<D, S>(handler: CommandHandler<D, S>) -> MethodRouter
/// # where D: Decider<Rejection = No, Command: Serialize + DeserializeOwned>, S: EventStore {
/// command_route_with(handler, |why: &No| match why {
///     No::Unknown => StatusCode::NOT_FOUND,
///     No::Taken => StatusCode::UNPROCESSABLE_ENTITY,
/// })
/// # }
/// ```
pub fn command_route_with<C, S, F>(service: S, status: F) -> MethodRouter
where
    C: DeserializeOwned + Serialize + Send + 'static,
    S: Service<CommandRequest<C>> + Clone + Send + Sync + 'static,
    S::Response: Into<Receipt>,
    S::Error: CommandFailure<Rejection: StdError>,
    S::Future: Send,
    F: Fn(&<S::Error as CommandFailure>::Rejection) -> StatusCode + Clone + Send + Sync + 'static,
{
    post(async move |request: Request| {
        exchange(request, |head, request| {
            answer(service, head, request, status)
        })
        .await
    })
}

async fn answer<C, S, F>(
    service: S,
    head: Head,
    request: Request,
    status: F,
) -> Result<Receipt, Problem>
where
    C: DeserializeOwned + Serialize,
    S: Service<CommandRequest<C>>,
    S::Response: Into<Receipt>,
    S::Error: CommandFailure<Rejection: StdError>,
    F: Fn(&<S::Error as CommandFailure>::Rejection) -> StatusCode,
{
    let condition = Condition::read(request.headers())?;
    let (asked, seen, deadline) = (condition.asked(), head.seen, head.deadline);
    let command = json::<C>(request, deadline, BY).await?;
    let command = command.map_err(|why| Problem::new(why.status(), why.body_text()))?;
    let request = condition.request(head, command)?;
    let committed = ask(service, request, deadline).await;
    let committed = committed.map_err(|error| problem(error.flatten(), asked, &status))?;
    let receipt = committed.ok_or_else(|| Problem::overloaded(BY))?;
    Ok(receipt.into().not_before(seen))
}
