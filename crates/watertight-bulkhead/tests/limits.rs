//! The limit is exact, whatever happens to the calls.

use std::{
    convert::Infallible,
    future::{pending, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use tokio_test::{assert_pending, task};
use tower::{Layer, Service, ServiceExt, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadEvent, BulkheadLayer, MAX_PERMITS, MAX_QUEUE};
use watertight_core::{BuildError, Error, KeyLimits, Reason, Registry, Value};

const IDLE: Duration = Duration::from_secs(60);

fn bulkhead(limit: usize) -> Bulkhead {
    Bulkhead::builder("email")
        .max_concurrent(limit)
        .build()
        .unwrap()
}

#[test]
fn a_full_bulkhead_refuses_at_once_and_needs_no_runtime() {
    let email = bulkhead(2);
    let (one, _two) = (email.try_acquire().unwrap(), email.try_acquire().unwrap());
    let refused = email.try_acquire().unwrap_err();
    assert_eq!((refused.by, refused.reason), ("email", Reason::Full));
    one.success();
    assert!(email.try_acquire().is_ok());
}

#[test]
fn a_limit_of_zero_is_closed() {
    let email = bulkhead(0);
    assert!(email.try_acquire().is_err());
    email.resize(1);
    assert!(email.try_acquire().is_ok());
}

#[test]
fn a_configuration_that_makes_no_sense_names_its_field() {
    let build = || Bulkhead::builder("email");
    let errors: [(&str, BuildError); 6] = [
        ("max_concurrent", build().build().unwrap_err()),
        (
            "max_concurrent",
            build().max_concurrent(MAX_PERMITS + 1).build().unwrap_err(),
        ),
        (
            "queue",
            build().max_concurrent(1).queue(0).build().unwrap_err(),
        ),
        (
            "queue",
            build()
                .max_concurrent(1)
                .queue(MAX_QUEUE + 1)
                .build()
                .unwrap_err(),
        ),
        (
            "name",
            Bulkhead::builder("").max_concurrent(1).build().unwrap_err(),
        ),
        ("share_per_key", {
            let shares = build().max_concurrent(1).share_per_key(2);
            shares.keyed::<u32>(KeyLimits::default()).unwrap_err()
        }),
    ];
    for (field, error) in errors {
        assert_eq!(error.field(), field, "{error}");
    }
}

#[test]
fn the_largest_numbers_are_allowed_and_a_larger_limit_is_cut() {
    let most = Bulkhead::builder("email").max_concurrent(MAX_PERMITS);
    let email = most.clone().build().unwrap();
    email.resize(0);
    email.resize(usize::MAX);
    assert_eq!(email.limit(), MAX_PERMITS);
    assert_eq!(most.queue(MAX_QUEUE).build().unwrap().limit(), MAX_PERMITS);
}

#[test]
fn every_end_of_a_call_frees_its_place_and_is_counted() {
    let email = bulkhead(1);
    email.try_acquire().unwrap().success();
    email.try_acquire().unwrap().failure();
    email.try_acquire().unwrap().ignore();
    drop(email.try_acquire().unwrap());
    let held = email.try_acquire().unwrap();
    email.try_acquire().unwrap_err();
    let seen = email.snapshot();
    assert_eq!(
        (seen.completed, seen.failed, seen.ignored, seen.cancelled),
        (1, 1, 1, 1)
    );
    assert_eq!((seen.in_flight, seen.full, seen.submitted), (1, 1, 6));
    drop(held);
    assert_eq!(email.snapshot().in_flight, 0);
}

#[tokio::test]
async fn a_call_that_panics_or_is_dropped_frees_its_place() {
    let email = bulkhead(1);
    let layer = BulkheadLayer::new(email.clone());
    let mut in_call = layer.layer(service_fn(
        |(): ()| -> std::future::Ready<Result<(), Infallible>> { panic!("in call") },
    ));
    in_call.ready().await.unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| in_call.call(()))).is_err());
    assert_eq!(email.snapshot().in_flight, 0);
    let in_poll = layer.layer(service_fn(async |(): ()| -> Result<(), Infallible> {
        panic!("in poll")
    }));
    let mut call = task::spawn(in_poll.oneshot(()));
    assert!(catch_unwind(AssertUnwindSafe(|| call.poll())).is_err());
    assert_eq!(email.snapshot().in_flight, 0);
    assert_eq!(email.snapshot().failed, 2);
    let hangs = layer.layer(service_fn(|(): ()| pending::<Result<(), Infallible>>()));
    for polls in 0..2 {
        let mut call = task::spawn(hangs.clone().ready_oneshot().await.unwrap().call(()));
        (0..polls).for_each(|_| assert_pending!(call.poll()));
        assert_eq!(email.snapshot().in_flight, 1);
        drop(call);
        assert_eq!(email.snapshot().in_flight, 0);
    }
}

