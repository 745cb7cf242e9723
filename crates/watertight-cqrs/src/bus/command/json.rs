use std::task::{Context, Poll};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::Service;
use watertight_core::Error;

use super::Told;
use crate::{
    CodecError, CommandError, CommandFailure, CommandRequest, Committed, Decider,
    bus::json::{Boxed, ByJson},
};

type Answer = Result<Committed<Value>, Error<CommandError<Told>>>;

impl<D, S> Service<CommandRequest<Value>> for ByJson<D, S>
where
    D: Decider<Command: DeserializeOwned + Serialize>,
    S: Service<CommandRequest<D::Command>, Response = Committed<D::Event>>,
    S::Error: CommandFailure<Rejection = D::Rejection>,
    S::Future: Send + 'static,
{
    type Response = Committed<Value>;
    type Error = Error<CommandError<Told>>;
    type Future = Boxed<Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx).map_err(told)
    }

    fn call(&mut self, request: CommandRequest<Value>) -> Self::Future {
        match typed::<D::Command>(request) {
            Ok(request) => {
                let answer = self.service.call(request);
                Box::pin(async move { answer.await.map_err(told).and_then(untyped) })
            }
            Err(why) => {
                let why = Told::NoCommand(why.to_string());
                Box::pin(async { Err(Error::Inner(CommandError::Rejected(why))) })
            }
        }
    }
}

/// The request with the command that its JSON is. The key is that of the command, however its JSON was written.
fn typed<C: DeserializeOwned + Serialize>(
    request: CommandRequest<Value>,
) -> serde_json::Result<CommandRequest<C>> {
    let command = serde_json::from_value(request.command)?;
    let key = request.key.map(|key| key.rekeyed(&command)).transpose()?;
    Ok(CommandRequest {
        command,
        metadata: request.metadata,
        expected: request.expected,
        key,
        deadline: request.deadline,
    })
}

fn untyped<E: Serialize>(committed: Committed<E>) -> Answer {
    let events = committed.events.iter().map(serde_json::to_value);
    let events = events
        .collect::<Result<_, _>>()
        .map_err(|why| Error::Inner(CodecError::from(why).into()))?;
    Ok(Committed {
        stream: committed.stream,
        version: committed.version,
        token: committed.token,
        events,
        replayed: committed.replayed,
    })
}

fn told<F: CommandFailure<Rejection: ToString>>(failure: F) -> Error<CommandError<Told>> {
    match failure.flatten() {
        Error::Rejected(why) => Error::Rejected(why),
        Error::Inner(error) => {
            Error::Inner(error.map_rejection(|why| Told::Rejected(why.to_string())))
        }
    }
}
