use std::task::{Context, Poll};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tower::Service;
use watertight_core::Error;

use crate::{
    CodecError, Fresh, HandlerFailure, Lookup, QueryError, QueryRequest,
    bus::json::{Boxed, ByJson},
};

type Answer = Result<Fresh<Value>, Error<QueryError>>;

impl<L, S> Service<QueryRequest<Value>> for ByJson<L, S>
where
    L: Lookup<Query: DeserializeOwned, Output: Serialize>,
    S: Service<QueryRequest<L::Query>, Response = Fresh<L::Output>>,
    S::Error: HandlerFailure<Own = QueryError>,
    S::Future: Send + 'static,
{
    type Response = Fresh<Value>;
    type Error = Error<QueryError>;
    type Future = Boxed<Answer>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx).map_err(HandlerFailure::flatten)
    }

    fn call(&mut self, request: QueryRequest<Value>) -> Self::Future {
        match typed::<L::Query>(request) {
            Ok(request) => {
                let answer = self.service.call(request);
                Box::pin(async { untyped(&answer.await.map_err(HandlerFailure::flatten)?) })
            }
            Err(why) => {
                let why = why.to_string().into();
                Box::pin(async { Err(Error::Inner(QueryError::Invalid { why })) })
            }
        }
    }
}

/// The request with the query that its JSON is.
fn typed<Q: DeserializeOwned>(request: QueryRequest<Value>) -> serde_json::Result<QueryRequest<Q>> {
    Ok(QueryRequest {
        query: serde_json::from_value(request.query)?,
        metadata: request.metadata,
        at_least: request.at_least,
        max_wait: request.max_wait,
    })
}

fn untyped<T: Serialize>(fresh: &Fresh<T>) -> Answer {
    let value = serde_json::to_value(&fresh.value);
    let value = value.map_err(|why| Error::Inner(CodecError::from(why).into()))?;
    Ok(Fresh::new(value, fresh.token()))
}
