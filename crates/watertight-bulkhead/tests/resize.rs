//! The limit of a bulkhead with a queue, changed while calls wait, leave and take their turn.

use std::{
    future::{Future, poll_fn},
    sync::{Arc, Barrier},
    task::Poll,
    thread,
    time::Duration,
};

use tokio::{task::coop, time::sleep};
use tokio_test::{assert_pending, assert_ready_ok, task};
use watertight_bulkhead::{Bulkhead, BulkheadPermit, Queue};

const SECOND: Duration = Duration::from_secs(1);
const ROUNDS: u32 = 20_000;

fn bulkhead(limit: usize) -> Bulkhead<Queue> {
    Bulkhead::builder("email")
        .max_concurrent(limit)
        .queue(100)
        .build()
        .unwrap()
}

fn held(email: &Bulkhead<Queue>, calls: usize) -> Vec<BulkheadPermit<Queue>> {
    (0..calls).map(|_| email.try_acquire().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_with_a_permit_pays_what_is_owed() {
    let email = bulkhead(1);
    let permit = email.try_acquire().unwrap();
    let mut waiter = task::spawn(email.acquire());
    assert_pending!(waiter.poll());
    // The waiter has been given the permit, and does not know yet.
    drop(permit);
    email.resize(0);
    drop(waiter);
    assert!(email.try_acquire().is_err(), "a limit of zero is closed");
    let seen = email.snapshot();
    assert_eq!((seen.in_flight, seen.completed, seen.cancelled), (0, 0, 2));
    email.resize(1);
    assert!(email.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_with_a_permit_passes_nothing_on_that_is_owed() {
    let email = bulkhead(1);
    let permit = email.try_acquire().unwrap();
    let (mut first, mut second) = (task::spawn(email.acquire()), task::spawn(email.acquire()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    drop(permit);
    email.resize(0);
    drop(first);
    assert_pending!(second.poll());
    assert_eq!(email.snapshot().in_flight, 0);
    email.resize(1);
    assert!(second.is_woken());
    drop(assert_ready_ok!(second.poll()));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_pays_what_is_owed_also_when_its_task_has_spent_its_budget() {
    let email = bulkhead(1);
    let permit = email.try_acquire().unwrap();
    let (mut first, mut second) = (task::spawn(email.acquire()), task::spawn(email.acquire()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    drop(permit);
    email.resize(0);
    poll_fn(|cx| {
        while coop::has_budget_remaining() {
            if let Poll::Ready(spent) = coop::poll_proceed(cx) {
                spent.made_progress();
            }
        }
        Poll::Ready(())
    })
    .await;
    drop(first);
    assert!(!second.is_woken());
    assert_eq!(email.snapshot().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_was_never_polled_leaves_without_a_trace() {
    let email = bulkhead(1);
    let permit = email.try_acquire().unwrap();
    drop(email.acquire());
    drop(permit);
    let seen = email.snapshot();
    assert_eq!((seen.in_flight, seen.queued, seen.cancelled), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_given_a_permit_before_the_limit_fell_keeps_it() {
    let email = bulkhead(1);
    let permit = email.try_acquire().unwrap();
    let (mut first, mut second) = (task::spawn(email.acquire()), task::spawn(email.acquire()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    drop(permit);
    email.resize(0);
    let permit = assert_ready_ok!(first.poll());
    drop(permit);
    assert_pending!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_falls_to_zero_and_rises_again_loses_nobody() {
    let email = bulkhead(3);
    let calls = tokio::spawn({
        let email = email.clone();
        async move {
            let call = || async {
                let permit = email.acquire().await.unwrap();
                sleep(SECOND).await;
                permit.success();
            };
            futures::future::join_all((0..30).map(|_| call())).await;
        }
    });
    sleep(SECOND / 2).await;
    email.resize(0);
    sleep(SECOND * 5).await;
    let seen = email.snapshot();
    assert_eq!((seen.in_flight, seen.completed, seen.queued), (0, 3, 27));
    email.resize(2);
    sleep(SECOND / 2).await;
    assert_eq!(email.snapshot().in_flight, 2);
    email.resize(9);
    calls.await.unwrap();
    assert_eq!(email.snapshot().completed, 30);
}

#[tokio::test(start_paused = true)]
async fn a_lowered_limit_holds_at_once_for_those_who_wait_under_sustained_load() {
    let email = bulkhead(10);
    let mut permits = held(&email, 10);
    let mut waiting: Vec<_> = (0..40).map(|_| task::spawn(email.acquire())).collect();
    for waiter in &mut waiting {
        assert_pending!(waiter.poll());
    }
    email.resize(2);
    let mut served = waiting.iter_mut();
    for back in 1..=30 {
        permits.remove(0).success();
        if back > 8 {
            permits.push(assert_ready_ok!(served.next().unwrap().poll()));
        }
        assert_eq!(
            email.snapshot().in_flight,
            10_usize.saturating_sub(back).max(2)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiter_keeps_its_place_and_its_patience_when_the_limit_changes() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(5)
        .max_wait(SECOND * 2);
    let email = email.build().unwrap();
    let _held = email.try_acquire().unwrap();
    let start = tokio::time::Instant::now();
    let waiter = tokio::spawn({
        let email = email.clone();
        async move { email.acquire().await.map(drop) }
    });
    sleep(SECOND).await;
    email.resize(0);
    email.resize(1);
    waiter.await.unwrap().unwrap_err();
    assert_eq!(start.elapsed(), SECOND * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resizing_while_tasks_wait_and_leave_never_breaks_the_bookkeeping() {
    let email = bulkhead(4);
    let begin = Arc::new(tokio::sync::Barrier::new(9));
    let mut tasks = Vec::new();
    for seed in 0..8 {
        let (email, begin) = (email.clone(), Arc::clone(&begin));
        tasks.push(tokio::spawn(async move {
            begin.wait().await;
            for round in 0..2_000_u32 {
                let mut waiter = Box::pin(email.acquire());
                let polled = poll_fn(|cx| Poll::Ready(waiter.as_mut().poll(cx))).await;
                if (round + seed) % 3 == 0 {
                    drop(polled);
                    tokio::task::yield_now().await;
                    drop(waiter);
                } else if polled.is_pending() {
                    drop(waiter.await);
                }
            }
        }));
    }
    begin.wait().await;
    for step in 0..2_000 {
        email.resize(step % 5);
        tokio::task::yield_now().await;
    }
    email.resize(5);
    for task in tasks {
        task.await.unwrap();
    }
    let seen = email.snapshot();
    assert_eq!((seen.in_flight, seen.queued), (0, 0));
    let all = held(&email, 5);
    assert!(email.try_acquire().is_err(), "{all:?}");
}

#[test]
fn a_permit_that_comes_back_while_the_limit_falls_is_gone() {
    let email = bulkhead(0);
    let (begin, end) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let lowering = scope.spawn(|| {
            for _ in 0..ROUNDS {
                begin.wait();
                email.resize(0);
                end.wait();
            }
        });
        for round in 0..ROUNDS {
            email.resize(1);
            let permit = email.try_acquire().unwrap();
            begin.wait();
            drop(permit);
            end.wait();
            assert!(email.try_acquire().is_err(), "round {round}");
        }
        lowering.join().unwrap();
    });
}
