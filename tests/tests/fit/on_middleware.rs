//! `reqwest-middleware` through a small adapter, and `reqwest-retry` with a circuit breaker inside.

use std::{
    convert::Infallible,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::Extensions;
use reqwest::{Client, Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use watertight::{
    BulkheadLayer, CircuitBreaker, CircuitBreakerLayer, ClientDeadlineLayer, FallbackLayer, Reason,
    Rejected, TimeoutLayer, Window,
    http::{self as stacks, ServerErrors},
};

use crate::{
    callers::Callers,
    cells,
    checks::{
        SORRY, another_answer, as_a_client, by_the_deadline, in_time, on_paused_time, one_circuit,
        one_limit, one_queue,
    },
    heard::Heard,
    on_reqwest::callers,
    shop::{Ask, Shop},
    sockets::bare,
};

cells! {
    fn reqwest_middleware_shares_one_circuit() = one_circuit(|breaker, shop| {
        let layer = CircuitBreakerLayer::new(breaker).classify(ServerErrors::new());
        middleware(layer.fail_with(refuse), shop)
    });
    fn reqwest_middleware_shares_one_limit() = one_limit(|bulkhead, shop| {
        middleware(BulkheadLayer::new(bulkhead).fail_with(refuse), shop)
    });
    fn reqwest_middleware_shares_one_queue() = one_queue(|bulkhead, shop| {
        middleware(BulkheadLayer::new(bulkhead).fail_with(refuse), shop)
    });
    fn reqwest_middleware_gives_up_in_time() = in_time(|timeout, shop| {
        middleware(TimeoutLayer::new(timeout).fail_with(refuse), shop)
    });
    fn reqwest_middleware_keeps_the_deadline() = by_the_deadline(|limit, shop| {
        middleware(ClientDeadlineLayer::http(limit).fail_with(refuse), shop)
    });
    fn reqwest_middleware_gives_another_answer() = another_answer(|fallback, shop| {
        let sorry = |_| Response::from(http::Response::new(SORRY));
        middleware(FallbackLayer::for_http(fallback).respond_with(sorry), shop)
    });
    fn reqwest_middleware_takes_the_client_stack() = as_a_client(|stack: stacks::ClientBuilder, shop| {
        let join = |error| match error {
            watertight::Error::Rejected(why) => refuse(why),
            watertight::Error::Inner(error) => error,
        };
        let stack = stack.build().unwrap();
        middleware(ServiceBuilder::new().map_err(join).layer(stack), shop)
    });

    fn reqwest_retry_alone_sends_eleven_requests() = retried(None, 11);
    fn reqwest_retry_with_a_circuit_breaker_inside_sends_three() = retried(Some(breaker()), 3);
}

/// A layer as a middleware.
struct Layered<L>(L);

/// The rest of the chain, as a service.
#[derive(Clone)]
struct Rest<'a> {
    next: Next<'a>,
    extensions: Extensions,
}

#[async_trait::async_trait]
impl<L> Middleware for Layered<L>
where
    L: for<'a> Layer<
            Rest<'a>,
            Service: Service<Request, Response = Response, Error = Error, Future: Send> + Send,
        > + Send
        + Sync
        + 'static,
{
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let extensions = extensions.clone();
        let service = self.0.layer(Rest { next, extensions });
        service.oneshot(request).await
    }
}

impl<'a> Service<Request> for Rest<'a> {
    type Response = Response;
    type Error = Error;
    type Future = BoxFuture<'a, Result<Response, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Self {
            next,
            mut extensions,
        } = self.clone();
        async move { next.run(request, &mut extensions).await }.boxed()
    }
}

/// `Rejected::find` looks at what caused an error, and anyhow keeps the outermost one to itself.
fn refuse(why: Rejected) -> Error {
    Error::middleware(watertight::Error::<Infallible>::Rejected(why))
}

async fn middleware<L>(layer: L, shop: Shop) -> Callers
where
    Layered<L>: Middleware,
{
    let client = ClientBuilder::new(Client::new()).with(Layered(layer));
    callers(&client.build(), bare(shop).await)
}

fn breaker() -> CircuitBreaker {
    let breaker = CircuitBreaker::builder("shop").window(Window::calls(10));
    breaker.minimum_calls(3).build().unwrap()
}

/// Ten retries of a call that always fails, and how many requests the shop saw.
fn retried(breaker: Option<CircuitBreaker>, reached: usize) {
    on_paused_time(async {
        let shop = Shop::new();
        let tick = Duration::from_millis(1);
        let policy = ExponentialBackoff::builder().retry_bounds(tick, tick);
        let retry = RetryTransientMiddleware::new_with_policy(policy.build_with_max_retries(10));
        let client = ClientBuilder::new(Client::new()).with(retry);
        let refuses = breaker.is_some();
        let client: ClientWithMiddleware = match breaker {
            None => client.build(),
            Some(breaker) => {
                let layer = CircuitBreakerLayer::new(breaker).classify(ServerErrors::new());
                client.with(Layered(layer.fail_with(refuse))).build()
            }
        };
        let heard = callers(&client, bare(shop.clone()).await)
            .ask(Ask::Fail)
            .await;
        if refuses {
            assert!(heard.is_refusal(Reason::Open), "{heard:?}");
        } else {
            assert_eq!(heard, Heard::Failed);
        }
        assert_eq!(shop.reached(), reached);
    });
}