#[tokio::test]
async fn a_million_dropped_calls_leak_nothing() {
    let email = bulkhead(3);
    let hangs = service_fn(|(): ()| pending::<Result<(), Infallible>>());
    let mut service = BulkheadLayer::new(email.clone()).layer(hangs);
    for _ in 0..1_000_000 {
        drop(service.ready().await.unwrap().call(()));
    }
    let seen = email.snapshot();
    assert_eq!(
        (seen.in_flight, seen.cancelled, seen.rejected()),
        (0, 1_000_000, 0)
    );
}

#[test]
fn threads_together_never_get_more_than_the_limit() {
    for limit in [1, 2, 3, 7] {
        let email = bulkhead(limit);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        if let Ok(permit) = email.try_acquire() {
                            most.fetch_max(
                                now.fetch_add(1, Ordering::SeqCst) + 1,
                                Ordering::SeqCst,
                            );
                            now.fetch_sub(1, Ordering::SeqCst);
                            permit.success();
                        }
                    }
                });
            }
        });
        assert!(most.into_inner() <= limit);
        let seen = email.snapshot();
        assert_eq!((seen.in_flight, seen.submitted), (0, 160_000));
        let all: Vec<_> = (0..limit).map(|_| email.try_acquire().unwrap()).collect();
        assert!(email.try_acquire().is_err(), "{all:?}");
    }
}

#[test]
fn the_limit_grows_and_shrinks_while_idle_and_under_load() {
    let email = bulkhead(2);
    let mut events = email.subscribe();
    email.resize(4);
    let mut held: Vec<_> = (0..4).map(|_| email.try_acquire().unwrap()).collect();
    email.resize(1);
    assert_eq!(email.snapshot().in_flight, 4);
    for _ in 0..3 {
        held.pop();
        assert!(email.try_acquire().is_err(), "{} in flight", held.len());
    }
    held.pop();
    held.push(email.try_acquire().unwrap());
    assert!(email.try_acquire().is_err());
    // Grown again before its debts were paid: they are forgiven.
    email.resize(0);
    email.resize(2);
    let _second = email.try_acquire().unwrap();
    assert!(email.try_acquire().is_err());
    let first = events.try_next().unwrap().unwrap().kind;
    assert_eq!(first, BulkheadEvent::Resized { from: 2, to: 4 });
}

#[test]
fn a_lowered_limit_holds_under_sustained_load() {
    let email = bulkhead(20);
    let held: Vec<_> = (0..20).map(|_| email.try_acquire().unwrap()).collect();
    email.resize(2);
    // Each call that ends is followed at once by another that wants its place.
    let mut admitted = Vec::new();
    for permit in held {
        permit.success();
        admitted.extend(email.try_acquire().ok());
    }
    assert_eq!(admitted.len(), 2);
    assert_eq!(email.snapshot().in_flight, 2);
}

