//! One writer that commits together whatever is waiting, and answers each request on its own.

use std::{fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::yield_now,
};

use crate::WriteError;

/// What one store adds to [`GroupCommit`]: a batch in one transaction.
pub trait Commit: Send + 'static {
    /// What is asked for.
    type Request: Send + Sync + 'static;
    /// What is answered.
    type Answer: Send + 'static;

    /// Commits a batch, all of it or nothing, with an answer for each request in their order.
    ///
    /// # Errors
    ///
    /// What became of the batch as a whole. A request that is refused on its own account is an answer, not an error.
    fn commit(
        &mut self,
        batch: &[Self::Request],
    ) -> impl Future<Output = Result<Vec<Self::Answer>, CommitError>> + Send;
}

/// Why a batch was not committed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store refused something in it: nothing was written, and a smaller batch may go through.
    #[error("the store refused it: {0}")]
    Data(Arc<str>),
    /// The store failed, and nothing was written.
    #[error("the store failed: {message}")]
    Failed {
        /// Whether trying again may help.
        transient: bool,
        /// What it said.
        message: Arc<str>,
    },
    /// The store failed, and could not say afterwards whether it has written.
    #[error("the store was lost during a commit")]
    Unknown,
}

/// The bounds of a [`GroupCommit`].
///
/// | bound | default | what happens there |
/// |---|---|---|
/// | `requests` | 10 000 waiting | refused as [`WriteError::Overloaded`] |
/// | `bytes` | 64 MiB waiting | refused as [`WriteError::Overloaded`] |
/// | `batch` | 1 000 requests in one commit | the rest waits for the next |
/// | `batch_bytes` | 16 MiB in one commit | the rest waits for the next |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Bounds {
    /// Requests that may wait.
    pub requests: usize,
    /// Bytes that may wait.
    pub bytes: usize,
    /// Requests in one commit.
    pub batch: usize,
    /// Bytes in one commit; a request that is larger is a batch of its own.
    pub batch_bytes: usize,
}

/// The queue in front of a store's one writer.
///
/// The writer takes what is waiting, commits it, and meanwhile more gathers: batches grow with the load, and nobody waits for
/// a batch to fill up.
///
/// # Clone
///
/// Clones share the queue. When the last one is gone, the writer commits what is waiting and ends.
pub struct GroupCommit<R, A> {
    queue: mpsc::Sender<Job<R, A>>,
    room: Arc<Semaphore>,
}

struct Job<R, A> {
    request: R,
    bytes: usize,
    answer: oneshot::Sender<Result<A, WriteError>>,
    _room: OwnedSemaphorePermit,
}

/// The other end of the queue: run it as a task, or on a thread of its own.
#[must_use = "nothing is committed unless it runs"]
pub struct Writer<C: Commit> {
    queue: mpsc::Receiver<Job<C::Request, C::Answer>>,
    commit: C,
    bounds: Bounds,
    next: Option<Job<C::Request, C::Answer>>,
}

impl<R: Send + Sync + 'static, A: Send + 'static> GroupCommit<R, A> {
    /// A queue, and the writer that empties it.
    pub fn new<C>(commit: C, bounds: Bounds) -> (Self, Writer<C>)
    where
        C: Commit<Request = R, Answer = A>,
    {
        let (sender, receiver) = mpsc::channel(bounds.requests.max(1));
        let room = bounds.bytes.clamp(1, Semaphore::MAX_PERMITS);
        let queue = Self {
            queue: sender,
            room: Arc::new(Semaphore::new(room)),
        };
        let writer = Writer {
            queue: receiver,
            commit,
            bounds,
            next: None,
        };
        (queue, writer)
    }

