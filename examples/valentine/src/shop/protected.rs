//! The same clients behind the standard stack.

use std::time::Duration;

use anyhow::Result;
use reqwest::{Client, Request, Response, StatusCode};
use tower::{Layer, util::BoxCloneSyncService};
use watertight::{
    BoxError, CircuitBreakerBuilder, Error, Failure, Fallback, FallbackLayer, Registry, Window,
    http::{ClientBuilder, ClientStack, ServerErrors},
};

use super::{Later, Leaf, Link, Orders, link::order_of};
use crate::scale::Scale;

/// Makes the links of a protected shop and shows their parts in one registry.
#[derive(Clone, Debug)]
pub(super) struct Links {
    pub(super) registry: Registry,
    pub(super) client: Client,
    pub(super) scale: Scale,
}

impl Links {
    /// To a service that decides about the order.
    pub(super) fn needed(&self, leaf: Leaf, url: String) -> Result<Link> {
        let stack = self.stack(leaf.name());
        let stack = match leaf {
            // Never more than it works on at once; the others wait here, where waiting costs nothing and has an end.
            Leaf::Payment => stack
                .max_concurrent(leaf.workers(self.scale))
                .total(Duration::from_millis(1_200)),
            _ => stack,
        };
        Ok(self.link(url, &stack.build()?))
    }

    /// To the order service, which repeats for itself what needs to be repeated.
    pub(super) fn order(&self, url: String) -> Result<Link> {
        let stack = self
            .stack("order")
            .total(Duration::from_millis(1_700))
            .attempt(Duration::from_millis(1_700))
            .retries(|retries| retries.attempts = 1);
        Ok(self.link(url, &stack.build()?))
    }

    /// To a service that the order can do without: what it does not do now, it does later.
    pub(super) fn optional(&self, leaf: Leaf, url: String) -> Result<(Link, Later)> {
        let stack = self
            .stack(leaf.name())
            .total(Duration::from_millis(200))
            .attempt(Duration::from_millis(100))
            .max_concurrent(leaf.workers(self.scale).max(4))
            .queue(1)
            .retries(|retries| retries.attempts = 1)
            .build()?;
        let later = Later::default();
        let fallback = Fallback::builder(leaf.name())
            .register(&self.registry)
            .build()?;
        let queue = later.clone();
        let fallback = FallbackLayer::new(fallback)
            .classify(ServerErrors::new())
            .capture(|request: &Request| order_of(request))
            .recover(
                move |failure: Failure<Response, Error<reqwest::Error>, Option<u64>>| match failure
                    .captured
                {
                    Some(order) if queue.push(order) => Ok(accepted()),
                    _ => failure.result,
                },
            );
        let direct = self.link(url.clone(), &stack);
        let job = move |order| {
            let direct = direct.clone();
            async move { direct.call(order).await }
        };
        tokio::spawn(later.clone().work_off(job));
        let stack = stack.with_fallback(fallback);
        let service = BoxCloneSyncService::new(tower::util::MapErr::new(
            stack.layer(self.client.clone()),
            BoxError::from,
        ));
        Ok((Link::new(url, service), later))
    }

    fn stack(&self, name: &str) -> ClientBuilder {
        watertight::http::client(format!("to-{name}"))
            .total(Duration::from_millis(1_500))
            .attempt(Duration::from_millis(600))
            .circuit_breaker(quick)
            .register(&self.registry)
    }

    fn link(&self, url: String, stack: &ClientStack) -> Link {
        let service = tower::util::MapErr::new(stack.layer(self.client.clone()), BoxError::from);
        Link::new(url, BoxCloneSyncService::new(service))
    }
}

/// Has the order service undo what came to nothing until it is undone, whoever fails meanwhile.
pub(super) fn undo_later(orders: &mut Orders) -> Later {
    let later = Later::default();
    let service = orders.clone();
    let job = move |order| {
        let service = service.clone();
        async move { service.undo(order).await }
    };
    tokio::spawn(later.clone().work_off(job));
    orders.cancelled = Some(later.clone());
    later
}

/// A day of seconds instead of hours needs a circuit that waits for tenths of them.
fn quick(breaker: CircuitBreakerBuilder) -> CircuitBreakerBuilder {
    breaker
        .window(Window::calls(20))
        .minimum_calls(5)
        .open_for(Duration::from_millis(300))
        .backoff(1.5, Duration::from_secs(1))
}

fn accepted() -> Response {
    let mut response = http::Response::new("later");
    *response.status_mut() = StatusCode::ACCEPTED;
    response.into()
}