#[test]
fn resizing_while_threads_work_never_breaks_the_bookkeeping() {
    let email = bulkhead(8);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50_000 {
                    drop(email.try_acquire());
                }
            });
        }
        for limit in (0..2_000).map(|step| step % 9) {
            email.resize(limit);
        }
    });
    email.resize(5);
    let all: Vec<_> = (0..5).map(|_| email.try_acquire().unwrap()).collect();
    assert!(email.try_acquire().is_err());
    assert_eq!(email.snapshot().in_flight, all.len());
}

#[tokio::test]
async fn an_exempt_request_passes_a_full_bulkhead() {
    let email = bulkhead(0);
    let health = |path: &&'static str| *path == "/healthz";
    let layer = BulkheadLayer::new(email.exempt(health));
    let service = layer.layer(service_fn(|path: &'static str| {
        ready(Ok::<_, Infallible>(path))
    }));
    assert_eq!(
        service.clone().oneshot("/healthz").await.unwrap(),
        "/healthz"
    );
    let refused = service.oneshot("/orders").await.unwrap_err();
    assert!(matches!(refused, Error::Rejected(_)));
}

#[tokio::test]
async fn each_key_has_a_share_under_one_limit() {
    let shares = Bulkhead::builder("tenants")
        .max_concurrent(5)
        .share_per_key(3);
    let tenants = shares.keyed::<u32>(KeyLimits::default()).unwrap();
    let take = |tenant: u32| tenants.get(&tenant).try_acquire();
    let mut held: Vec<_> = (0..3).map(|_| take(1).unwrap()).collect();
    assert!(take(1).is_err(), "its share is taken");
    held.extend((0..2).map(|_| take(2).unwrap()));
    assert!(take(2).is_err(), "the whole is taken");
    assert_eq!(
        tenants.get(&2).own().snapshot().in_flight,
        2,
        "nothing is left of the attempt"
    );
    held.clear();
    assert!(take(1).is_ok());
    let layer = BulkheadLayer::keyed(tenants, |tenant: &u32| *tenant);
    let service = layer.layer(service_fn(|tenant: u32| ready(Ok::<_, Infallible>(tenant))));
    assert_eq!(service.oneshot(7).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn an_idle_share_makes_room_and_a_busy_one_does_not() {
    let shares = Bulkhead::builder("tenants")
        .max_concurrent(5)
        .share_per_key(3);
    let limits = KeyLimits::new("tenants", 1, IDLE).unwrap();
    let tenants = shares.keyed::<u32>(limits).unwrap();
    let permits = tenants.get(&1).try_acquire().unwrap();
    tokio::time::advance(IDLE * 2).await;
    let _ = tenants.get(&2);
    assert!(tenants.peek(&1).is_some() && tenants.peek(&2).is_none());
    drop(permits);
    tokio::time::advance(IDLE * 2).await;
    let _ = tenants.get(&2);
    assert!(tenants.peek(&1).is_none() && tenants.peek(&2).is_some());
}

#[tokio::test]
async fn a_registry_knows_it() {
    let registry = Registry::new();
    let email = Bulkhead::builder("email")
        .max_concurrent(2)
        .register(&registry)
        .build()
        .unwrap();
    let mut heard = registry.subscribe();
    email.resize(3);
    let event = heard.try_next().unwrap().unwrap();
    assert_eq!(
        (event.component, event.kind.to.as_deref()),
        ("bulkhead", Some("3"))
    );
    assert_eq!(
        registry.snapshots()[0].field("limit"),
        Some(&Value::Count(3))
    );
}

#[test]
fn nothing_is_larger_than_it_must_be_and_everything_can_be_shared() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: &T) {}
    let email = bulkhead(1);
    let inner = service_fn(|(): ()| ready(Ok::<_, Infallible>(())));
    let mut service = BulkheadLayer::new(email.clone()).layer(inner);
    shared(&service);
    sent(&service.call(()));
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(1)
        .build()
        .unwrap();
    let mut service = BulkheadLayer::new(email).layer(inner);
    shared(&service);
    sent(&service.call(()));
}
