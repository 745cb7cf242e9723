//! The queue in front of a store's writer: bounds, batches, answers, and what harms whom.

use std::{
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures::future::{join_all, poll_fn};
use tokio::sync::Semaphore;
use watertight_events::{
    WriteError,
    group_commit::{Bounds, Commit, CommitError, GroupCommit},
};

/// A store that notes its batches and commits when it is let; its requests are small numbers.
#[derive(Clone, Debug)]
struct Notes {
    batches: Arc<Mutex<Vec<Vec<u8>>>>,
    go: Arc<Semaphore>,
}

/// Refused as data.
const BAD: u8 = 200;

/// Makes the commit panic.
const PANIC: u8 = 201;

/// Loses the connection.
const LOST: u8 = 202;

impl Commit for Notes {
    type Request = u8;
    type Answer = u16;

    async fn commit(&mut self, batch: &[u8]) -> Result<Vec<u16>, CommitError> {
        self.batches.lock().unwrap().push(batch.to_vec());
        self.go.acquire().await.unwrap().forget();
        assert!(!batch.contains(&PANIC), "as asked");
        if batch.contains(&LOST) {
            return Err(CommitError::Unknown);
        }
        if batch.contains(&BAD) {
            return Err(CommitError::Data("as asked".into()));
        }
        Ok(batch
            .iter()
            .map(|request| u16::from(*request) * 2)
            .collect())
    }
}

impl Notes {
    /// Lets so many commits happen.
    fn new(commits: usize) -> Self {
        Self {
            batches: Arc::default(),
            go: Arc::new(Semaphore::new(commits)),
        }
    }

    fn queue(&self, bounds: impl FnOnce(&mut Bounds)) -> GroupCommit<u8, u16> {
        let mut chosen = Bounds::default();
        bounds(&mut chosen);
        let (queue, writer) = GroupCommit::new(self.clone(), chosen);
        tokio::spawn(writer.run());
        queue
    }

    fn batches(&self) -> Vec<Vec<u8>> {
        self.batches.lock().unwrap().clone()
    }

    /// Waits until so many batches have been begun.
    async fn begun(&self, count: usize) {
        while self.batches().len() < count {
            tokio::task::yield_now().await;
        }
    }
}

/// Polls a future once; nothing if it is not ready.
async fn once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| {
        Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn requests_that_wait_together_are_one_commit() {
    let notes = Notes::new(10);
    let queue = notes.queue(|_| ());
    let answers = join_all((0..50).map(|request| queue.submit(request, 1))).await;
    let doubled: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        doubled,
        (0..50).map(|request| request * 2).collect::<Vec<_>>()
    );
    assert_eq!(notes.batches().len(), 1);
}

#[tokio::test]
async fn what_comes_during_a_commit_is_the_next_one() {
    let notes = Notes::new(0);
    let queue = notes.queue(|_| ());
    let mut first = Box::pin(queue.submit(1, 1));
    assert!(once(&mut first).await.is_none());
    notes.begun(1).await;
    let mut later: Vec<_> = (2..5)
        .map(|request| Box::pin(queue.submit(request, 1)))
        .collect();
    for future in &mut later {
        assert!(once(future).await.is_none());
    }
    notes.go.add_permits(2);
    first.await.unwrap();
    join_all(later).await;
    assert_eq!(notes.batches(), [vec![1], vec![2, 3, 4]]);
}

#[tokio::test]
async fn one_refused_request_is_found_and_harms_no_neighbour() {
    let notes = Notes::new(100);
    let queue = notes.queue(|_| ());
    let requests: Vec<u8> = (0..100).map(|at| if at == 37 { BAD } else { at }).collect();
    let answers = join_all(requests.iter().map(|request| queue.submit(*request, 1))).await;
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!(answer.is_err(), at == 37, "request {at}: {answer:?}");
    }
    let transient = matches!(answers[37], Err(WriteError::Store { transient, .. }) if transient);
    assert!(!transient, "trying again would not help");
    assert!(notes.batches().len() <= 15, "halved, not tried one by one");
}

