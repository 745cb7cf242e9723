//! What an operator sees of a bulkhead.
#![cfg(feature = "metrics")]

use std::{future::ready, time::Duration};

use allocation_counter::measure;
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt, service_fn};
use watertight_bulkhead::{Bulkhead, BulkheadEvent, BulkheadLayer};
use watertight_core::{EVENT_CAPACITY, KeyLimits, Missed, Reason, Registry, TopKeys};
use watertight_testing::Recorded;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_gauges_follow_the_permits_and_the_limit() {
    let recorded = Recorded::new();
    let email = Bulkhead::builder("email")
        .max_concurrent(3)
        .build()
        .unwrap();
    recorded.during(|| {
        let permit = email.try_acquire().unwrap();
        let seen = recorded.take();
        assert_eq!(seen["bulkhead_in_flight{name=email}"], 1.0);
        assert_eq!(seen["bulkhead_limit{name=email}"], 3.0);
        email.resize(5);
        drop(permit);
        let seen = recorded.take();
        assert_eq!(seen["bulkhead_in_flight{name=email}"], -1.0, "since then");
        assert_eq!(seen["bulkhead_limit{name=email}"], 5.0);
    });
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_measured_and_every_refusal_counted_by_its_reason() {
    let recorded = Recorded::new();
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .queue(1)
        .max_wait(SECOND);
    let email = email.build().unwrap();
    let held = email.try_acquire().unwrap();
    let mut first = task::spawn(email.acquire());
    recorded.during(|| {
        assert_pending!(first.poll());
        assert_eq!(recorded.take()["bulkhead_waiting{name=email}"], 1.0);
        assert_ready!(task::spawn(email.acquire()).poll()).unwrap_err();
        email.try_acquire().unwrap_err();
    });
    advance(SECOND).await;
    let mut second = task::spawn(email.acquire());
    recorded.during(|| {
        assert_ready!(first.poll()).unwrap_err();
        drop(first);
        assert_pending!(second.poll());
        drop(held);
        let _permit = assert_ready!(second.poll()).unwrap();
    });
    let seen = recorded.take();
    for (reason, times) in [
        ("full", 1.0),
        ("queue_full", 1.0),
        ("waited_too_long", 1.0),
        ("deadline_passed", 0.0),
    ] {
        let counter = format!("bulkhead_rejected_total{{name=email,reason={reason}}}");
        assert_eq!(seen[&counter], times, "{reason}");
    }
    assert_eq!(seen["bulkhead_wait_duration_seconds{name=email}"], 1.0);
}

#[test]
fn a_call_by_key_is_measured_once_and_a_share_is_no_limit() {
    let recorded = Recorded::new();
    let shares = Bulkhead::builder("tenants")
        .max_concurrent(5)
        .share_per_key(2);
    let tenants = shares.keyed::<u8>(KeyLimits::default()).unwrap();
    recorded.during(|| {
        let _permit = tenants.get(&1).try_acquire().unwrap();
        let seen = recorded.take();
        assert_eq!(seen["bulkhead_in_flight{name=tenants}"], 1.0);
        assert_eq!(seen["bulkhead_limit{name=tenants}"], 5.0);
    });
}

#[test]
fn measured_calls_do_not_allocate_either() {
    let recorded = Recorded::new();
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .build()
        .unwrap();
    recorded.during(|| {
        let calls = || {
            let _held = email.try_acquire().unwrap();
            email.try_acquire().unwrap_err();
        };
        calls();
        let made = measure(|| (0..100).for_each(|_| calls()));
        assert_eq!(made.count_total, 0);
    });
}

#[test]
fn a_call_from_before_the_recorder_is_not_taken_off_its_gauges() {
    let recorded = Recorded::new();
    let email = Bulkhead::builder("email")
        .max_concurrent(2)
        .build()
        .unwrap();
    let before = email.try_acquire().unwrap();
    recorded.during(|| {
        let _after = email.try_acquire().unwrap();
        drop(before);
        assert_eq!(recorded.take()["bulkhead_in_flight{name=email}"], 1.0);
    });
}

#[tokio::test(start_paused = true)]
async fn subscribers_hear_of_refusals_and_are_told_what_they_missed() {
    let email = Bulkhead::builder("email")
        .max_concurrent(0)
        .build()
        .unwrap();
    let mut events = email.subscribe();
    email.try_acquire().unwrap_err();
    let event = events.next().await.unwrap().unwrap();
    let refused = BulkheadEvent::Refused {
        reason: Reason::Full,
    };
    assert_eq!((event.kind, event.generation), (refused, 0));
    email.resize(1);
    email.resize(0);
    assert_eq!(events.next().await.unwrap().unwrap().generation, 1);
    (0..EVENT_CAPACITY + 6).for_each(|_| drop(email.try_acquire()));
    assert_eq!(events.next().await.unwrap().unwrap_err(), Missed(7));
}

#[test]
fn a_registry_takes_a_name_once_and_forgets_what_is_gone() {
    let registry = Registry::new();
    let build = || {
        Bulkhead::builder("email")
            .max_concurrent(1)
            .register(&registry)
            .build()
    };
    let email = build().unwrap();
    assert_eq!(build().unwrap_err().field(), "name");
    drop(email);
    assert!(registry.snapshots().is_empty());
    build().unwrap();
}

#[tokio::test]
async fn the_share_of_a_key_counts_its_own_refusals() {
    let shares = Bulkhead::builder("tenants")
        .max_concurrent(2)
        .share_per_key(1);
    let tenants = shares.keyed::<u8>(KeyLimits::default()).unwrap();
    let take = |tenant: u8| tenants.get(&tenant).try_acquire();
    let _held = (take(1).unwrap(), take(2).unwrap());
    take(1).unwrap_err();
    take(3).unwrap_err();
    let own = |tenant: u8| tenants.get(&tenant).own().snapshot();
    assert_eq!((own(1).full, own(1).submitted), (1, 2));
    assert_eq!((own(3).full, own(3).submitted), (1, 1));
    assert_eq!(tenants.get(&1).whole().snapshot().full, 2);
}

#[tokio::test]
async fn a_snapshot_adds_up_to_every_call_that_ever_asked() {
    let email = Bulkhead::builder("email")
        .max_concurrent(1)
        .build()
        .unwrap();
    let fails = service_fn(|n: u32| {
        ready(if n == 0 {
            Ok(())
        } else {
            Err(std::io::Error::other("down"))
        })
    });
    let service = BulkheadLayer::new(email.clone()).layer(fails);
    for n in 0..3 {
        let _ = service.clone().oneshot(n).await;
    }
    let seen = email.snapshot();
    assert_eq!((seen.completed, seen.failed, seen.submitted), (1, 2, 3));
}

#[test]
fn the_shares_that_refuse_most_are_shown_by_their_keys() {
    let recorded = Recorded::new();
    let tenants = Bulkhead::builder("tenants")
        .max_concurrent(100)
        .share_per_key(1)
        .keyed::<&str>(KeyLimits::default())
        .unwrap();
    let top = TopKeys::new(tenants.clone(), 1, |share| {
        share.own().snapshot().rejected()
    });
    let held = ["loud", "quiet"].map(|tenant| tenants.get(&tenant).try_acquire().unwrap());
    for _ in 0..3 {
        tenants.get(&"loud").try_acquire().unwrap_err();
    }
    let report = recorded.during(|| top.report());
    assert_eq!((report.shown, report.left_out), (1, 0));
    let seen = recorded.take();
    assert_eq!(seen["bulkhead_key_in_flight{name=tenants,key=loud}"], 1.0);
    assert_eq!(
        seen["bulkhead_key_rejected_total{name=tenants,key=loud}"],
        3.0
    );
    assert!(!seen.keys().any(|name| name.contains("quiet")));
    drop(held);
    recorded.during(|| top.report());
    let seen = recorded.take();
    assert_eq!(seen["bulkhead_key_in_flight{name=tenants,key=loud}"], 0.0);
    assert_eq!(
        seen["bulkhead_key_rejected_total{name=tenants,key=loud}"],
        0.0
    );
}
