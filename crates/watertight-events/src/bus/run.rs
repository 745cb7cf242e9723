//! A subscriber at work.

use std::{convert::Infallible, fmt, future::Future, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::{BoxFuture, pending},
    stream::FuturesUnordered,
};
use tokio::{select, sync::watch, time::sleep};

use super::{BusError, Interest, attempt::handle, window::Window};
use crate::{EventStore, Page, Position, ReadError, Recorded, Subscription};

/// Between two reads of a store that fails, the first and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

pub(super) struct Run<S, F> {
    store: S,
    interest: Interest,
    handler: F,
    handled: watch::Sender<Position>,
}

/// A read, which gives the subscription back.
type Reading<S> = BoxFuture<'static, (Subscription<S>, Result<Page, ReadError>)>;

impl<S: EventStore, F> Run<S, F> {
    pub(super) const fn new(
        store: S,
        interest: Interest,
        handler: F,
        handled: watch::Sender<Position>,
    ) -> Self {
        Self {
            store,
            interest,
            handler,
            handled,
        }
    }

    pub(super) async fn until_stopped<R, X>(
        self,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), BusError>
    where
        F: Fn(Recorded) -> R + Send + Sync,
        R: Future<Output = Result<(), X>> + Send,
        X: fmt::Display + Send,
    {
        let Self {
            store,
            interest,
            handler,
            handled,
        } = self;
        let mut window = Window::new(interest.after);
        let subscription = Subscription::new(store, interest.after, interest.filter.clone());
        let mut reading = Some(read(subscription.page(interest.window)));
        let mut idle = None;
        let mut running = FuturesUnordered::new();
        let mut stopping = false;
        while !(stopping && running.is_empty()) {
            if reading.is_none() && window.len() < interest.window {
                reading = idle.take().map(read);
            }
            while !stopping
                && running.len() < interest.concurrency
                && let Some((key, event)) = window.next()
            {
                running.push(handle(&handler, &interest, key, event));
            }
            select! {
                Some(done) = running.next() => {
                    let (key, position): (String, Position) = done?;
                    window.done(key, position);
                }
                _ = stop.wait_for(|stop| *stop), if !stopping => stopping = true,
                (subscription, page) = next(&mut reading), if !stopping => {
                    let page = page?;
                    let keyed = page.events.into_iter().map(|event| ((interest.key)(&event), event));
                    window.extend(keyed, page.scanned_to);
                    reading = None;
                    idle = Some(subscription);
                }
            }
            handled.send_if_modified(|known| {
                let moved = window.handled() > *known;
                *known = window.handled().max(*known);
                moved
            });
        }
        Ok(())
    }
}

/// Reads on until there is something; what may pass is tried again for as long as it takes.
fn read<S: EventStore>(mut subscription: Subscription<S>) -> Reading<S> {
    let read = async move {
        let (mut pause, longest) = PAUSE;
        loop {
            match subscription.next_page().await {
                Err(error) if error.transient => sleep(pause).await,
                page => return (subscription, page),
            }
            pause = (pause * 2).min(longest);
        }
    };
    read.boxed()
}

/// The end of a read, if there is one on its way.
async fn next<T>(reading: &mut Option<BoxFuture<'static, T>>) -> T {
    match reading {
        Some(reading) => reading.await,
        None => match pending::<Infallible>().await {},
    }
}
