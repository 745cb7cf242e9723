//! The payment client: fallback, circuit breaker, timeout, HTTP.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Result, ensure};
use reqwest::{Client, Method, Request, Response, StatusCode};
use tokio::time::Instant;
use tower::{ServiceBuilder, ServiceExt, util::BoxCloneSyncService};
use watertight::{
    CircuitBreaker, CircuitBreakerLayer, Error, Failure, Fallback, FallbackLayer, Flat,
    TimeoutLayer, Window, http::ServerErrors,
};

const MOST_QUEUED: usize = 100;

/// What the caller is told of a payment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    Charged,
    Queued,
    Failed,
}

/// Charges orders, or queues the payment when the provider cannot.
#[derive(Debug)]
pub(crate) struct Payments {
    pub(crate) breaker: CircuitBreaker,
    client: BoxCloneSyncService<Request, Response, Error<reqwest::Error>>,
    queue: Arc<Queue>,
    host: String,
}

/// The payments that wait, in order; when as many wait as may, the failure itself is the answer.
#[derive(Debug, Default)]
struct Queue(Mutex<VecDeque<u32>>);

impl Payments {
    pub(crate) fn new(host: &str) -> Result<Self> {
        let breaker = CircuitBreaker::builder("payments")
            .window(Window::calls(6))
            .minimum_calls(6)
            .failure_rate(0.5)
            .probes(1)
            .open_for(Duration::from_secs(30))
            .build()?;
        let queue = Arc::new(Queue::default());
        let to = Arc::clone(&queue);
        let fallback = FallbackLayer::new(Fallback::builder("payments").build()?)
            .classify(ServerErrors::new())
            .capture(|request: &Request| order_of(request))
            .recover(
                move |failure: Failure<Response, Error<reqwest::Error>, Option<u32>>| match failure
                    .captured
                {
                    Some(order) if to.push(order) => Ok(queued()),
                    _ => failure.result,
                },
            );
        // The timeout is inside the circuit breaker: a provider that hangs opens it too.
        let client = ServiceBuilder::new()
            .layer(fallback)
            .layer(
                CircuitBreakerLayer::new(breaker.clone())
                    .classify(ServerErrors::new())
                    .on_reject(Flat),
            )
            .layer(TimeoutLayer::new(Duration::from_secs(10)))
            .service(Client::new());
        let host = host.to_owned();
        Ok(Self {
            breaker,
            client: BoxCloneSyncService::new(client),
            queue,
            host,
        })
    }

    pub(crate) async fn pay(&self, order: u32) -> Result<Answer> {
        let url = format!("http://{}/charge/{order}", self.host).parse()?;
        let response = self
            .client
            .clone()
            .oneshot(Request::new(Method::POST, url))
            .await?;
        Ok(match response.status() {
            StatusCode::ACCEPTED => Answer::Queued,
            status if status.is_success() => Answer::Charged,
            _ => Answer::Failed,
        })
    }

    /// Pays what was queued; how many payments that were.
    pub(crate) async fn pay_queued(&self) -> Result<usize> {
        let mut paid = 0;
        while let Some(order) = self.queue.pop() {
            ensure!(
                self.pay(order).await? == Answer::Charged,
                "order {order} must wait on"
            );
            paid += 1;
        }
        Ok(paid)
    }

    pub(crate) fn queued(&self) -> usize {
        self.queue.0.lock().expect("nobody panics here").len()
    }

    /// When the circuit takes a probe.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.breaker.snapshot().retry_at
    }
}

impl Queue {
    fn push(&self, order: u32) -> bool {
        let mut waiting = self.0.lock().expect("nobody panics here");
        let fits = waiting.len() < MOST_QUEUED;
        if fits {
            waiting.push_back(order);
        }
        fits
    }

    fn pop(&self) -> Option<u32> {
        self.0.lock().expect("nobody panics here").pop_front()
    }
}

fn order_of(request: &Request) -> Option<u32> {
    request.url().path_segments()?.next_back()?.parse().ok()
}

fn queued() -> Response {
    let mut response = http::Response::new("queued");
    *response.status_mut() = StatusCode::ACCEPTED;
    response.into()
}
