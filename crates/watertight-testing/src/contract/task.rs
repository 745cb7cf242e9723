use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokio::{task::yield_now, time::advance};
use watertight_core::BoxError;

use crate::contract::{Answer, Dialect, ProbeError, Tested, control::Control};

/// What a rule found: nothing, or what is wrong.
pub(crate) type Finding<T = ()> = Result<T, String>;

/// Time goes on from a millisecond in steps that double: an hour and more, and on paused time it takes none.
const STEPS: u32 = 22;

/// Whoever is polled so often is going in circles.
const MAX_POLLS: u32 = 1_000;

/// Counts how often it was woken.
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicUsize);

/// A call that is polled by hand.
pub(crate) struct Task<F>(Pin<Box<F>>);

impl Bell {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn rung(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl<F: Future> Task<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }

    pub(crate) fn poll(&mut self, bell: &Arc<Bell>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(bell));
        self.0.as_mut().poll(&mut Context::from_waker(&waker))
    }

    pub(crate) async fn done(self) -> Finding<F::Output> {
        let done = wait(self.0).await;
        done.map_err(|why| format!("the call {why}"))
    }
}

/// Polls readiness once.
pub(crate) fn poll_ready<D: Dialect, S: Tested<D>>(
    service: &mut S,
    bell: &Arc<Bell>,
) -> Poll<Result<(), S::Error>> {
    let waker = Waker::from(Arc::clone(bell));
    service.poll_ready(&mut Context::from_waker(&waker))
}

/// Waits until a service is ready.
pub(crate) async fn ready<D: Dialect, S: Tested<D>>(service: &mut S) -> Finding {
    match wait(Box::pin(poll_fn(|cx| service.poll_ready(cx)))).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("`poll_ready` failed: {}", error.into())),
        Err(why) => Err(format!(
            "`poll_ready` {why}, though the inner service is ready"
        )),
    }
}

/// Readies a service and calls it.
pub(crate) async fn call<D: Dialect, S: Tested<D>>(
    service: &mut S,
    number: u32,
) -> Finding<Task<S::Future>> {
    ready::<D, S>(service).await?;
    Ok(Task::new(service.call(D::request(number))))
}

/// Makes a call to its end; it must reach the inner service, whatever comes out.
pub(crate) async fn reach<D: Dialect, S: Tested<D>>(
    service: &mut S,
    control: &Control,
    number: u32,
) -> Finding {
    let before = control.calls().len();
    let result = call::<D, S>(service, number).await?.done().await?;
    let said = match result {
        Ok(answer) => match answer.number().await {
            Some(number) => format!("answered {number}"),
            None => "another answer".to_owned(),
        },
        Err(error) => error.into().to_string(),
    };
    if control.calls().len() > before {
        return Ok(());
    }
    Err(format!(
        "call {number} did not reach the inner service: {said}"
    ))
}

/// The number of the inner service's error inside this one, or what it says instead.
pub(crate) fn number_of(error: impl Into<BoxError>) -> Finding<u32> {
    let error = error.into();
    ProbeError::find(&*error).ok_or_else(|| {
        format!("the inner service's error is not in the chain of the one that came out: {error}")
    })
}

/// Waits for a future, and polls it only when it was woken.
///
/// By hand, because tokio's paused clock stands still as long as anybody goes in circles.
async fn wait<F: Future>(mut future: Pin<Box<F>>) -> Finding<F::Output> {
    let bell = Bell::new();
    let waker = Waker::from(Arc::clone(&bell));
    let (mut seen, mut polls) = (None, 0);
    for step in 0..STEPS {
        while seen != Some(bell.rung()) {
            seen = Some(bell.rung());
            polls += 1;
            if polls > MAX_POLLS {
                return Err(format!("was polled {MAX_POLLS} times and is not done"));
            }
            if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ok(done);
            }
            settle().await;
        }
        advance(Duration::from_millis(1 << step)).await;
        settle().await;
    }
    Err("is never done".to_owned())
}

/// Lets spawned tasks do what they can do now.
pub(crate) async fn settle() {
    for _ in 0..32 {
        yield_now().await;
    }
}