    /// Queues a request of so many bytes, and waits for its answer.
    ///
    /// # Errors
    ///
    /// [`WriteError::Overloaded`] where there is no room, at once; what became of its batch.
    ///
    /// # Cancellation
    ///
    /// Dropped while it waits in the queue, the request is not done; dropped later, it is.
    pub async fn submit(&self, request: R, bytes: usize) -> Result<A, WriteError> {
        let (answer, answered) = oneshot::channel();
        let wanted = u32::try_from(bytes.max(1)).map_err(|_| WriteError::Overloaded)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(wanted);
        let job = Job {
            request,
            bytes,
            answer,
            _room: room.map_err(|_| WriteError::Overloaded)?,
        };
        self.queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        // A writer that is gone before it answered may have done the work.
        answered.await.unwrap_or(Err(WriteError::Unknown))
    }
}

impl<C: Commit> Writer<C> {
    /// Commits until every [`GroupCommit`] is gone and the queue is empty.
    ///
    /// # Panics
    ///
    /// Never: a commit that panics leaves its batch's outcome unknown, and the next batch is tried.
    pub async fn run(mut self) {
        while let Some(first) = self.first().await {
            // Whoever became ready together with the first one gets the chance to join it.
            yield_now().await;
            let (requests, answers) = self.gather(first);
            if !requests.is_empty() {
                self.commit_all(&requests, answers).await;
            }
        }
    }

    async fn first(&mut self) -> Option<Job<C::Request, C::Answer>> {
        match self.next.take() {
            Some(job) => Some(job),
            None => self.queue.recv().await,
        }
    }

    fn gather(&mut self, first: Job<C::Request, C::Answer>) -> (Vec<C::Request>, Answers<C>) {
        let (mut requests, mut answers) = (Vec::new(), Vec::new());
        let mut bytes: usize = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            let full = requests.len() >= self.bounds.batch
                || bytes.saturating_add(job.bytes) > self.bounds.batch_bytes;
            if full && !requests.is_empty() {
                self.next = Some(job);
                break;
            }
            // Nobody waits for this one any more, so it need not be done.
            if !job.answer.is_closed() {
                bytes += job.bytes;
                requests.push(job.request);
                answers.push((job.answer, job._room));
            }
            next = self.queue.try_recv().ok();
        }
        (requests, answers)
    }

    /// Commits a batch, and on refused data its halves, so that one request cannot harm its neighbours.
    async fn commit_all(&mut self, requests: &[C::Request], answers: Answers<C>) {
        let mut parts = vec![(requests, answers)];
        while let Some((requests, mut answers)) = parts.pop() {
            let committing = AssertUnwindSafe(self.commit.commit(requests));
            let result = committing.catch_unwind().await;
            match result.unwrap_or(Err(CommitError::Unknown)) {
                Ok(done) => {
                    debug_assert_eq!(done.len(), answers.len());
                    for ((answer, _), done) in answers.into_iter().zip(done) {
                        let _ = answer.send(Ok(done));
                    }
                }
                Err(CommitError::Data(_)) if requests.len() > 1 => {
                    let half = requests.len() / 2;
                    let (front, back) = requests.split_at(half);
                    let rest = answers.split_off(half);
                    parts.push((back, rest));
                    parts.push((front, answers));
                }
                Err(error) => {
                    for (answer, _) in answers {
                        let _ = answer.send(Err(error.clone().into()));
                    }
                }
            }
        }
    }
}

type Answers<C> = Vec<(
    oneshot::Sender<Result<<C as Commit>::Answer, WriteError>>,
    OwnedSemaphorePermit,
)>;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            requests: 10_000,
            bytes: 64 << 20,
            batch: 1_000,
            batch_bytes: 16 << 20,
        }
    }
}

impl From<CommitError> for WriteError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Data(message) => Self::store(false, message),
            CommitError::Failed { transient, message } => Self::store(transient, message),
            CommitError::Unknown => Self::Unknown,
        }
    }
}

impl<R, A> Clone for GroupCommit<R, A> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            room: Arc::clone(&self.room),
        }
    }
}

impl<R, A> fmt::Debug for GroupCommit<R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupCommit")
            .field("free_requests", &self.queue.capacity())
            .field("free_bytes", &self.room.available_permits())
            .finish()
    }
}

impl<C: Commit> fmt::Debug for Writer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

fn closed() -> WriteError {
    WriteError::store(false, "the store is closed")
}
