//! What a bulkhead with a queue promises to those who wait.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;
use watertight_bulkhead::{Bulkhead, BulkheadLayer, Queue};
use watertight_core::{Deadline, Errors, Reason};

const SECOND: Duration = Duration::from_secs(1);

fn bulkhead(limit: usize, queue: usize) -> Bulkhead<Queue> {
    Bulkhead::builder("email")
        .max_concurrent(limit)
        .queue(queue)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn callers_are_served_in_the_order_in_which_they_came() {
    let email = bulkhead(1, 10);
    let held = email.try_acquire().unwrap();
    let mut waiting: Vec<_> = (0..5).map(|_| task::spawn(email.acquire())).collect();
    for waiter in &mut waiting {
        assert_pending!(waiter.poll());
    }
    let mut permit = Some(held);
    for waiter in &mut waiting {
        drop(permit.take());
        assert!(
            email.try_acquire().is_err(),
            "nobody overtakes those who wait"
        );
        assert!(waiter.is_woken());
        permit = Some(assert_ready_ok!(waiter.poll()));
    }
}

#[tokio::test(start_paused = true)]
async fn one_more_than_limit_and_queue_is_refused_at_once() {
    let email = bulkhead(2, 3);
    let _held = (email.try_acquire().unwrap(), email.try_acquire().unwrap());
    let mut waiting: Vec<_> = (0..3).map(|_| task::spawn(email.acquire())).collect();
    for waiter in &mut waiting {
        assert_pending!(waiter.poll());
    }
    assert_eq!(email.snapshot().queued, 3);
    let refused = task::spawn(email.acquire()).poll();
    assert_eq!(
        assert_ready!(refused).unwrap_err().reason,
        Reason::QueueFull
    );
    drop(waiting);
    assert_eq!(
        (email.snapshot().queued, email.snapshot().cancelled),
        (0, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_leaves_its_place_and_loses_no_permit() {
    let email = bulkhead(1, 2);
    let held = email.try_acquire().unwrap();
    let (mut first, mut second) = (task::spawn(email.acquire()), task::spawn(email.acquire()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    // The permit is already given to the first when its caller goes away.
    drop(held);
    drop(first);
    drop(assert_ready_ok!(second.poll()));
    assert_eq!(
        (email.snapshot().in_flight, email.snapshot().queued),
        (0, 0)
    );
    assert!(email.try_acquire().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_no_longer_than_it_may() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(5)
        .max_wait(SECOND);
    let email = email.build().unwrap();
    let _held = email.try_acquire().unwrap();
    let start = Instant::now();
    let refused = email.acquire().await.unwrap_err();
    assert_eq!(
        (refused.reason, start.elapsed()),
        (Reason::WaitedTooLong, SECOND)
    );
    let in_time = Deadline::after(SECOND / 2)
        .scope(email.acquire())
        .await
        .unwrap_err();
    assert_eq!(
        (in_time.reason, start.elapsed()),
        (Reason::DeadlinePassed, SECOND * 3 / 2)
    );
    let later = Deadline::after(SECOND * 9)
        .scope(email.acquire())
        .await
        .unwrap_err();
    assert_eq!(later.reason, Reason::WaitedTooLong);
}

#[tokio::test(start_paused = true)]
async fn waits_of_zero_and_without_end_do_not_panic() {
    for (wait, refused_at_once) in [(Duration::ZERO, true), (Duration::MAX, false)] {
        let email = Bulkhead::builder("email")
            .max_concurrent(1)
            .queue(5)
            .max_wait(wait);
        let email = email.build().unwrap();
        let held = email.try_acquire().unwrap();
        let mut waiter = task::spawn(email.acquire());
        if refused_at_once {
            assert_eq!(
                assert_ready!(waiter.poll()).unwrap_err().reason,
                Reason::WaitedTooLong
            );
        } else {
            assert_pending!(waiter.poll());
            drop(held);
            drop(assert_ready_ok!(waiter.poll()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_owns_the_instance_that_was_readied_for_it() {
    let email = bulkhead(1, 5);
    let layer = BulkheadLayer::new(email.clone()).classify(Errors::boxed());
    let (mut service, mut handle) = mock::spawn_layer::<&str, &str, _>(layer);
    let held = email.try_acquire().unwrap();
    assert_ready_ok!(service.poll_ready());
    let mut call = task::spawn(service.call("ping"));
    assert_pending!(call.poll());
    drop(held);
    assert!(call.is_woken());
    assert_pending!(call.poll());
    let (request, answer) = handle.next_request().await.unwrap();
    assert_eq!(request, "ping");
    answer.send_response("pong");
    assert_eq!(assert_ready_ok!(call.poll()), "pong");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_after_waiting_comes_back_uncloned() {
    struct Mail(&'static str);
    let email = Bulkhead::builder("email")
        .max_concurrent(0)
        .queue(5)
        .max_wait(SECOND);
    let layer =
        BulkheadLayer::new(email.build().unwrap()).respond_with_request(|_, mail: Mail| mail.0);
    let service = layer.layer(service_fn(async |_: Mail| Ok::<_, Infallible>("sent")));
    assert_eq!(service.oneshot(Mail("kept")).await.unwrap(), "kept");
}

#[tokio::test(start_paused = true)]
async fn a_raised_limit_lets_waiting_callers_in_and_a_lowered_one_holds_them() {
    let email = bulkhead(3, 10);
    let held: Vec<_> = (0..3).map(|_| email.try_acquire().unwrap()).collect();
    let mut waiting: Vec<_> = (0..4).map(|_| task::spawn(email.acquire())).collect();
    for waiter in &mut waiting {
        assert_pending!(waiter.poll());
    }
    email.resize(1);
    let mut held = held.into_iter();
    drop((held.next(), held.next()));
    assert!(waiting.iter_mut().all(|waiter| waiter.poll().is_pending()));
    drop(held);
    let first = assert_ready_ok!(waiting[0].poll());
    assert!(
        waiting[1..]
            .iter_mut()
            .all(|waiter| waiter.poll().is_pending())
    );
    email.resize(3);
    let _others = (
        assert_ready_ok!(waiting[1].poll()),
        assert_ready_ok!(waiting[2].poll()),
    );
    assert_pending!(waiting[3].poll());
    assert_eq!(email.snapshot().in_flight, 3);
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn when_email_hangs_payment_and_inventory_keep_their_latency() {
    let dependency = |name, limit, queue| {
        Bulkhead::builder(name)
            .max_concurrent(limit)
            .queue(queue)
            .max_wait(SECOND)
            .build()
            .unwrap()
    };
    let (payment, inventory) = (dependency("payment", 5, 50), dependency("inventory", 3, 30));
    let email = dependency("email", 2, 20);
    let work = service_fn(async |(): ()| {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok::<_, Infallible>(())
    });
    let hangs = service_fn(|(): ()| pending::<Result<(), Infallible>>());
    let (pay, reserve) = (
        BulkheadLayer::new(payment).layer(work),
        BulkheadLayer::new(inventory).layer(work),
    );
    let mail = BulkheadLayer::new(email.clone()).layer(hangs);
    for _ in 0..100 {
        let mail = mail.clone();
        tokio::spawn(async move { mail.oneshot(()).await });
        let start = Instant::now();
        reserve.clone().oneshot(()).await.unwrap();
        pay.clone().oneshot(()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_millis(20));
    }
    let seen = email.snapshot();
    assert_eq!((seen.in_flight, seen.completed), (2, 0));
    assert!(seen.queued <= 20);
}

#[tokio::test(start_paused = true)]
async fn nobody_starves_while_others_come_and_go() {
    let email = bulkhead(2, 100);
    let served = Arc::new(Semaphore::new(0));
    for _ in 0..50 {
        let (email, served) = (email.clone(), Arc::clone(&served));
        tokio::spawn(async move {
            let permit = email.acquire().await.unwrap();
            tokio::time::sleep(SECOND).await;
            permit.success();
            served.add_permits(1);
        });
    }
    let all = timeout(SECOND * 26, served.acquire_many(50)).await;
    assert!(all.is_ok(), "fifty calls of a second, two at a time");
}

#[tokio::test(start_paused = true)]
async fn back_pressure_takes_the_permit_in_poll_ready_and_wakes_its_waiter() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .back_pressure()
        .build()
        .unwrap();
    let inner = service_fn(async |(): ()| Ok::<_, Infallible>(()));
    let layer = BulkheadLayer::new(email.clone());
    let (mut one, two) = (layer.layer(inner), layer.layer(inner));
    one.ready().await.unwrap();
    assert_eq!(email.snapshot().in_flight, 1);
    let mut waits = task::spawn(two);
    assert_pending!(waits.enter(|cx, mut two| Service::<()>::poll_ready(&mut *two, cx)));
    one.call(()).await.unwrap();
    assert!(waits.is_woken());
    assert_ready_ok!(waits.enter(|cx, mut two| Service::<()>::poll_ready(&mut *two, cx)));
    drop(waits);
    assert_eq!(email.snapshot().in_flight, 0);
    assert!(email.try_acquire().is_ok());
}

#[tokio::test]
async fn with_no_permits_nobody_waits() {
    let closed = Bulkhead::builder("closed").max_concurrent(0).queue(5);
    let closed = closed.build().unwrap();
    assert_eq!(closed.acquire().await.unwrap_err().reason, Reason::Full);
    closed.resize(1);
    let held = closed.acquire().await.unwrap();
    let mut waits = task::spawn(closed.acquire());
    assert_pending!(waits.poll());
    closed.resize(0);
    assert_eq!(closed.acquire().await.unwrap_err().reason, Reason::Full);
    closed.resize(1);
    drop(held);
    assert!(waits.is_woken(), "whoever waited before goes on");
}

#[tokio::test]
async fn whoever_was_given_a_permit_leaves_its_place_to_the_next_at_once() {
    let jobs = Bulkhead::builder("jobs")
        .max_concurrent(1)
        .queue(1)
        .build()
        .unwrap();
    let first = jobs.try_acquire().unwrap();
    let mut second = task::spawn(jobs.acquire());
    assert_pending!(second.poll());
    assert_eq!((jobs.snapshot().in_flight, jobs.snapshot().queued), (1, 1));
    first.success();
    assert_eq!((jobs.snapshot().in_flight, jobs.snapshot().queued), (1, 0));
    let mut third = task::spawn(jobs.acquire());
    assert_pending!(third.poll());
    assert_eq!(jobs.snapshot().queued, 1);
    assert_eq!(jobs.acquire().await.unwrap_err().reason, Reason::QueueFull);
    drop(assert_ready!(second.poll()).unwrap());
    drop(third);
    let seen = jobs.snapshot();
    assert_eq!((seen.in_flight, seen.queued, seen.submitted), (0, 0, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn as_many_callers_as_there_is_room_for_are_never_refused() {
    let jobs = Bulkhead::builder("jobs")
        .max_concurrent(3)
        .queue(5)
        .build()
        .unwrap();
    let callers = (0..8).map(|_| {
        let jobs = jobs.clone();
        tokio::spawn(async move {
            for _ in 0..2_000 {
                let permit = jobs.acquire().await.expect("there is room for eight");
                tokio::task::yield_now().await;
                permit.success();
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let seen = jobs.snapshot();
    assert_eq!(
        (seen.in_flight, seen.queued, seen.completed),
        (0, 0, 16_000)
    );
}
