use std::{
    any::Any,
    fmt,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::FutureExt;
use tokio::{task::yield_now, time::sleep};

use super::{BusError, Interest};
use crate::{Position, Recorded};

/// Has an event handled, in as many tries as there are.
pub(super) async fn handle<F, R, X>(
    handler: &F,
    interest: &Interest,
    key: String,
    event: Recorded,
) -> Result<(String, Position), BusError>
where
    F: Fn(Recorded) -> R,
    R: Future<Output = Result<(), X>>,
    X: fmt::Display,
{
    let position = event.position;
    let (mut pause, longest) = interest.pause;
    for attempt in 1.. {
        let Err(why) = once(handler, event.clone()).await else {
            break;
        };
        if attempt >= interest.attempts {
            return Err(BusError::Failed { position, why });
        }
        sleep(pause.min(longest)).await;
        pause = pause.saturating_mul(2);
    }
    // A handler that never waits would keep others of the runtime from their work.
    yield_now().await;
    Ok((key, position))
}

async fn once<F, R, X>(handler: &F, event: Recorded) -> Result<(), Arc<str>>
where
    F: Fn(Recorded) -> R,
    R: Future<Output = Result<(), X>>,
    X: fmt::Display,
{
    let handling = catch_unwind(AssertUnwindSafe(|| handler(event)));
    let handling = handling.map_err(|panic| panicked(&*panic))?;
    match AssertUnwindSafe(handling).catch_unwind().await {
        Ok(done) => done.map_err(|error| error.to_string().into()),
        Err(panic) => Err(panicked(&*panic)),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Arc<str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", text.unwrap_or("nothing")).into()
}
