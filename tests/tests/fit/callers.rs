use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt};
use tokio::{sync::Mutex, task::JoinHandle};
use tower::{Service, ServiceExt};
use watertight::Deadline;

use crate::{heard::Heard, shop::Ask};

/// As many as call at the same time.
pub(crate) const CALLERS: usize = 24;

/// Callers of one shop, each over a way of its own: a connection, or a clone of a client.
pub(crate) struct Callers(Vec<Caller>);

type Caller = Box<dyn FnMut(Ask, Option<Duration>) -> BoxFuture<'static, Heard> + Send>;

impl Callers {
    pub(crate) fn new<F>(callers: impl IntoIterator<Item = F>) -> Self
    where
        F: FnMut(Ask, Option<Duration>) -> BoxFuture<'static, Heard> + Send + 'static,
    {
        let callers = callers.into_iter().map(|caller| Box::new(caller) as Caller);
        Self(callers.collect())
    }

    /// Each with a clone of the client.
    pub(crate) fn clones<S, Req, H, Fut>(
        client: &S,
        request: impl Fn(Ask) -> Req + Clone + Send + 'static,
        heard: H,
    ) -> Self
    where
        S: Service<Req, Future: Send> + Clone + Send + 'static,
        S::Response: Send,
        S::Error: Send,
        Req: Send + 'static,
        H: FnOnce(Result<S::Response, S::Error>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Heard> + Send,
    {
        Self::new((0..CALLERS).map(|_| {
            let (client, request, heard) = (client.clone(), request.clone(), heard.clone());
            move |ask, left| {
                let (client, heard) = (client.clone(), heard.clone());
                let call = client.oneshot(request(ask));
                within(left, async move { heard(call.await).await })
            }
        }))
    }

    /// All with the one client, which need not be `Clone`.
    pub(crate) fn sharing<S, Req, H, Fut>(
        client: S,
        request: impl Fn(Ask) -> Req + Clone + Send + 'static,
        heard: H,
    ) -> Self
    where
        S: Service<Req, Future: Send> + Send + 'static,
        S::Response: Send,
        S::Error: Send,
        Req: Send + 'static,
        H: FnOnce(Result<S::Response, S::Error>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Heard> + Send,
    {
        let client = Arc::new(Mutex::new(client));
        Self::new((0..CALLERS).map(|_| {
            let (client, request, heard) = (Arc::clone(&client), request.clone(), heard.clone());
            move |ask, left| {
                let (client, heard, request) = (Arc::clone(&client), heard.clone(), request(ask));
                within(left, async move {
                    let call = {
                        let mut client = client.lock().await;
                        client.ready().await.map(|client| client.call(request))
                    };
                    let result = match call {
                        Ok(call) => call.await,
                        Err(error) => Err(error),
                    };
                    heard(result).await
                })
            }
        }))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// One caller asks.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Heard {
        self.0[0](ask, None).await
    }

    /// One caller asks, who has so much time left.
    pub(crate) async fn ask_within(&mut self, ask: Ask, left: Duration) -> Heard {
        self.0[0](ask, Some(left)).await
    }

    /// All ask, one after the other.
    pub(crate) async fn in_turn(&mut self, ask: Ask) -> Vec<Heard> {
        let mut all = Vec::new();
        for caller in &mut self.0 {
            all.push(caller(ask, None).await);
        }
        all
    }

    /// All ask at the same time.
    pub(crate) fn at_once(&mut self, ask: Ask) -> Vec<JoinHandle<Heard>> {
        let calls = self.0.iter_mut().map(|caller| caller(ask, None));
        calls.map(tokio::spawn).collect()
    }
}

fn within<F>(left: Option<Duration>, call: F) -> BoxFuture<'static, Heard>
where
    F: Future<Output = Heard> + Send + 'static,
{
    match left {
        Some(left) => Deadline::after(left).scope(call).boxed(),
        None => call.boxed(),
    }
}
