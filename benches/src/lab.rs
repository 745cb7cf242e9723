//! The runtimes that calls are made on, kept for the whole run.

use std::{
    future::{Future, poll_fn},
    hint::black_box,
    io,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::Instant,
};
use tower_service::Service;

/// Tasks that share one state where calls are made from more than one task.
pub const TASKS: u64 = 64;

/// Where calls are made.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// By one task.
    One,
    /// By 64 tasks on one worker: only to see whether a second worker helps.
    OneWorker,
    /// By 64 tasks on two workers.
    TwoWorkers,
}

/// The runtimes for every [`Place`].
#[derive(Debug)]
pub struct Lab {
    one: Runtime,
    one_worker: Runtime,
    two_workers: Runtime,
}

/// How long calls took, and how many were answered with `Ok`.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// From the first call to the last answer.
    pub elapsed: Duration,
    /// Calls that were made.
    pub calls: u64,
    /// Calls that were answered with `Ok`.
    pub ok: u64,
}

impl Lab {
    /// Starts the runtimes.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn new() -> io::Result<Self> {
        let workers = |count| {
            Builder::new_multi_thread()
                .worker_threads(count)
                .enable_time()
                .build()
        };
        Ok(Self {
            one: Builder::new_current_thread().enable_time().build()?,
            one_worker: workers(1)?,
            two_workers: workers(2)?,
        })
    }

    /// Runs a future where timers work.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.one.block_on(future)
    }

    /// Makes at least one call per task and about so many in all.
    ///
    /// # Panics
    ///
    /// A call panics.
    pub fn run<S>(&self, place: Place, service: &S, calls: u64) -> Ran
    where
        S: Service<u64> + Clone + Send + 'static,
        S::Future: Send,
    {
        match place {
            Place::One => self.one.block_on(alone(service.clone(), calls)),
            Place::OneWorker => self.one_worker.block_on(together(service, calls)),
            Place::TwoWorkers => self.two_workers.block_on(together(service, calls)),
        }
    }
}

async fn alone<S: Service<u64>>(service: S, calls: u64) -> Ran {
    let start = Instant::now();
    let ok = drive(service, calls).await;
    Ran {
        elapsed: start.elapsed(),
        calls,
        ok,
    }
}

async fn together<S>(service: &S, calls: u64) -> Ran
where
    S: Service<u64> + Clone + Send + 'static,
    S::Future: Send,
{
    let each = (calls / TASKS).max(1);
    let services: Vec<S> = (0..TASKS).map(|_| service.clone()).collect();
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for service in services {
        tasks.spawn(drive(service, each));
    }
    let ok = tasks.join_all().await.into_iter().sum();
    Ran {
        elapsed: start.elapsed(),
        calls: each * TASKS,
        ok,
    }
}

/// Makes calls one after the other; how many were answered with `Ok`.
///
/// What a refusal or an error costs is part of the measurement, and so is that its value is dropped.
pub async fn drive<S: Service<u64>>(mut service: S, calls: u64) -> u64 {
    let mut ok = 0;
    for request in 0..calls {
        if poll_fn(|cx| service.poll_ready(cx)).await.is_err() {
            break;
        }
        let answer = service.call(black_box(request)).await;
        // By reference: moving the answer once more is no work of the layers, and costs those with large errors most.
        ok += u64::from(black_box(&answer).is_ok());
    }
    ok
}
