//! What is measured: a service with a name, of which we know how it answers.

use std::{
    fmt,
    future::{Future, poll_fn},
    mem,
    task::Poll,
};

use tower_service::Service;

use crate::{
    lab::{Lab, Place, Ran},
    service::{FAIL, HANG},
};

/// The name of the bare service, from which every overhead is taken.
pub const BARE: &str = "bare service";

/// The name of our own subject in each case.
pub const OURS: &str = "watertight";

/// A service that is measured; built once, before any clock runs.
pub struct Subject {
    name: &'static str,
    answers: Answers,
    run: Box<Run>,
}

type Run = dyn Fn(&Lab, Place, u64) -> Ran;

/// How every call must be answered, or the figure is worth nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answers {
    AllOk,
    AllErr,
}

impl Subject {
    /// A service that answers every call with `Ok`.
    pub fn answering<S>(name: &'static str, service: S) -> Self
    where
        S: Service<u64> + Clone + Send + 'static,
        S::Future: Send,
    {
        Self::new(name, service, Answers::AllOk)
    }

    /// A service that refuses every call.
    pub fn refusing<S>(name: &'static str, service: S) -> Self
    where
        S: Service<u64> + Clone + Send + 'static,
        S::Future: Send,
    {
        Self::new(name, service, Answers::AllErr)
    }

    fn new<S>(name: &'static str, service: S, answers: Answers) -> Self
    where
        S: Service<u64> + Clone + Send + 'static,
        S::Future: Send,
    {
        Self {
            name,
            answers,
            run: Box::new(move |lab, place, calls| lab.run(place, &service, calls)),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Makes calls.
    ///
    /// # Panics
    ///
    /// A call was answered in another way than every call must be: the benchmark measures something else.
    pub fn run(&self, lab: &Lab, place: Place, calls: u64) -> Ran {
        let ran = (self.run)(lab, place, calls);
        let expected = match self.answers {
            Answers::AllOk => ran.calls,
            Answers::AllErr => 0,
        };
        assert_eq!(
            ran.ok, expected,
            "{}: calls answered with ok, of {}",
            self.name, ran.calls
        );
        ran
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Has so many calls fail, which opens every circuit breaker on the way.
pub fn fail<S: Service<u64> + Clone>(lab: &Lab, service: &S, calls: u64) {
    let mut service = service.clone();
    lab.block_on(async {
        for _ in 0..calls {
            if poll_fn(|cx| service.poll_ready(cx)).await.is_ok() {
                let _ = service.call(FAIL).await;
            }
        }
    });
}

/// Makes a call that never ends, which holds a permit of every bulkhead on the way for ever.
pub fn occupy<S: Service<u64> + Clone>(lab: &Lab, service: &S) {
    let mut service = service.clone();
    lab.block_on(async {
        if poll_fn(|cx| service.poll_ready(cx)).await.is_ok() {
            let mut call = Box::pin(service.call(HANG));
            poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_pending())).await;
            mem::forget(call);
        }
    });
}
