//! What commands and queries have in common on their way in and out.

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout_at;
use tower_service::Service;
use watertight_core::Deadline;

use super::{field::CORRELATION_ID, head::Head, problem::Problem, shed::is_ready};

/// Answers a request; the answer tells the correlation, whatever it is.
pub(super) async fn exchange<A: IntoResponse, F>(
    request: Request,
    answer: impl FnOnce(Head, Request) -> F,
) -> Response
where
    F: Future<Output = Result<A, Problem>>,
{
    let (parts, body) = request.into_parts();
    let head = match Head::read(&parts) {
        Ok(head) => head,
        Err(problem) => return problem.into_response(),
    };
    let correlation = head.metadata.correlation.to_string();
    let answer = answer(head, Request::from_parts(parts, body)).await;
    let mut response = answer.map_or_else(Problem::into_response, A::into_response);
    let correlation = HeaderValue::try_from(correlation).expect("a UUID is ASCII");
    response.headers_mut().insert(CORRELATION_ID, correlation);
    response
}

/// The JSON of a body; one that comes too slowly takes no longer than the deadline.
pub(super) async fn json<T: DeserializeOwned>(
    request: Request,
    deadline: Option<Deadline>,
    by: &'static str,
) -> Result<Result<T, JsonRejection>, Problem> {
    let reading = Json::<T>::from_request(request, &());
    let read = match deadline {
        None => reading.await,
        Some(deadline) => {
            let in_time = timeout_at(deadline.instant(), reading).await;
            in_time.map_err(|_| Problem::too_late(by))?
        }
    };
    Ok(read.map(|Json(value)| value))
}

/// Asks a service within a deadline, if it takes the request at once.
pub(super) async fn ask<S: Service<R>, R>(
    mut service: S,
    request: R,
    deadline: Option<Deadline>,
) -> Result<Option<S::Response>, S::Error> {
    if !is_ready(&mut service).await? {
        return Ok(None);
    }
    let answered = match deadline {
        None => service.call(request).await,
        Some(deadline) => {
            let call = deadline.sync_scope(|| service.call(request));
            deadline.scope(call).await
        }
    };
    answered.map(Some)
}