#[tokio::test]
async fn a_lost_connection_is_not_bisected() {
    let notes = Notes::new(100);
    let queue = notes.queue(|_| ());
    let answers = join_all([1, LOST, 3].map(|request| queue.submit(request, 1))).await;
    for answer in answers {
        assert!(matches!(answer, Err(WriteError::Unknown)));
    }
    assert_eq!(notes.batches().len(), 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_takes_again_later() {
    let notes = Notes::new(0);
    let queue = notes.queue(|bounds| bounds.requests = 3);
    let mut waiting = Vec::new();
    for request in 0..20 {
        let mut future = Box::pin(queue.submit(request, 1));
        match once(&mut future).await {
            None => waiting.push(future),
            Some(answer) => assert!(matches!(answer, Err(WriteError::Overloaded))),
        }
    }
    assert!(waiting.len() <= 5, "three wait, one or two are under way");
    notes.go.add_permits(20);
    for answer in join_all(waiting).await {
        answer.unwrap();
    }
    queue.submit(1, 1).await.unwrap();
}

#[tokio::test]
async fn bytes_that_wait_are_bounded_too() {
    let notes = Notes::new(0);
    let queue = notes.queue(|bounds| bounds.bytes = 100);
    let mut first = Box::pin(queue.submit(1, 60));
    assert!(once(&mut first).await.is_none());
    let refused = queue.submit(2, 60).await;
    assert!(matches!(refused, Err(WriteError::Overloaded)));
    notes.go.add_permits(2);
    first.await.unwrap();
    queue.submit(3, 60).await.unwrap();
}

#[tokio::test]
async fn a_batch_is_bounded_in_requests_and_in_bytes() {
    let notes = Notes::new(100);
    let queue = notes.queue(|bounds| (bounds.batch, bounds.batch_bytes) = (4, 10));
    let sizes = [1, 1, 1, 1, 1, 6, 6, 50, 1];
    let requests = (0..)
        .zip(sizes)
        .map(|(request, bytes)| queue.submit(request, bytes));
    for answer in join_all(requests).await {
        answer.unwrap();
    }
    assert_eq!(
        notes.batches(),
        [vec![0, 1, 2, 3], vec![4, 5], vec![6], vec![7], vec![8]]
    );
}

#[tokio::test]
async fn a_request_whose_caller_left_is_not_done() {
    let notes = Notes::new(0);
    let queue = notes.queue(|_| ());
    let mut first = Box::pin(queue.submit(1, 1));
    assert!(once(&mut first).await.is_none());
    notes.begun(1).await;
    {
        let mut left = pin!(queue.submit(2, 1));
        assert!(once(&mut left).await.is_none());
    }
    notes.go.add_permits(2);
    first.await.unwrap();
    queue.submit(3, 1).await.unwrap();
    assert_eq!(notes.batches(), [[1], [3]]);
}

#[tokio::test]
async fn a_commit_that_panics_leaves_its_outcome_unknown_and_no_more() {
    let notes = Notes::new(100);
    let queue = notes.queue(|_| ());
    let answer = queue.submit(PANIC, 1).await;
    assert!(matches!(answer, Err(WriteError::Unknown)));
    queue.submit(1, 1).await.unwrap();
}

#[tokio::test]
async fn what_waits_is_committed_before_the_writer_ends() {
    let notes = Notes::new(100);
    let (queue, writer) = GroupCommit::new(notes.clone(), Bounds::default());
    let mut waiting = Box::pin(queue.submit(1, 1));
    assert!(once(&mut waiting).await.is_none());
    let last = queue.clone();
    drop(queue.clone());
    let writer = tokio::spawn(writer.run());
    waiting.await.unwrap();
    drop((queue, last));
    writer.await.unwrap();
    assert_eq!(notes.batches(), [[1]]);
}
